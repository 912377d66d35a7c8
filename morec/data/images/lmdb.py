"""Reads images in an LMDB: the paper's pickled pixels, or the bytes of image files."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lmdb

from morec.data.images.open import RawImage
from morec.errors import DataError

DATA = "data.mdb"


def find_keys(path: Path, candidates: Sequence[Sequence[str]]) -> tuple[str | None, ...]:
    """Return per item the first of its candidates that is a key, or None.

    Raises:
        DataError: ``path`` is no LMDB.
    """
    with _opened(path) as transaction:
        cursor = transaction.cursor()
        return tuple(
            next((name for name in names if name and cursor.set_key(name.encode())), None)
            for names in candidates
        )


def read_values(path: Path, keys: Sequence[str | None]) -> Iterator[tuple[int, RawImage | None]]:
    """Yield the index and the image of every key; None without a key or an image.

    Raises:
        DataError: ``path`` is no LMDB.
    """
    with _opened(path) as transaction:
        for index, key in enumerate(keys):
            yield index, None if key is None else transaction.get(key.encode())


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        # Read-only and without a lock file, so that data on a read-only disk can be used.
        environment = lmdb.open(str(path), subdir=path.is_dir(), readonly=True, lock=False)
    except lmdb.Error as error:
        raise DataError(f"{path}: cannot be read as LMDB: {error}") from error
    with environment, environment.begin() as transaction:
        _check_whole(path, environment)
        yield transaction


def _check_whole(path: Path, environment: Any) -> None:
    """Refuse a truncated file: reading the map beyond its end would kill the process."""
    file = path / DATA if path.is_dir() else path
    needed = (environment.info()["last_pgno"] + 1) * environment.stat()["psize"]
    found = file.stat().st_size
    if found < needed:
        raise DataError(f"{file}: has {found:,} bytes of {needed:,}; it was cut off")
