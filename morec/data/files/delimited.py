"""Streams CSV and TSV files, packed or not; a file may be larger than memory."""

import csv
import gzip
import io
import lzma
import zlib
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa
import pyarrow.csv

from morec.errors import DataError

BLOCK_BYTES = 1 << 24
"""Bytes of text in memory at a time; no row may be longer."""
READ_ERRORS = (
    OSError,
    EOFError,
    UnicodeError,
    zlib.error,
    lzma.LZMAError,
    csv.Error,
    pa.ArrowException,
)
"""Errors that reading a broken file raises."""


def open_packed(path: Path) -> BinaryIO:
    """Open ``path`` for reading, unpacking ``.gz`` and ``.xz``."""
    match path.suffix.lower():
        case ".gz":
            return cast(BinaryIO, gzip.open(path))
        case ".xz":
            return cast(BinaryIO, lzma.open(path))
    return path.open("rb")


def first_rows(
    path: Path, separator: str, count: int, *, is_quoted: bool = True
) -> list[list[str]]:
    """Return the fields of the first ``count`` rows that are not empty.

    Raises:
        DataError: the file is empty or broken.
    """
    try:
        with open_packed(path) as stream:
            # Invalid UTF-8 below the first rows is left to ``read_batches``, which names the row.
            text = io.TextIOWrapper(
                stream, encoding="utf-8-sig", errors="surrogateescape", newline=""
            )
            rows = csv.reader(
                # In pieces: a small packed file may hold one line that fills the memory.
                iter(partial(text.readline, BLOCK_BYTES), ""),
                delimiter=separator,
                quoting=csv.QUOTE_MINIMAL if is_quoted else csv.QUOTE_NONE,
            )
            found = list(islice(filter(None, rows), count))
    except READ_ERRORS as error:
        raise unreadable(path, error) from error
    if not found:
        raise DataError(f"{path.name}: the file is empty")
    if any("\ud800" <= character <= "\udfff" for character in "".join(found[0])):
        raise DataError(f"{path.name}: cannot be read: the first row is no UTF-8 text")
    return found


def read_batches(
    path: Path,
    separator: str,
    *,
    names: Sequence[str] = (),
    columns: Sequence[str] | None = None,
    is_quoted: bool = True,
) -> Iterator[pa.RecordBatch]:
    """Yield ``columns``, or all, as text; empty values are null; a batch is 16 MB of the file.

    ``names`` are those of the columns if the file has no header. Only empty values count as
    missing: an item called ``NA`` or ``None`` stays an item.

    Raises:
        DataError: the file is empty or broken, or a row has more or fewer fields than the first;
            names the row, counted from 1 with the header.
    """
    first = first_rows(path, separator, 1, is_quoted=is_quoted)[0]
    wanted = columns if columns is not None else names or first
    num_rows = 0
    read = pa.csv.ReadOptions(
        use_threads=False, block_size=BLOCK_BYTES, column_names=list(names) or None
    )
    parse = pa.csv.ParseOptions(
        delimiter=separator, quote_char='"' if is_quoted else False, newlines_in_values=is_quoted
    )
    convert = pa.csv.ConvertOptions(
        include_columns=list(wanted),
        column_types={name: pa.string() for name in wanted},
        null_values=[""],
        strings_can_be_null=True,
    )
    try:
        with (
            open_packed(path) as stream,
            pa.csv.open_csv(stream, read, parse, convert) as batches,
        ):
            for batch in batches:
                num_rows += len(batch)
                yield batch
    except READ_ERRORS as error:
        raise unreadable(path, error) from error
    if not num_rows:
        raise DataError(f"{path.name}: has a header but no rows")


def unreadable(path: Path, error: Exception) -> DataError:
    """Return the error for a file that cannot be read to its end."""
    return DataError(f"{path.name}: cannot be read: {error}")
