"""Cuts interactions into one window per user: what the splits read of the user's interactions.

Under leave-one-out these are the user's latest L + 3 interactions, as in ``read_behaviors`` of the
paper's code: the minimum length is tested before windows are cut; items outside all windows are
dropped; kept items stay in the catalogue's order. A split by time has the same users and items.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from morec.config import LEAVE_ONE_OUT, DatasetSpec, SplitSpec
from morec.data.interactions import Interactions, follows_a_tie
from morec.data.split_rows import (
    RowsOfSplits,
    find_rows,
    in_stored,
    num_before,
    stored_interactions,
)
from morec.data.ties import sequence_order
from morec.errors import DataError


@dataclass(frozen=True)
class Windows:
    """What the splits read of every kept user, concatenated: n interactions, U users, N items."""

    offsets_U1: npt.NDArray[np.int64]
    """(U + 1,) user u's window is ``item_ids[offsets_U1[u]:offsets_U1[u + 1]]``."""
    item_ids: npt.NDArray[np.int32]
    """(n,) ids 1..N, in time order within a user; 0 is padding."""
    kept_items: npt.NDArray[np.int64]
    """(N,) at index i, the code of item i + 1 in the catalogue."""
    ages_s: npt.NDArray[np.int64] | None
    """(n,) seconds since the item's first interaction in all data; None without clock times."""
    is_tied: npt.NDArray[np.bool_]
    """(n,) whether an interaction has the time of the user's interaction before it."""
    times_s: npt.NDArray[np.int64] | None
    """(n,) full seconds of the source's clock; None without clock times."""
    splits: RowsOfSplits
    """The rows of every split, positions in ``item_ids``."""
    counts: Mapping[str, int]
    """Those of the reader, what each rule dropped, what the split left out, the ties in time."""


@dataclass(frozen=True)
class _Rows:
    """Interactions by user and time, shapes (n,), codes as in ``Interactions``."""

    users: npt.NDArray[np.int64]
    items: npt.NDArray[np.int64]
    times: npt.NDArray[np.int64]

    def where(self, is_kept: npt.NDArray[np.bool_]) -> "_Rows":
        return _Rows(self.users[is_kept], self.items[is_kept], self.times[is_kept])

    def __len__(self) -> int:
        return len(self.users)


def cut_windows(
    interactions: Interactions, spec: DatasetSpec, split: SplitSpec = LEAVE_ONE_OUT
) -> Windows:
    """Cut the interactions into windows.

    In this order: warm-N drops items with fewer than N of all interactions; users below the
    minimum length are dropped; ``max_users`` of the others are drawn; items outside the users'
    latest L + 3 interactions are dropped; the split's rows are found. The paper does not state the
    order. Its 50K users are drawn from data in which all are long enough.

    Raises:
        DataError: no user is left, or none for training, validation or test; or the data has no
            clock times and ``split`` is by time.
    """
    order = sequence_order(interactions, spec.ties)
    columns = (interactions.user_ids, interactions.item_ids, interactions.timestamps)
    rows = _Rows(*(column[order] for column in columns))
    num_users, num_items = len(interactions.user_names), len(interactions.item_names)
    totals = np.bincount(rows.items, minlength=num_items)
    warm = rows.where(totals[rows.items] >= spec.warm)
    lengths = np.bincount(warm.users, minlength=num_users)
    long_enough = warm.where(lengths[warm.users] >= spec.min_seq_len)
    is_drawn = _draw_users(interactions.user_names, lengths >= spec.min_seq_len, spec.max_users)
    drawn = long_enough.where(is_drawn[long_enough.users])
    is_latest = _steps_from_end(drawn.users) < spec.max_seq_len + 3
    left = np.bincount(drawn.items[is_latest], minlength=num_items)
    counts = {
        **interactions.counts,
        "time_ties": int(follows_a_tie(rows.users, rows.times).sum()),
        **_count_items(totals, left, spec.warm),
        "interactions_dropped_by_warm": len(rows) - len(warm),
        "users_below_minimum": int((lengths < spec.min_seq_len).sum()),
        "interactions_of_dropped_users": len(warm) - len(long_enough),
        "users_not_drawn": int((lengths >= spec.min_seq_len).sum() - is_drawn.sum()),
        "interactions_of_users_not_drawn": len(long_enough) - len(drawn),
    }
    if not len(drawn):
        raise DataError(_nothing_left(spec, counts))
    kept = drawn.where(left[drawn.items] > 0)
    offsets_U1 = _offsets(kept.users)
    found = find_rows(offsets_U1, kept.times, interactions.ticks_per_s, spec, split)
    is_stored = stored_interactions(found, offsets_U1)
    window, stored = kept.where(is_stored), in_stored(found, is_stored)
    is_tied = follows_a_tie(window.users, window.times)
    return Windows(
        offsets_U1=num_before(is_stored)[offsets_U1],
        item_ids=np.cumsum(left > 0)[window.items].astype(np.int32),
        kept_items=np.flatnonzero(left),
        ages_s=_ages(rows, window, interactions.ticks_per_s),
        is_tied=is_tied,
        times_s=_seconds(window, interactions.ticks_per_s),
        splits=stored,
        counts={
            **counts,
            "interactions_outside_windows": len(drawn) - len(window),
            "interactions": len(window),
            **stored.counts,
            "tied_test_targets": int(is_tied[stored.rows["test"].ends_R].sum()),
        },
    )


