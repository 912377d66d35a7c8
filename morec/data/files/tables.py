"""Reads columns of CSV, TSV and Parquet files: ids as categories, times by ``times``.

In every format, missing and empty values count as missing, and no others: an item called ``NA`` or
``None`` stays an item.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from morec.data.files.delimited import READ_ERRORS, first_rows, read_batches, unreadable
from morec.data.files.gather import gather
from morec.data.files.ratings import as_ratings
from morec.data.files.times import TimeColumn, as_sortable
from morec.errors import DataError, did_you_mean

SEPARATORS = {".csv": ",", ".tsv": "\t"}
PACKED = (".gz", ".xz")
ALLOWED = ".csv, .tsv (also packed: .csv.gz, .csv.xz, .tsv.gz, .tsv.xz) and .parquet"
NUM_SHOWN = 3
"""Values shown in an error."""


def missing_columns(path: Path, wanted: Mapping[str, str]) -> list[str]:
    """Return one message per column of ``wanted`` (option of the study -> column) not in ``path``.

    Raises:
        DataError: the file is empty, broken, or of no known format.
    """
    found = header_of(path)
    return [
        f"{path.name}: no column {column!r} ({option}).{did_you_mean(column, found)} "
        f"Columns found: {', '.join(found)}"
        for option, column in wanted.items()
        if column not in found
    ]


def check_columns(wanted: Mapping[Path, Sequence[str]], kind: str) -> None:
    """Check that the files of a known layout have its columns.

    Raises:
        DataError: names every column that is missing, with those found; or a file is broken.
    """
    problems = [
        problem
        for path, columns in wanted.items()
        for column in columns
        for problem in missing_columns(path, {f"dataset kind {kind}": column})
    ]
    if problems:
        raise DataError("\n".join(problems))


def read_columns(path: Path, columns: Sequence[str], numbers: Sequence[str] = ()) -> pd.DataFrame:
    """Read ``columns``: text as categories; dates and numbers of Parquet keep their type.

    Text in ``numbers`` becomes int64 if every value is a whole number.

    Raises:
        DataError: the file is broken or has no rows.
    """
    wanted = list(dict.fromkeys(columns))
    if _suffix(path) == ".parquet":
        batches = _read_parquet(path, wanted)
    else:
        batches = read_batches(path, SEPARATORS[_suffix(path)], columns=wanted)
    table = gather(batches, numbers)
    # Errors count the lines of the file, of which the first is the header.
    return table if _suffix(path) == ".parquet" else table.set_axis(table.index + 1)


def read_rows(
    path: Path, user: str, item: str, time: str | TimeColumn | None, rating: str | None = None
) -> pd.DataFrame:
    """Read interactions from named columns; without a time column, rows are in time order.

    The result has the columns ``user``, ``item``, ``timestamp`` and, if asked for, ``rating``.

    Raises:
        DataError: the file is broken or has no rows, or a time or a rating cannot be read.
    """
    column = None if time is None else _time_column(time)
    wanted = [user, item, *([column.name] if column else []), *([rating] if rating else [])]
    # A format may need the zeros that a number loses: 01022023.
    numbers = [column.name] if column and column.format is None else []
    return as_rows(read_columns(path, wanted, numbers), path, user, item, time, rating)


def as_rows(
    table: pd.DataFrame,
    path: Path,
    user: str,
    item: str,
    time: str | TimeColumn | None,
    rating: str | None = None,
) -> pd.DataFrame:
    """Name and convert the columns of interactions read from ``path``, as ``read_rows`` does.

    Raises:
        DataError: a time or a rating cannot be read.
    """
    rows = {"user": as_names(table[user]), "item": as_names(table[item])}
    if time is None:
        rows["timestamp"] = pd.Series(np.arange(len(table)), index=table.index)
    else:
        column = _time_column(time)
        rows["timestamp"] = as_sortable(
            table[column.name], f"{path.name}: column {column.name!r}", column.format
        )
    if rating is not None:
        rows["rating"] = as_ratings(table[rating], f"{path.name}: column {rating!r}")
    return pd.DataFrame(rows)


def _time_column(time: str | TimeColumn) -> TimeColumn:
    return TimeColumn(time) if isinstance(time, str) else time


def separator_of(path: Path) -> str:
    """Return the separator that belongs to the suffix.

    Raises:
        DataError: the file is no CSV or TSV.
    """
    suffix = _suffix(path)
    if suffix in SEPARATORS:
        return SEPARATORS[suffix]
    raise DataError(f"{path.name}: {suffix!r} is not a known format here; allowed: .csv, .tsv")


def is_quoted(separator: str) -> bool:
    """Whether fields may be quoted: in CSV files; in TSV files a quote is part of the text."""
    return separator == ","


def as_names(values: pd.Series) -> pd.Series:
    """Return ``values`` as categories of text; missing values are NA."""
    codes, distinct = pd.factorize(values)
    names = pd.Index(distinct).astype("str")
    return pd.Series(pd.Categorical.from_codes(codes, names), index=values.index)


def as_texts(values: pd.Series) -> tuple[str, ...]:
    """Return ``values`` as text without blanks at either end; missing values are empty."""
    return tuple(values.astype("str").fillna("").str.strip().tolist())


def header_of(path: Path) -> list[str]:
    """Return the names of the columns.

    Raises:
        DataError: the file is empty, broken, or of no known format.
    """
    suffix = _suffix(path)
    if suffix != ".parquet":
        return first_rows(path, SEPARATORS[suffix], 1)[0]
    try:
        return list(pa.parquet.read_schema(path).names)
    except READ_ERRORS as error:
        raise unreadable(path, error) from error


def _read_parquet(path: Path, columns: list[str]) -> Iterator[pa.RecordBatch]:
    try:
        with pa.parquet.ParquetFile(path) as parquet:
            if not parquet.metadata.num_rows:
                raise DataError(f"{path.name}: has columns but no rows")
            yield from parquet.iter_batches(columns=columns)
    except READ_ERRORS as error:
        raise unreadable(path, error) from error


def _suffix(path: Path) -> str:
    suffixes = path.suffixes
    is_packed = suffixes[-1:] and suffixes[-1].lower() in PACKED
    suffix = "".join(suffixes[-2:-1] if is_packed else suffixes[-1:]).lower()
    if suffix in SEPARATORS or (suffix == ".parquet" and not is_packed):
        return suffix
    found = "".join(suffixes[-2:] if is_packed else suffixes[-1:])
    raise DataError(
        f"{path.name}: {found or 'no suffix'!r} is not a known format; allowed: {ALLOWED}"
    )
