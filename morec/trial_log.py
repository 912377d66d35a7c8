"""Keeps what a trial's process prints in a file, so that it is known even if the process dies."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

PATTERN = "log*.txt"
"""Files in a trial's checkpoint folder: ``log0.txt`` of its first worker, and so on."""
STREAMS = (1, 2)
"""File descriptors of output and errors, which C code writes to as well."""
MAX_LINES = 20
MAX_BYTES = 4096


@contextmanager
def logged(folder: Path, rank: int = 0) -> Iterator[None]:
    """Write what this process prints to a file; at the end, with or without an error, print it.

    A process that is killed leaves the file. Lines are written one by one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kept = [os.dup(stream) for stream in STREAMS]
    with (folder / f"log{rank}.txt").open("w+b", buffering=0) as log:
        _flush()
        for stream in STREAMS:
            os.dup2(log.fileno(), stream)
        try:
            yield
        finally:
            _flush()
            for stream, before in zip(STREAMS, kept, strict=True):
                os.dup2(before, stream)
                os.close(before)
            _print_all(log)


def log_tail(folder: Path) -> str | None:
    """The last lines a trial's processes printed; None if they printed nothing."""
    tails = [tail for path in sorted(folder.glob(PATTERN)) if (tail := _tail(path))]
    return "\n".join(tails) or None


def _tail(path: Path) -> str:
    with path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - MAX_BYTES))
        lines = log.read().decode("utf-8", "replace").strip().splitlines()
    return "\n".join(lines[-MAX_LINES:])


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(ValueError):  # closed
            stream.flush()


def _print_all(log: BinaryIO) -> None:
    log.seek(0)
    with open(STREAMS[1], "wb", closefd=False) as out, suppress(OSError):
        shutil.copyfileobj(log, out)
