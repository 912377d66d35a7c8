"""Times of a column as sortable whole numbers, whatever they are written in."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from morec.data.clock import check_one_unit, read_clock
from morec.data.files.gather import MISSING
from morec.data.files.time_formats import likely_formats
from morec.errors import DataError

NUM_SHOWN = 3
"""Times shown in an error."""
LARGEST = 2**63 - 1
"""Larger numbers become this one."""
ALLOWED = "numbers or ISO dates (2023-07-18, 2023-07-18 09:30:00)"


@dataclass(frozen=True)
class TimeColumn:
    """A column of times, and how its times are written."""

    name: str
    format: str | None = None
    """As ``datetime.strptime`` reads it; None: numbers or ISO dates."""


def as_sortable(values: pd.Series, where: str, time_format: str | None = None) -> pd.Series:
    """Return times as nullable int64 in the same order; missing ones are NA.

    Whole numbers stay, also those written like ``1.6E+09``. ISO dates, dates in ``time_format`` and
    clock times with fractions become microseconds from 1970; other numbers become their rank.
    Missing are empty values and those in ``MISSING``. ``where`` names the column; the index of
    ``values`` holds the numbers of their lines.

    Raises:
        DataError: every time is missing, a value is neither a number nor a date, both occur, or
            clock times have several units.
    """
    _check_kind(values, where, time_format)
    if pd.api.types.is_signed_integer_dtype(values) and time_format is None:
        times = values.astype("Int64")
    else:
        times = _as_numbers(values, where, time_format)
    known = times.dropna() if times.hasnans else times
    if not len(known):
        raise DataError(
            f"{where}: none of {len(values):,} rows has a time. Interactions without times are "
            "read by kind: files with order: file or order: none"
        )
    check_one_unit(known.to_numpy(np.int64), where)
    return times


def _check_kind(values: pd.Series, where: str, time_format: str | None) -> None:
    if pd.api.types.is_bool_dtype(values):
        raise DataError(f"{where}: holds true and false, no times; allowed are {ALLOWED}")
    if time_format is not None and pd.api.types.is_datetime64_any_dtype(values):
        raise DataError(f"{where}: time_format has no effect: the file stores the times as dates")


def _as_numbers(values: pd.Series, where: str, time_format: str | None) -> pd.Series:
    """Convert each distinct time once; NA where it is missing."""
    codes, distinct = _known(values)
    times = _parse_times(distinct, time_format)
    is_bad = times.isna().to_numpy()
    if is_bad.any():
        bad_rows = np.flatnonzero(np.append(is_bad, False)[codes])
        shown = [
            f"{str(distinct[codes[row]])!r} (line {values.index[row]})"
            for row in bad_rows[:NUM_SHOWN]
        ]
        raise DataError(
            f"{where}: {len(bad_rows):,} of {(codes >= 0).sum():,} times cannot be read: "
            f"{', '.join(shown)}{_advice(distinct[is_bad], time_format)}"
        )
    whole = np.append(_whole_numbers(times), 0)
    return pd.Series(pd.arrays.IntegerArray(whole[codes], codes < 0), index=values.index)


def _known(values: pd.Series) -> tuple[npt.NDArray[np.int64], pd.Series]:
    """Return codes of the distinct times, -1 for a missing one."""
    codes, found = pd.factorize(values)
    distinct = pd.Series(found)
    if pd.api.types.is_datetime64_any_dtype(distinct) or pd.api.types.is_numeric_dtype(distinct):
        return codes, distinct
    texts = distinct.astype(str).str.strip()
    is_known = ~texts.isin(["", *MISSING]).to_numpy()
    new_codes = np.append(np.where(is_known, np.cumsum(is_known) - 1, -1), -1)
    return new_codes[codes], texts[is_known].reset_index(drop=True)


def _parse_times(values: pd.Series, time_format: str | None) -> pd.Series:
    if time_format is not None:
        return pd.to_datetime(values.astype(str), errors="coerce", format=time_format, utc=True)
    if pd.api.types.is_datetime64_any_dtype(values):
        return values
    numbers = pd.to_numeric(values.astype(object), errors="coerce")
    numbers = numbers.where(np.isfinite(numbers.to_numpy(float)))
    if numbers.notna().all():
        is_whole = pd.api.types.is_integer_dtype(numbers)
        return numbers.clip(upper=LARGEST).astype(np.int64) if is_whole else numbers
    dates = pd.to_datetime(values.astype(str), errors="coerce", format="ISO8601", utc=True)
    # The type of most values is that of the column; the caller refuses the others.
    return max(numbers, dates, key=lambda parsed: parsed.notna().sum())


def _whole_numbers(times: pd.Series) -> npt.NDArray[np.int64]:
    if pd.api.types.is_datetime64_any_dtype(times):
        moments = times.dt.as_unit("us")
        return np.asarray(moments.to_numpy("datetime64[us]"), dtype=np.int64)
    if times.dtype == np.int64:
        return np.asarray(times, dtype=np.int64)
    return _whole_fractions(times.to_numpy(float))


def _whole_fractions(numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Return whole numbers as they are, clock times as microseconds, and other numbers' ranks."""
    is_exact = np.abs(numbers).max(initial=0) < 2**53
    if is_exact and (numbers == np.floor(numbers)).all():
        return numbers.astype(np.int64)
    ticks = read_clock(numbers.astype(np.int64)).ticks_per_s if is_exact else None
    if ticks is not None and ticks < 10**6:
        return np.rint(numbers * (10**6 // ticks)).astype(np.int64)
    ranks: npt.NDArray[np.int64] = pd.factorize(numbers, sort=True)[0]
    return ranks


def _advice(bad: pd.Series, time_format: str | None) -> str:
    """Say what is allowed, and which format the unreadable times seem to have."""
    likely = " or ".join(repr(one) for one in likely_formats(bad.astype(str)))
    if time_format is not None:
        return f". Wanted: time_format {time_format!r}" + (
            f"; these fit {likely}" if likely else ""
        )
    allowed = f". Allowed are {ALLOWED}, not a mixture"
    if not likely:
        return allowed
    return f"{allowed}; for times like these, kind: files reads time_format: {likely}"