def _draw_users(
    names: Sequence[str], is_candidate: npt.NDArray[np.bool_], max_users: int | None
) -> npt.NDArray[np.bool_]:
    """Keep the users whose names have the smallest hashes: a random draw that repeats.

    A hash depends on the name alone, not on the order of the rows. A draw of fewer users is part
    of a draw of more.
    """
    candidates = np.flatnonzero(is_candidate)
    if max_users is None or len(candidates) <= max_users:
        return is_candidate
    hashes = [hashlib.blake2b(names[user].encode()).digest() for user in candidates.tolist()]
    smallest = sorted(range(len(hashes)), key=hashes.__getitem__)[:max_users]
    is_drawn = np.zeros_like(is_candidate)
    is_drawn[candidates[smallest]] = True
    return is_drawn


def _ages(rows: _Rows, window: _Rows, ticks_per_s: int | None) -> npt.NDArray[np.int64] | None:
    if ticks_per_s is None:
        return None
    first_times = np.full(rows.items.max() + 1, np.iinfo(np.int64).max)
    np.minimum.at(first_times, rows.items, rows.times)
    ages_ticks: npt.NDArray[np.int64] = window.times - first_times[window.items]
    return ages_ticks // ticks_per_s


def _seconds(rows: _Rows, ticks_per_s: int | None) -> npt.NDArray[np.int64] | None:
    return None if ticks_per_s is None else rows.times // ticks_per_s


def _count_items(
    totals: npt.NDArray[np.int64], left: npt.NDArray[np.int64], warm: int
) -> dict[str, int]:
    """Count the dropped items, each under the first reason that applies."""
    is_cold = (totals > 0) & (totals < warm)
    return {
        "items_without_interactions": int((totals == 0).sum()),
        "items_dropped_by_warm": int(is_cold.sum()),
        "items_outside_windows": int(((totals > 0) & ~is_cold & (left == 0)).sum()),
    }


def _steps_from_end(users: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return for every row of sorted users how many rows of the same user follow."""
    ends = np.searchsorted(users, users, side="right")
    return ends - 1 - np.arange(len(users))


def _offsets(users: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the first row of each user of the sorted ``users``, and the end: shape (U + 1,)."""
    starts = np.flatnonzero(np.diff(users, prepend=-1))
    return np.append(starts, len(users)).astype(np.int64)


def _nothing_left(spec: DatasetSpec, counts: Mapping[str, int]) -> str:
    found = ", ".join(f"{name} {count:,}" for name, count in counts.items() if count)
    return (
        f"dataset {spec.kind}: no user is left with min_seq_len {spec.min_seq_len} "
        f"and warm {spec.warm}: {found or 'there are no interactions'}"
    )
