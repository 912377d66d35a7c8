"""``--set KEY=VALUE``: changes of a study after its file was read."""

from collections.abc import Mapping, Sequence
from typing import Any

from morec.config import TrialConfig
from morec.errors import SpecError
from tune_space.study.check_values import FLAT
from tune_space.study.spec import StudySpec
from tune_space.study.url_secrets import hide_secrets
from tune_space.study.yaml_document import Document, KeyPath, format_unknown, read_yaml

_DOTTED_KEYS = ("search", "factors", "one_factor_out", "start", "when")
"""Mappings whose keys are dotted paths themselves, as those of the entries of ``FLAT`` are."""


def apply_overrides(document: Document, overrides: Sequence[str]) -> list[str]:
    """Write every override into the document; returns the mistakes, one line each.

    A key is a path in the study file (``budget.trials``) or, for short, in its ``base``
    (``optim.lr``). The value is YAML.
    """
    problems: list[str] = []
    for override in overrides:
        try:
            _apply(document, override)
        except SpecError as error:
            problems += error.problems
    return problems


def _apply(document: Document, override: str) -> None:
    key, equals, text = override.partition("=")
    shown = hide_secrets(override)  # A URL's password is never printed, least of all a refused one.
    where = f"--set {shown if shown.isprintable() else repr(shown)}"
    if not equals or not key.strip() or not key.isprintable():
        raise SpecError(f"{where}: write KEY=VALUE, for example optim.lr=1e-3")
    value = _read(text, where)
    path = _find(document.value, key, where)
    _write(document.value, path, value, where)
    document.lines = {p: n for p, n in document.lines.items() if p[: len(path)] != path}
    document.overrides[path] = where


def _read(text: str, where: str) -> Any:
    try:
        value = read_yaml(text, where)
    except SpecError as error:
        raise SpecError(f"{where}: the value is not YAML") from error
    if value.problems:
        raise SpecError([f"{where}: {problem.message}" for problem in value.problems])
    return value.value


def _find(study: Mapping[str, Any], key: str, where: str) -> KeyPath:
    first = key.split(".")[0]
    if first in StudySpec.model_fields:
        return _split(study, key, ())
    if first in TrialConfig.model_fields:
        return ("base", *_split(study.get("base"), key, ("base",)))
    known = sorted({*StudySpec.model_fields, *TrialConfig.model_fields})
    raise SpecError(f"{where}: {format_unknown('key', first, known)}")


def _split(node: Any, key: str, above: KeyPath) -> KeyPath:
    """Cut a key into the keys of nested mappings: ``node``, at the path ``above``, and below it.

    A key that is there already may contain dots itself; the longest one counts.
    """
    if not key:
        return ()
    existing = [k for k in node if f"{key}.".startswith(f"{k}.")] if isinstance(node, dict) else []
    if existing:
        step = max(existing, key=len)
        inner = node[step]
    else:
        step, inner = _new_key(key, above), None
    return (step, *_split(inner, key[len(step) + 1 :], (*above, step)))


def _new_key(key: str, above: KeyPath) -> str:
    """What of ``key`` is one new key in the mapping at ``above``: all of it, or its first part."""
    first = key.split(".")[0]
    is_flat = len(above) == 2 and above[0] in FLAT
    has_dotted_keys = above[-1:] in [(name,) for name in _DOTTED_KEYS]
    if has_dotted_keys or (is_flat and first not in ("search", "start")):
        return key
    return first


def _write(study: dict[str, Any], path: KeyPath, value: Any, where: str) -> None:
    node: dict[Any, Any] = study
    for step in path[:-1]:
        if node.get(step) is None:
            node[step] = {}
        if not isinstance(node[step], dict):
            raise SpecError(f"{where}: {step} is not a mapping")
        node = node[step]
    node[path[-1]] = value
