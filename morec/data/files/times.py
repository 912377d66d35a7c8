"""Times of a column as sortable whole numbers, whatever they are written in."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from morec.errors import DataError

NUM_SHOWN = 3
"""Times shown in an error."""


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
