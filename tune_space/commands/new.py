"""``--new``: looks at the files of a data set, and writes a study of it that runs as it stands."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from morec.config import DatasetSpec, canonical_json
from morec.data.dataset import read_interactions
from morec.data.detect.guess import Detected, Guess
from morec.data.detect.layout import detect
from morec.errors import DataError, SpecError
from tune_space.capacity.machine import num_cpus
from tune_space.commands.new_settings import Machine, guess_settings
from tune_space.commands.new_yaml import Draft, arm_names, study_text
from tune_space.commands.request import Answer, Request
from tune_space.inputs.data_profile import format_profile
from tune_space.inputs.dataset_entries import profile_dataset
from tune_space.study.load import parse_study
from tune_space.study.questions import OPEN
from tune_space.study.schema import FILE, format_schema

MAX_FILES = 2
FORBIDDEN = re.compile(r"[^\w .()+-]")
"""What the name of a study does not have."""


def answer(request: Request) -> Answer:
    """Write ``<name>.yaml`` into the current folder, which relative paths in it start from.

    Raises:
        DataError: a file is missing, empty, or no data set.
        SpecError: a study of this name is there already, or too many files are given.
    """
    paths, images = request.argument, request.options.get("images")
    if len(paths) > MAX_FILES:
        raise SpecError(f"--new: {len(paths)} files; give interactions and maybe items")
    root = Path()
    detected = detect(paths, images, root)
    where = Path(f"{FORBIDDEN.sub('-', detected.name).strip(' .-+()') or 'study'}.yaml")
    if where.exists():
        raise SpecError(f"{where}: is there already and stays as it is; move or rename it")
    draft, lines = _draft(detected, root, _command(request.program, paths, images))
    text = study_text(draft)
    _check(text, study_text(draft, with_questions=False), where)
    with where.open("x", encoding="utf-8") as stream:
        stream.write(text)
    lines += _write_schema(where.with_name(FILE))
    return Answer((*lines, *_next(draft, where, request.program)))


def _write_schema(where: Path) -> list[str]:
    """Write the schema that the study's first line names, where there is none; what to say of it.

    It lies beside the study, since a path into an installation would be of this machine alone.
    """
    try:
        with where.open("x", encoding="utf-8") as stream:
            stream.write(format_schema())
    except FileExistsError:
        return []
    return [f"written: {where} (for editors, which complete and check the keys by it)"]


def _command(program: str, paths: list[Path], images: Path | None) -> str:
    words = [*program.split(), "--new", *map(str, paths)]
    return shlex.join([*words, *(["--images", str(images)] if images else [])])


def _draft(detected: Detected, root: Path, command: str) -> tuple[Draft, list[str]]:
    """Read the data, with the first answer to every question; also what to print about them."""
    plain = detected.answered()
    spec = _spec(plain)
    interactions = read_interactions(spec, root)
    settings = guess_settings(
        interactions,
        _machine(),
        num_arms=len(arm_names(detected.modalities)),
        has_repeats="repeats" in type(spec).model_fields,
    )
    kept = _spec({**plain, **{guess.key: guess.value for guess in settings.dataset}})
    # What was guessed cuts windows; it does not change what is read.
    entry = profile_dataset(kept, root, interactions=interactions)
    if entry.profile is None:
        raise DataError(f"{entry.name}: has no profile")
    lines = [*_found(detected), *format_profile(entry)]
    return Draft(command, detected, settings, entry.profile), lines


def _spec(plain: dict[str, Any]) -> Any:
    adapter: TypeAdapter[Any] = TypeAdapter(DatasetSpec)
    return adapter.validate_json(canonical_json(plain))


def _machine() -> Machine:
    import torch

    return Machine(num_cpus(), torch.cuda.device_count())


def _found(detected: Detected) -> Iterator[str]:
    yield f"kind: {detected.kind} ({detected.why})"
    for option in detected.options:
        if isinstance(option, Guess):
            why = f" ({option.why})" if option.why else ""
            yield f"{option.key}: {option.value}{why}"
        else:
            yield f"{' and '.join(option.keys)}: open; what follows is for the first answer"


def _check(text: str, answered: str, where: Path) -> None:
    """Check that the study loads and all its arms can be built, once its questions are answered.

    Raises:
        SpecError: it is no study.
    """
    parse_study(answered, str(where), where.stem)
    try:
        parse_study(text, str(where), where.stem)
    except SpecError as error:
        if not all(OPEN in problem for problem in error.problems):
            raise


def _next(draft: Draft, where: Path, program: str) -> Iterator[str]:
    """What was written, and what to do now."""
    yield f"written: {where} (arms {', '.join(arm_names(draft.detected.modalities))})"
    for question in draft.detected.questions:
        yield f"question: {question.text} Answer it in {where}, where {OPEN} stands"
    name = shlex.quote(str(where))
    yield f"next: {program} {name} --plan says what it takes; without --plan it runs"
