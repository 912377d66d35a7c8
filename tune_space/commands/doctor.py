"""What a bug report should begin with: versions, the machine, and broken parts of the install."""

import importlib
from collections.abc import Iterator
from pathlib import Path

from morec.code_version import IN_TRIALS
from morec.errors import DataError, ExitCode, first_line
from tune_space.capacity.machine import (
    available_memory,
    existing,
    format_bytes,
    free_disk,
    total_memory,
)
from tune_space.commands.request import Answer, Request
from tune_space.ledger.provenance import IN_STUDIES, git_state, machine, versions

MODULES = {package: package for package in (*IN_TRIALS, *IN_STUDIES)} | {"pillow": "PIL"}
"""Package -> the module that must be importable."""


def answer(request: Request) -> Answer:
    """Say what this installation is; ``FAILED`` if a part of it is broken."""
    facts, broken = examine(request.out)
    lines = (*facts, *(f"wrong: {problem}" for problem in broken))
    return Answer(lines, exit_code=ExitCode.FAILED if broken else ExitCode.OK)


def examine(runs: Path) -> tuple[list[str], list[str]]:
    """What this installation is, and what is wrong with it; a line each.

    ``runs`` is the folder whose disk is looked at.
    """
    facts = [f"{name} {version}" for name, version in versions().items()]
    facts += [f"git {key}: {value}" for key, value in git_state().items()]
    memory, available = format_bytes(total_memory()), format_bytes(available_memory())
    facts += [
        f"machine: {machine()}",
        f"disk free at {existing(runs)}: {format_bytes(free_disk(runs))}",
        f"memory: {memory}, {available} available",
    ]
    broken = [*_imports(), *_weights()]
    facts += [f"accelerator: {_accelerator()}"]
    return facts, broken


def _imports() -> Iterator[str]:
    """Packages that cannot be imported, for example because they were built for another torch."""
    from morec import torchvision_guard  # noqa: F401  (before timm, as everywhere)

    for name in MODULES.values():
        try:
            importlib.import_module(name)
        except (ImportError, OSError, RuntimeError, AttributeError) as error:
            yield f"{name} cannot be imported: {first_line(error)}"


def _weights() -> Iterator[str]:
    """Weights and data from packages that are missing, or whose files are not the pinned ones."""
    from morec.data.readers.movielens import hash_movielens
    from morec.encoders.weights import image as image_weights
    from morec.encoders.weights import text as weights
    from morec.encoders.weights.files import located_folder

    for name, packaged in (weights.PACKAGED | image_weights.PACKAGED).items():
        try:
            located_folder(name, packaged)
        except DataError as error:
            yield str(error)
    try:
        hash_movielens()
    except DataError as error:
        yield str(error)


def _accelerator() -> str:
    try:
        import torch
    except (ImportError, OSError):
        return "torch cannot be imported"
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
