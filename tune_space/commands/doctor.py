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
NOT_IMPORTABLE = (ImportError, OSError, RuntimeError, AttributeError)
"""What an import raises of a package that is missing or was built for another one."""
PRODUCT_SIZE = 512
"""Rows and columns of a product that is timed: large enough for the full rate, a second at most
where bf16 is emulated."""


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
    facts += [f"accelerator: {_accelerator()}", *_product_rates()]
    return facts, broken


def _imports() -> Iterator[str]:
    """Packages that cannot be imported, for example because they were built for another torch."""
    from morec import torchvision_guard  # noqa: F401  (before timm, as everywhere)

    for name in MODULES.values():
        try:
            importlib.import_module(name)
        except NOT_IMPORTABLE as error:
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
    except NOT_IMPORTABLE:
        return "torch cannot be imported"
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "none"


def _product_rates() -> Iterator[str]:
    """Whether ``training.precision: bf16`` can save time here: some processors only emulate it."""
    try:
        import torch

        from morec.cost import product_gflops
    except NOT_IMPORTABLE:
        return
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    fp32, bf16 = (
        product_gflops(dtype, device, size=PRODUCT_SIZE)
        for dtype in (torch.float32, torch.bfloat16)
    )
    where = "the GPU" if device.type == "cuda" else "a core"
    rates = f"{_short(fp32)} GFLOP/s of {where} in fp32, {_short(bf16)} in bf16"
    yield (
        f"matrix products: {rates}, {_short(bf16 / fp32)}x as fast; "
        "with training.precision=bf16 large encoders gain less than that, and small layers may lose"
    )


def _short(number: float) -> str:
    """Three digits and no exponent: 1,420."""
    return f"{float(f'{number:.3g}'):,g}"
