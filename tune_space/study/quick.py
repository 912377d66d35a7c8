"""The two forms of a study file: in full, and with its ``quick:`` block merged over the rest."""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

from tune_space.study.config_paths import merges
from tune_space.study.yaml_document import (
    Document,
    KeyPath,
    Problem,
    format_unknown,
    mapping,
    shorten,
)

QUICK = "quick"
"""Key of the block, and name of the profile that asks for it."""
NOT_IN_BLOCK = {
    "profile": "is quick in this block; leave it out",
    "expected": "a quick form shows no paper numbers; leave it out",
}
"""Keys of a study that its block does not have, and why."""
_FIXED = {"arms": "arm", "datasets": "data set", "conditions": "condition"}
"""Mappings that the block may not add a name to, so that a misspelt name is found."""


def is_asked_for(document: Document, overrides: Sequence[str]) -> bool:
    """Whether the file or ``--set profile=quick`` asks for the quick form."""
    given = [override.partition("=") for override in overrides]
    profiles = [text.strip() for key, _, text in given if key == "profile"]
    return bool((profiles or [document.value.get("profile")])[-1] == QUICK)


def full_form(document: Document) -> Document:
    """The study without its ``quick:`` block, and with the mistakes in the block's shape."""
    value = {key: deepcopy(inner) for key, inner in document.value.items() if key != QUICK}
    problems = [*document.problems, *_block_problems(document.value)]
    return replace(document, value=value, problems=problems, lines=dict(document.lines))


def quick_form(document: Document) -> Document:
    """The study with its ``quick:`` block merged over it; each value has the line that wrote it.

    Mappings merge. A mapping with ``kind``, and everything that is no mapping, replaces what was
    there. The paper's numbers (``expected``) are left out: they are not about this form.
    """
    form = full_form(document)
    block = document.value.get(QUICK)
    for path, value in _replacements(form.value, block if isinstance(block, dict) else {}):
        if path[0] not in NOT_IN_BLOCK:
            _set_at(form.value, path, deepcopy(value))
            form.lines = {p: line for p, line in form.lines.items() if p[: len(path)] != path}
    moved = {p[1:]: line for p, line in document.lines.items() if p[:1] == (QUICK,)}
    form.lines = moved | form.lines
    form.value.pop("expected", None)
    form.value["profile"] = QUICK
    return form


def _replacements(
    study: Mapping[str, Any], block: Mapping[str, Any], path: KeyPath = ()
) -> Iterator[tuple[KeyPath, Any]]:
    """Where a block replaces a value of the study, and by what."""
    for key, value in block.items():
        inner = study.get(key)
        if merges(inner, value):
            yield from _replacements(inner, value, (*path, key))
        else:
            yield (*path, key), value


def _set_at(value: dict[str, Any], path: KeyPath, new: Any) -> None:
    for step in path[:-1]:
        value = value[str(step)]
    value[str(path[-1])] = new


def _block_problems(study: Mapping[str, Any]) -> Iterator[Problem]:
    """Mistakes in the block itself, before it is merged."""
    if QUICK not in study:
        return
    block = study[QUICK]
    if not isinstance(block, dict):
        yield Problem((QUICK,), f"found {shorten(block)}; allowed: a mapping.")
        return
    for key, text in NOT_IN_BLOCK.items():
        if key in block:
            yield Problem((QUICK, key), text)
    for key, noun in _FIXED.items():
        known = list(mapping(study, key))
        for name in mapping(block, key):
            if name not in known:
                allowed = known or [f"none, the study has no {key}"]
                yield Problem((QUICK, key, name), format_unknown(noun, name, allowed))
