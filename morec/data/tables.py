"""Columns of CSV, TSV and Parquet files as text, and times as numbers that sort.

In every format a missing value and an empty one are the same: missing. Nothing else is, so an
item called ``NA`` or ``None`` stays one.
"""

import gzip
import lzma
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from morec.errors import DataError, did_you_mean

SEPARATORS = {".csv": ",", ".tsv": "\t"}
PACKED = (".gz", ".xz")
ALLOWED = ".csv, .tsv (also packed: .csv.gz, .csv.xz, .tsv.gz, .tsv.xz) and .parquet"
_UNREADABLE = (
    OSError,
    EOFError,
    UnicodeDecodeError,
    gzip.BadGzipFile,
    lzma.LZMAError,
    pa.ArrowInvalid,
    pd.errors.ParserError,
    pd.errors.ParserWarning,
)


def missing_columns(path: Path, wanted: Mapping[str, str]) -> list[str]:
    """Return one message per column of ``wanted`` (option of the study -> column) not in ``path``.

    Raises:
        DataError: the file is empty, broken, or of no known format.
    """
    found = _header(path)
    return [
        f"{path.name}: no column {column!r} ({option}).{did_you_mean(column, found)} "
        f"Columns found: {', '.join(found)}"
        for option, column in wanted.items()
        if column not in found
    ]


def read_columns(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Read ``columns`` as text, missing values as NA; Parquet dates and numbers keep their type.

    Raises:
        DataError: the file is broken or has no rows.
    """
    wanted = list(dict.fromkeys(columns))
    suffix = _suffix(path)
    if suffix == ".parquet":
        table = _read_parquet(path, wanted)
    else:
        table = read_delimited(path, SEPARATORS[suffix])[wanted]
    if table.empty:
        raise DataError(f"{path.name}: has a header but no rows")
    return table


def as_text(values: pd.Series) -> pd.Series:
    """Return ``values`` as text, with NA for what is missing or empty."""
    text = values.astype("string")
    return text.mask(text == "")


def as_sortable(values: pd.Series, where: str) -> pd.Series:
    """Return times as nullable int64 that sort as the times do; NA stays NA.

    Whole numbers stay what they are, ISO dates become microseconds from 1970, and fractions become
    their rank.

    Raises:
        DataError: a value is neither; ``where`` names the column.
    """
    present = values[values.notna() & (values.astype("string") != "")]
    times = _parse_times(present)
    if times.isna().any():
        bad = present[times.isna()].astype(str)
        examples = ", ".join(repr(value) for value in bad.head(3))
        raise DataError(
            f"{where}: {len(bad):,} of {len(present):,} times are not like the rest, allowed are "
            f"numbers or ISO dates (2023-07-18, 2023-07-18 09:30:00), not a mixture: {examples}"
        )
    return _whole_numbers(times).astype("Int64").reindex(values.index)


def _whole_numbers(times: pd.Series) -> pd.Series:
    if pd.api.types.is_datetime64_any_dtype(times):
        return pd.to_datetime(times, utc=True).dt.as_unit("us").astype(np.int64)
    if times.dtype == np.int64:
        return times
    return pd.Series(pd.factorize(times, sort=True)[0], index=times.index)


def _parse_times(values: pd.Series) -> pd.Series:
    if pd.api.types.is_datetime64_any_dtype(values):
        return values
    numbers = pd.to_numeric(values, errors="coerce")
    numbers = numbers.where(np.isfinite(numbers.to_numpy(float, na_value=np.nan)))
    if numbers.notna().all():
        return numbers.astype(np.int64) if pd.api.types.is_integer_dtype(numbers) else numbers
    dates = pd.to_datetime(values.astype(str), errors="coerce", format="ISO8601", utc=True)
    # What most values are is what the column is; the rest is the caller's to refuse.
    return max(numbers, dates, key=lambda parsed: parsed.notna().sum())


def read_delimited(path: Path, separator: str, **options: Any) -> pd.DataFrame:
    """Read a delimited text file as text; ``options`` go to ``pandas.read_csv``.

    Raises:
        DataError: the file is empty, broken, or a line has more fields than there are columns.
    """
    try:
        with warnings.catch_warnings():
            # To pandas a line with too many fields is only a warning.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(
                path,
                sep=separator,
                dtype=str,
                index_col=False,
                encoding="utf-8-sig",
                keep_default_na=False,
                na_values=[""],
                **options,
            )
    except pd.errors.EmptyDataError:
        raise DataError(f"{path.name}: the file is empty") from None
    except _UNREADABLE as error:
        raise DataError(_unreadable(path, error)) from error


def _header(path: Path) -> list[str]:
    suffix = _suffix(path)
    if suffix != ".parquet":
        return list(read_delimited(path, SEPARATORS[suffix], nrows=0).columns)
    try:
        return list(pa.parquet.read_schema(path).names)
    except _UNREADABLE as error:
        raise DataError(_unreadable(path, error)) from error


def _read_parquet(path: Path, columns: list[str]) -> pd.DataFrame:
    try:
        return pd.read_parquet(path, columns=columns, dtype_backend="numpy_nullable")
    except _UNREADABLE as error:
        raise DataError(_unreadable(path, error)) from error


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


def _unreadable(path: Path, error: Exception) -> str:
    return f"{path.name}: cannot be read: {error}"
