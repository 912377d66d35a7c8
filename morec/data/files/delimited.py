"""Streams CSV, TSV and other text files, packed or not; a file may be larger than memory."""

import csv
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NoReturn

import pyarrow as pa
import pyarrow.csv

from morec.data.files.headers import names_of
from morec.data.files.packed import BROKEN, check_is_text, open_packed
from morec.data.files.text_faults import fault_of, not_text, open_lines, rows_of
from morec.data.files.text_format import TextFormat
from morec.data.files.text_stream import BLOCK_BYTES, MARK, check_quotes, utf8_stream
from morec.errors import DataError

READ_ERRORS = (*BROKEN, UnicodeError, csv.Error, pa.ArrowException)
"""Errors that reading a broken file raises."""


def first_rows(path: Path, text: TextFormat, count: int) -> list[list[str]]:
    """Return the fields of the first ``count`` rows that are not empty.

    Raises:
        DataError: the file is empty or broken, or its first row is no text.
    """
    check_is_text(path)
    try:
        with open_lines(path, text) as lines:
            # What is no text below the first row is left to ``read_batches``, which names the line.
            found = list(islice(filter(None, rows_of(lines, text)), count))
    except READ_ERRORS as error:
        raise unreadable(path, error) from error
    if not found:
        raise DataError(f"{path.name}: the file is empty")
    if any(MARK in field or "\0" in field for field in found[0]):
        raise DataError(f"{path.name}: line 1 is {not_text(path, text)}")
    return found


def header_of(path: Path, text: TextFormat) -> list[str]:
    """Return the names of the columns in the first row.

    Raises:
        DataError: the file is empty or broken.
    """
    return names_of(first_rows(path, text, 1)[0])


def read_batches(
    path: Path,
    text: TextFormat,
    *,
    names: Sequence[str] = (),
    columns: Sequence[str] | None = None,
) -> Iterator[pa.RecordBatch]:
    """Yield ``columns``, or all, as text; empty values are null; a batch is 16 MB of the file.

    ``names`` are those of the columns if the file has no header. Only empty values count as
    missing: an item called ``NA`` or ``None`` stays an item.

    Raises:
        DataError: the file is empty or broken, a row has more or fewer fields than the first, a
            quoted field does not end, or bytes are no text; names the line.
    """
    header = header_of(path, text)
    wanted = columns if columns is not None else names or header
    num_rows = 0
    read = pa.csv.ReadOptions(
        use_threads=False,
        block_size=BLOCK_BYTES,
        column_names=list(names) or header,
        skip_rows_after_names=0 if names else 1,
    )
    parse = pa.csv.ParseOptions(
        delimiter=text.delimiter,
        quote_char='"' if text.is_quoted else False,
        newlines_in_values=text.is_quoted,
    )
    convert = pa.csv.ConvertOptions(
        include_columns=list(wanted),
        column_types={name: pa.string() for name in wanted},
        null_values=[""],
        strings_can_be_null=True,
    )
    try:
        with open_packed(path) as stream:
            utf8 = utf8_stream(stream, text)
            checked = check_quotes(utf8, text.delimiter) if text.is_quoted else utf8
            with checked, pa.csv.open_csv(checked, read, parse, convert) as batches:
                for batch in batches:
                    num_rows += len(batch)
                    yield batch
    except READ_ERRORS as error:
        _explain(path, text, error, num_fields=len(names or header))
    if not num_rows:
        raise DataError(f"{path.name}: has a header but no rows")


def unreadable(path: Path, error: Exception) -> DataError:
    """Return the error for a file that cannot be read to its end."""
    return DataError(f"{path.name}: cannot be read: {error}")


def _explain(path: Path, text: TextFormat, error: Exception, *, num_fields: int) -> NoReturn:
    """Raise what a second pass finds, or else what the first one failed with."""
    try:
        fault = fault_of(path, text, num_fields)
    except READ_ERRORS:
        fault = None
    raise (DataError(f"{path.name}: {fault}") if fault else unreadable(path, error)) from error
