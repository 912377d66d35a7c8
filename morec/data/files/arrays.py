"""Vectors in numpy's ``.npy`` files, memory-mapped, and the file that names their rows.

Shapes: n rows, H width.
"""

import sys
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from morec.errors import DataError

_ERRORS = (
    *(OSError, EOFError, ValueError, TypeError, LookupError, SyntaxError, TokenError),
    *(MemoryError, OverflowError, RecursionError),
)
"""What numpy raises for a file that was cut off or spoiled (fuzzed)."""
_ARCHIVE = b"PK"
"""How a .npz begins, like any other ZIP archive."""
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
    if found.dtype.kind == "U" and (code := _no_character(found)) is not None:
        raise DataError(f"{path.name}: holds U+{code:X}, which is no character; expected {_IDS}")
    try:
        return [str(one) for one in found.astype(str).tolist()]
    except UnicodeDecodeError as error:
        raise DataError(f"{path.name}: holds bytes that are no text: {error}") from error


def _no_character(texts_n: npt.NDArray[np.str_]) -> int | None:
    """The first code that Unicode lacks; numpy makes spoiled strings of such codes."""
    if not texts_n.dtype.itemsize:
        return None
    codes = np.array(texts_n, dtype=texts_n.dtype.newbyteorder("=")).view(np.uint32)
    is_wrong = ((codes >= 0xD800) & (codes <= 0xDFFF)) | (codes > sys.maxunicode)
    return int(codes[is_wrong][0]) if is_wrong.any() else None


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path.name}: cannot be read; expected {_IDS}: {error}") from error
    lines = text.split("\n")
    return lines[:-1] if not lines[-1] else lines


def load_array(path: Path, mmap_mode: Any = None) -> npt.NDArray[Any]:
    """Read an array, or memory-map it, so that the file must have as many numbers as it says.

    Raises:
        DataError: the file is no single array; the message does not name it.
    """
    # Not for numpy: of a broken archive it leaves the file open.
    if _is_archive(path):
        raise DataError("an archive of arrays; expected a single one")
    try:
        # The product of a shape that is no file's may overflow before the file is found too short.
        with np.errstate(over="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of heads as Python 2 wrote them
            found: npt.NDArray[Any] = np.load(path, mmap_mode=mmap_mode, allow_pickle=False)
    except _ERRORS as error:
        raise DataError(f"no array in numpy's .npy format: {error}") from error
    return found


def _is_archive(path: Path) -> bool:
    with suppress(OSError), path.open("rb") as stream:
        return stream.read(len(_ARCHIVE)) == _ARCHIVE
    return False


def _load(path: Path, mmap_mode: Any = None) -> npt.NDArray[Any]:
    try:
        return load_array(path, mmap_mode)
    except DataError as error:
        raise DataError(f"{path.name}: {error}") from error
