"""A study file -> ``StudySpec``, or one ``SpecError`` that names every mistake with its line.

``fusion.yaml:12: base.optim.lrr: unknown key 'lrr'. Did you mean 'lr'? Allowed: beta2, ...``
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from morec.errors import SpecError, did_you_mean
from tune_space.study.arm import Arm
from tune_space.study.check_values import FLAT, check
from tune_space.study.expand import expand
from tune_space.study.overrides import apply_overrides
from tune_space.study.questions import open_questions
from tune_space.study.quick import QUICK, full_form, is_asked_for, quick_form
from tune_space.study.spec import StudySpec
from tune_space.study.wrong_values import explain
from tune_space.study.yaml_document import Document, Problem, read_yaml, shorten


@dataclass(frozen=True)
class LoadedStudy:
    """One form of a study file, as a command needs it."""

    spec: StudySpec
    text: str
    """The whole file, with both forms."""
    where: str
    """The file's name; every message begins with it."""

    @cached_property
    def arms(self) -> tuple[Arm, ...]:
        """Every arm of this form, built the first time they are asked for.

        Raises:
            SpecError: an arm is impossible; every reason, one line each.
        """
        try:
            return expand(self.spec)
        except SpecError as error:
            problems = [f"{self.where}: {problem}" for problem in error.problems]
            raise SpecError(problems) from error


def open_study(path: Path, overrides: Sequence[str] = ()) -> LoadedStudy:
    """Read a study file once; its name without the ending is the study's default name.

    ``overrides`` are ``KEY=VALUE``, as given to ``--set``.

    Raises:
        SpecError: the file cannot be read, or is not a study; every mistake, one line each.
    """
    return _parse(read_study_file(path), str(path), path.stem, overrides)


def load_study(path: Path, overrides: Sequence[str] = ()) -> StudySpec:
    """The study in a file alone; ``open_study`` gives the file's text and the arms as well.

    Raises:
        SpecError: as ``open_study``.
    """
    return open_study(path, overrides).spec


def read_study_file(path: Path) -> str:
    """The text of a study file.

    Raises:
        SpecError: there is no such file, or it is not UTF-8 text.
    """
    if path.is_dir():
        raise SpecError(f"{path}: is a folder; give a study file (.yaml)")
    if not path.exists():
        near = did_you_mean(path.name, (other.name for other in path.parent.glob("*.yaml")))
        raise SpecError(f"{path}: no such file.{near}")
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"{path}: cannot be read: {error}") from error


def parse_study(
    text: str, where: str = "study.yaml", name: str = "study", overrides: Sequence[str] = ()
) -> StudySpec:
    """Read a study from text; ``where`` begins every message, ``name`` is the default name.

    ``overrides`` are ``KEY=VALUE``, as given to ``--set``.

    Raises:
        SpecError: every mistake, one line each, in the order of the file.
    """
    return _parse(text, where, name, overrides).spec


def _parse(text: str, where: str, name: str, overrides: Sequence[str]) -> LoadedStudy:
    document = read_yaml(text, where)
    if not isinstance(document.value, dict):
        found = "an empty file" if document.value is None else shorten(document.value)
        raise SpecError(f"{where}: found {found}; a study is a mapping: question:, base:, ...")
    is_quick = is_asked_for(document, overrides)
    if QUICK in document.value:
        return _both_forms(document, name, overrides, is_quick=is_quick)
    if is_quick:
        raise SpecError(f"{where}: profile quick: the study has no quick: block")
    study, lines = _read(document, name, overrides)
    if study is None or lines:
        raise SpecError(lines)
    return study


def _both_forms(
    document: Document, name: str, overrides: Sequence[str], *, is_quick: bool
) -> LoadedStudy:
    """Read the study in both forms, so that a mistake in either form is found now.

    Overrides change the form that is asked for; the other form is checked as it was written.
    """
    full, full_lines = _read(full_form(document), name, () if is_quick else overrides)
    quick, quick_lines = _read(quick_form(document), name, overrides if is_quick else ())
    if full and quick and not full_lines and not quick_lines:
        full_lines, quick_lines = _impossible(full), _impossible(quick)
    asked = quick if is_quick else full
    only_quick = [f"{line} (in the quick form)" for line in quick_lines if line not in full_lines]
    if asked is None or full_lines or only_quick:
        raise SpecError([*full_lines, *only_quick])
    return asked


def _read(
    document: Document, name: str, overrides: Sequence[str]
) -> tuple[LoadedStudy | None, list[str]]:
    """One form of a study and its mistakes, one line each."""
    unwritten = apply_overrides(document, overrides)
    if questions := [*open_questions(document.value)]:
        return None, document.locate(questions)
    raw = {"name": name, **document.value}
    spec, problems = _validate(raw)
    lines = [*document.locate([*document.problems, *problems, *check(raw)]), *unwritten]
    return LoadedStudy(spec, document.text, document.where) if spec else None, lines


def _impossible(study: LoadedStudy) -> list[str]:
    """Why arms of a study cannot be built."""
    try:
        _ = study.arms
    except SpecError as error:
        return list(error.problems)
    return []


def _validate(raw: Mapping[str, Any]) -> tuple[StudySpec | None, list[Problem]]:
    shaped = dict(raw)
    for key, own_keys in FLAT.items():
        if isinstance(raw.get(key), dict):
            shaped[key] = {name: _unflatten(one, own_keys) for name, one in raw[key].items()}
    try:
        return StudySpec.model_validate_json(json.dumps(shaped)), []
    except ValidationError as error:
        problems = explain(error, shaped, [StudySpec])
    return None, problems


def _unflatten(flat: Any, own_keys: Sequence[str]) -> Any:
    """An arm, data set or condition as its model has it: dotted paths are gathered under ``set``.

    In the file they stand among the few keys of its own.
    """
    if flat is None:
        return {}
    if not isinstance(flat, dict):
        return flat
    settings = {path: value for path, value in flat.items() if path not in own_keys}
    return {"set": settings} | {key: flat[key] for key in own_keys if key in flat}
