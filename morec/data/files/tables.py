"""Reads columns of text files and Parquet files: ids as categories, times by ``times``.

In every format, missing and empty values count as missing, and no others: an item called ``NA`` or
``None`` stays an item.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from morec.data.files.delimited import header_of, read_batches
from morec.data.files.gather import gather
from morec.data.files.headers import column_problems
from morec.data.files.parquet import parquet_header, read_parquet, type_problems
from morec.data.files.ratings import as_ratings
from morec.data.files.text_format import TextFormat, is_parquet, other_separator, text_format
from morec.data.files.times import TimeColumn, as_sortable
from morec.errors import DataError

NUM_SHOWN = 3
"""Values shown in an error."""


def missing_columns(
    path: Path, wanted: Mapping[str, str], text: TextFormat | None = None
) -> list[str]:
    """Return one message per column of ``wanted`` (option of the study -> column) at fault.

    A column is at fault that is not there, is there twice, or holds neither text nor numbers.
    Without ``text`` the suffix decides how a file is written.

    Raises:
        DataError: the file is empty, broken, or of no known format.
    """
    if is_parquet(path):
        problems = column_problems(parquet_header(path), wanted) + type_problems(path, wanted)
        return [f"{path.name}: {problem}" for problem in problems]
    text = text or text_format(path)
    found = columns_of(path, text)
    problems = [f"{path.name}: {problem}" for problem in column_problems(found, wanted)]
    if problems and len(found) == 1 and (likely := other_separator(text, found[0])):
        problems.append(f"{path.name}: {likely}")
    return problems


def columns_of(path: Path, text: TextFormat | None = None) -> list[str]:
    """Return the names of a file's columns; without ``text`` the suffix says how it is written.

    Raises:
        DataError: the file is empty, broken, or of no known format.
    """
    return parquet_header(path) if is_parquet(path) else header_of(path, text or text_format(path))


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


def read_columns(
    path: Path,
    columns: Sequence[str],
    numbers: Sequence[str] = (),
    text: TextFormat | None = None,
) -> pd.DataFrame:
    """Read ``columns``: text as categories; dates and numbers of Parquet keep their type.

    Text in ``numbers`` becomes int64 if every value is a whole number. Without ``text`` the suffix
    decides how a file is written.

    Raises:
        DataError: the file is broken or has no rows.
    """
    wanted = list(dict.fromkeys(columns))
    if is_parquet(path):
        return gather(read_parquet(path, wanted), numbers)
    table = gather(read_batches(path, text or text_format(path), columns=wanted), numbers)
    # Errors count the lines of the file, of which the first is the header.
    return table.set_axis(table.index + 1)


def read_rows(
    path: Path,
    user: str,
    item: str,
    time: str | TimeColumn | None,
    *,
    rating: str | None = None,
    text: TextFormat | None = None,
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
    return as_rows(read_columns(path, wanted, numbers, text), path, user, item, time, rating)


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


def as_names(values: pd.Series) -> pd.Series:
    """Return ``values`` as categories of text; missing values are NA."""
    codes, distinct = pd.factorize(values)
    names = pd.Index(distinct).astype("str")
    return pd.Series(pd.Categorical.from_codes(codes, names), index=values.index)


def as_texts(values: pd.Series) -> tuple[str, ...]:
    """Return ``values`` as text without blanks at either end; missing values are empty."""
    return tuple(values.astype("str").fillna("").str.strip().tolist())
