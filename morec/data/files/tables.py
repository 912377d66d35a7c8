"""Reads columns of text files and Parquet files: ids as categories, times as sortable numbers.

In every format, missing and empty values count as missing, and no others: an item called ``NA`` or
``None`` stays an item.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from morec.data.files.delimited import header_of, read_batches
from morec.data.files.gather import gather
from morec.data.files.headers import column_problems
from morec.data.files.parquet import parquet_header, read_parquet, type_problems
from morec.data.files.text_format import TextFormat, is_parquet, other_separator, text_format
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
    found = header_of(path, text)
    problems = [f"{path.name}: {problem}" for problem in column_problems(found, wanted)]
    if problems and len(found) == 1 and (likely := other_separator(text, found[0])):
        problems.append(f"{path.name}: {likely}")
    return problems


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
    return gather(read_batches(path, text or text_format(path), columns=wanted), numbers)


def read_rows(
    path: Path, user: str, item: str, time: str | None, text: TextFormat | None = None
) -> pd.DataFrame:
    """Read interactions from three named columns, or from two whose rows are in time order.

    The result has the columns ``user``, ``item`` and ``timestamp``.

    Raises:
        DataError: the file is broken or has no rows, or a time cannot be read.
    """
    times = [] if time is None else [time]
    table = read_columns(path, [user, item, *times], times, text)
    return as_rows(table, path, user, item, time)


def as_rows(
    table: pd.DataFrame, path: Path, user: str, item: str, time: str | None
) -> pd.DataFrame:
    """Name and convert the columns of interactions read from ``path``, as ``read_rows`` does.

    Raises:
        DataError: a time cannot be read.
    """
    rows = {"user": as_names(table[user]), "item": as_names(table[item])}
    if time is None:
        return pd.DataFrame({**rows, "timestamp": np.arange(len(table))})
    return pd.DataFrame(
        {**rows, "timestamp": as_sortable(table[time], f"{path.name}: column {time!r}")}
    )


def as_names(values: pd.Series) -> pd.Series:
    """Return ``values`` as categories of text; missing values are NA."""
    codes, distinct = pd.factorize(values)
    names = pd.Index(distinct).astype("str")
    return pd.Series(pd.Categorical.from_codes(codes, names), index=values.index)


def as_texts(values: pd.Series) -> tuple[str, ...]:
    """Return ``values`` as text without blanks at either end; missing values are empty."""
    return tuple(values.astype("str").fillna("").str.strip().tolist())


def as_sortable(values: pd.Series, where: str) -> pd.Series:
    """Return times as nullable int64 in the same order; NA stays NA.

    Whole numbers stay, ISO dates become microseconds from 1970, and other numbers become their
    rank.

    Raises:
        DataError: a value is neither a number nor a date, or both occur; ``where`` is the column.
    """
    if pd.api.types.is_integer_dtype(values):
        return values.astype("Int64")
    codes, distinct = pd.factorize(values)
    times = _parse_times(pd.Series(distinct))
    is_bad = times.isna().to_numpy()
    if is_bad.any():
        raise DataError(f"{where}: {_not_alike(codes, distinct, is_bad)}")
    whole = np.append(_whole_numbers(times), 0)
    return pd.Series(pd.arrays.IntegerArray(whole[codes], codes < 0), index=values.index)


def _whole_numbers(times: pd.Series) -> npt.NDArray[np.int64]:
    if pd.api.types.is_datetime64_any_dtype(times):
        moments = pd.to_datetime(times, utc=True).dt.as_unit("us")
        return np.asarray(moments.to_numpy("datetime64[us]"), dtype=np.int64)
    if times.dtype == np.int64:
        return np.asarray(times, dtype=np.int64)
    ranks: npt.NDArray[np.int64] = pd.factorize(times, sort=True)[0]
    return ranks


def _parse_times(values: pd.Series) -> pd.Series:
    if pd.api.types.is_datetime64_any_dtype(values):
        return values
    numbers = pd.to_numeric(values.astype(object), errors="coerce")
    numbers = numbers.where(np.isfinite(numbers.to_numpy(float, na_value=np.nan)))
    if numbers.notna().all():
        return numbers.astype(np.int64) if pd.api.types.is_integer_dtype(numbers) else numbers
    dates = pd.to_datetime(values.astype(str), errors="coerce", format="ISO8601", utc=True)
    # The type of most values is that of the column; the caller refuses the others.
    return max(numbers, dates, key=lambda parsed: parsed.notna().sum())


def _not_alike(
    codes: npt.NDArray[np.int64], distinct: pd.Index, is_bad: npt.NDArray[np.bool_]
) -> str:
    bad_rows = np.flatnonzero(np.append(is_bad, False)[codes])
    examples = [f"{str(distinct[codes[row]])!r} (row {row + 1})" for row in bad_rows[:NUM_SHOWN]]
    return (
        f"{len(bad_rows):,} of {(codes >= 0).sum():,} times are not like the rest, allowed are "
        "numbers or ISO dates (2023-07-18, 2023-07-18 09:30:00), not a mixture: "
        + ", ".join(examples)
    )
