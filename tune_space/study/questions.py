"""Questions in a study file: a value that nobody could guess is ``???`` until it is answered."""

from collections.abc import Iterator
from typing import Any

from tune_space.study.yaml_document import KeyPath, Problem

OPEN = "???"
"""Stands where an answer is to be written."""


def open_questions(value: Any, path: KeyPath = ()) -> Iterator[Problem]:
    """Every value of a study that is an open question."""
    if value == OPEN:
        yield Problem(path, f"is an open question; replace {OPEN} by one of the answers above it")
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from open_questions(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from open_questions(inner, (*path, index))
