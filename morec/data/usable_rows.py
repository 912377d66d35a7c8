"""Which raw rows are interactions: those with a user, an item, a usable time and a high rating."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from morec.data.clock import Clock, read_clock


@dataclass(frozen=True)
class UsableRows:
    """The rows that are left, and why the others are not."""

    rows: pd.DataFrame
    timestamps: npt.NDArray[np.int64]
    """The rows' times as plain numbers."""
    ticks_per_s: int | None
    """As in ``Interactions``."""
    counts: Mapping[str, int]
    """``rows_read``, ``broken_rows``, and of the other rules those that dropped a row."""


def usable_rows(rows: pd.DataFrame, min_rating: float | None = None) -> UsableRows:
    """Drop rows of raw data; each counts under the first reason that applies.

    No user or no item (``broken_rows``); no time (``rows_without_time``); a time that is zero or
    negative (``rows_with_time_zero_or_negative``) or in the far future
    (``rows_with_time_in_far_future``) beside clock times, which stands for no time; with
    ``min_rating``, no ``rating`` (``rows_without_rating``) or a lower one
    (``rows_below_min_rating``).
    """
    whole = _keep(rows, ~(rows["user"].isna() | rows["item"].isna()).to_numpy())
    timed = _keep(whole, whole["timestamp"].notna().to_numpy())
    times = timed["timestamp"].to_numpy(np.int64)
    clock = read_clock(times)
    dropped = {"rows_without_time": len(whole) - len(timed), **_no_times(clock)}
    is_kept = _is_time(clock, len(timed))
    if min_rating is not None:
        ratings = timed["rating"].to_numpy(float, na_value=np.nan)
        is_rated, is_low = is_kept & ~np.isnan(ratings), ratings < min_rating
        dropped["rows_without_rating"] = int((is_kept & ~is_rated).sum())
        dropped["rows_below_min_rating"] = int((is_rated & is_low).sum())
        is_kept = is_rated & ~is_low
    return UsableRows(
        rows=_keep(timed, is_kept),
        timestamps=times if is_kept.all() else times[is_kept],
        ticks_per_s=clock.ticks_per_s,
        counts={
            "rows_read": len(rows),
            "broken_rows": len(rows) - len(whole),
            **{name: count for name, count in dropped.items() if count},
        },
    )


def _keep(rows: pd.DataFrame, is_kept: npt.NDArray[np.bool_]) -> pd.DataFrame:
    return rows if is_kept.all() else rows[is_kept]


def _no_times(clock: Clock) -> dict[str, int]:
    masks = {"zero_or_negative": clock.is_zero, "in_far_future": clock.is_far}
    return {
        f"rows_with_time_{kind}": int(mask.sum())
        for kind, mask in masks.items()
        if mask is not None
    }


def _is_time(clock: Clock, num_rows: int) -> npt.NDArray[np.bool_]:
    is_time = np.ones(num_rows, dtype=bool)
    for mask in (clock.is_zero, clock.is_far):
        if mask is not None:
            is_time &= ~mask
    return is_time
