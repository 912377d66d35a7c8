"""Walks a folder of images and all folders below it, also those that are links."""

import os
from collections.abc import Iterator
from pathlib import Path

from morec.errors import DataError


def files_below(folder: Path) -> Iterator[Path]:
    """Yield every file, in an order that the names alone decide.

    A folder that is reached twice is read once.

    Raises:
        DataError: a link leads back to a folder above it, or a folder cannot be read.
    """
    yield from _walk(folder, above=(), seen=set())


def _walk(folder: Path, *, above: tuple[Path, ...], seen: set[Path]) -> Iterator[Path]:
    real = folder.resolve()
    if any(one.is_relative_to(real) for one in above):
        raise DataError(
            f"dataset.images: {folder} is a link back to {real}, a folder above it; remove the link"
        )
    if real in seen:
        return
    seen.add(real)
    for entry in _entries(folder):
        # Unlike an entry's own methods, these take a link that leads to itself for nothing.
        if os.path.isdir(entry):
            yield from _walk(Path(entry.path), above=(*above, real), seen=seen)
        elif os.path.isfile(entry):
            yield Path(entry.path)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """What lies in a folder: its own folders before those that are links elsewhere."""
    try:
        with os.scandir(folder) as found:
            return sorted(found, key=lambda entry: (entry.is_symlink(), entry.name))
    except OSError as error:
        raise DataError(f"dataset.images: {folder} cannot be searched: {error.strerror}") from error
