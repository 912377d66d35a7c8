"""The two forms of a study file: as it stands, and with its ``quick:`` block merged over it."""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

from morec.errors import did_you_mean
from tune_space.study.yaml_document import Document, KeyPath, Problem, shorten

QUICK = "quick"
"""Key of the block, and the profile's name."""
_NOT_HERE = {
    "profile": "is quick in this block; leave it out",
    "expected": "a quick form shows no paper numbers; leave it out",
}
_FIXED = {"arms": "arm", "datasets": "data set"}
"""Mappings to which the block adds nothing, so that a name written wrong is found."""


def is_asked_for(document: Document, overrides: Sequence[str]) -> bool:
    """Whether the file or ``--set profile=quick`` asks for the quick form."""
    given = [override.partition("=") for override in overrides]
    profiles = [text.strip() for key, _, text in given if key == "profile"]
    return bool((profiles or [document.value.get("profile")])[-1] == QUICK)


def full_form(document: Document) -> Document:
    """The study without its ``quick:`` block; mistakes in the block's own shape come with it."""
    value = {key: deepcopy(inner) for key, inner in document.value.items() if key != QUICK}
    problems = [*document.problems, *_block_problems(document.value)]
    return replace(document, value=value, problems=problems, lines=dict(document.lines))


def quick_form(document: Document) -> Document:
    """The study with its ``quick:`` block merged over it, each value at the line that wrote it.

    Mappings merge; one that holds ``kind``, and everything that is no mapping, takes the place of
    what was there. The paper's numbers are left out: they are not about this.
    """
    form = full_form(document)
    block = document.value.get(QUICK)
    for path, value in _replacements(form.value, block if isinstance(block, dict) else {}):
        if path[0] not in _NOT_HERE:
            _set_at(form.value, path, deepcopy(value))
            form.lines = {p: line for p, line in form.lines.items() if p[: len(path)] != path}
    moved = {p[1:]: line for p, line in document.lines.items() if p[:1] == (QUICK,)}
    form.lines = moved | form.lines
    form.value.pop("expected", None)
    form.value["profile"] = QUICK
    return form


def _replacements(
    below: Mapping[str, Any], above: Mapping[str, Any], path: KeyPath = ()
) -> Iterator[tuple[KeyPath, Any]]:
    for key, value in above.items():
        inner = below.get(key)
        if isinstance(inner, dict) and isinstance(value, dict) and "kind" not in value:
            yield from _replacements(inner, value, (*path, key))
        else:
            yield (*path, key), value


def _set_at(value: dict[str, Any], path: KeyPath, new: Any) -> None:
    for step in path[:-1]:
        value = value[str(step)]
    value[str(path[-1])] = new


def _block_problems(study: Mapping[str, Any]) -> Iterator[Problem]:
    if QUICK not in study:
        return
    block = study[QUICK]
    if not isinstance(block, dict):
        yield Problem((QUICK,), f"found {shorten(block)}; allowed: a mapping.")
        return
    for key, text in _NOT_HERE.items():
        if key in block:
            yield Problem((QUICK, key), text)
    for key, noun in _FIXED.items():
        there, named = study.get(key), block.get(key)
        known = list(there) if isinstance(there, dict) else []
        for name in named if isinstance(named, dict) else ():
            if name not in known:
                allowed = f"Allowed: {', '.join(known) or 'none, the study has no ' + key}"
                text = f"unknown {noun} {name!r}.{did_you_mean(name, known)} {allowed}"
                yield Problem((QUICK, key, name), text)
