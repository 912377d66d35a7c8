"""What an issue should begin with: versions, machine, and what of the installation is broken."""

import importlib
from collections.abc import Iterator
from pathlib import Path

from morec.errors import DataError
from tune_space.capacity.machine import (
    available_memory,
    existing,
    format_bytes,
    free_disk,
    total_memory,
)
from tune_space.commands.request import Answer, Request
from tune_space.ledger.provenance import git_state, machine, versions

MODULES = (
    "ray", "torch", "torchvision", "transformers", "timm", "optuna", "numpy", "pandas", "pyarrow",
    "plotly", "pydantic", "tokenizers", "safetensors", "lmdb", "PIL",
)  # fmt: skip


def answer(request: Request) -> Answer:
    """Say what this installation is; exit code 1 if a part of it is broken."""
    facts, broken = examine(request.out)
    lines = (*facts, *(f"wrong: {problem}" for problem in broken))
    return Answer(lines, exit_code=1 if broken else 0)


def examine(runs: Path) -> tuple[list[str], list[str]]:
    """Lines about this installation, and those of them that say what is wrong."""
    facts = [f"{name} {version}" for name, version in versions().items()]
    facts += [f"git {key}: {value}" for key, value in git_state().items()]
    facts += [f"machine: {machine()}", *_room(runs)]
    broken = [*_imports(), *_weights()]
    facts += [f"accelerator: {_accelerator()}"]
    return facts, broken


def _room(runs: Path) -> Iterator[str]:
    yield f"disk free at {existing(runs)}: {format_bytes(free_disk(runs))}"
    yield f"memory: {format_bytes(total_memory())}, {format_bytes(available_memory())} available"


def _imports() -> Iterator[str]:
    """Packages that cannot be imported, beside a torch they were not built for, say."""
    from morec import torchvision_guard  # noqa: F401  (before timm, as everywhere)

    for name in MODULES:
        try:
            importlib.import_module(name)
        except (ImportError, OSError, RuntimeError, AttributeError) as error:
            yield f"{name} cannot be imported: {str(error).splitlines()[0]}"


def _weights() -> Iterator[str]:
    """Packaged weights and data that are missing or are not the pinned ones."""
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
