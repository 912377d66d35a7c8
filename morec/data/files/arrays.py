"""Vectors in numpy's ``.npy`` files, memory-mapped, and the file that names their rows.

Shapes: n rows, H width.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from morec.errors import DataError

_IDS = "one id a row: text or numbers"


def open_vectors(path: Path) -> npt.NDArray[Any]:
    """Memory-map vectors_nH; no object is unpickled.

    Raises:
        DataError: the file is no array of real numbers with rows and columns.
    """
    found = _load(path, mmap_mode="r")
    if found.ndim != 2 or not found.size or found.dtype.kind not in "fiu":
        raise DataError(
            f"{path.name}: holds {found.dtype} of shape {found.shape}; expected numbers of shape "
            "(rows, width)"
        )
    return found


def array_blocks(path: Path, num_rows: int) -> Iterator[npt.NDArray[Any]]:
    """Yield the rows in order, at most ``num_rows`` at a time.

    Raises:
        DataError: as ``open_vectors``.
    """
    vectors_nH = open_vectors(path)
    for first in range(0, len(vectors_nH), num_rows):
        yield vectors_nH[first : first + num_rows]


def array_ids(path: Path, *, num_rows: int) -> pd.Series:
    """Return the ids in a ``.npy`` of one dimension, or in a text file with one id a line.

    Raises:
        DataError: the file cannot be read, or does not have an id for each row.
    """
    ids = _stored_ids(path) if path.suffix.lower() == ".npy" else _lines(path)
    if len(ids) != num_rows:
        header = " The first line may be a header: take it out." * (len(ids) == num_rows + 1)
        raise DataError(
            f"{path.name}: holds {len(ids):,} ids for {num_rows:,} rows of vectors.{header}"
        )
    named = pd.Series(ids, dtype="str")
    return named.where(named != "")


def _stored_ids(path: Path) -> list[str]:
    found = _load(path)
    if found.ndim != 1 or found.dtype.kind not in "iufUS":
        raise DataError(f"{path.name}: holds {found.dtype} of shape {found.shape}; expected {_IDS}")
    try:
        return [str(one) for one in found.astype(str).tolist()]
    except UnicodeDecodeError as error:
        raise DataError(f"{path.name}: holds bytes that are no text: {error}") from error


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path.name}: cannot be read; expected {_IDS}: {error}") from error
    lines = text.split("\n")
    return lines[:-1] if not lines[-1] else lines


def _load(path: Path, mmap_mode: Any = None) -> npt.NDArray[Any]:
    try:
        found = np.load(path, mmap_mode=mmap_mode, allow_pickle=False)
    except (OSError, EOFError, ValueError, SyntaxError, MemoryError) as error:
        raise DataError(f"{path.name}: no array in numpy's .npy format: {error}") from error
    if not isinstance(found, np.ndarray):
        found.close()
        raise DataError(f"{path.name}: an archive of arrays; expected a single one")
    return found
