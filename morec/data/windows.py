"""From interactions to one window per user: warm-N, the minimum length, the latest L + 3 items.

The rules are those of the paper's loader (``read_behaviors``): the minimum is tested before the
window is cut, items are counted within the windows, survivors keep the catalogue's order.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from morec.config import DatasetSpec
from morec.data.interactions import Interactions, time_order
from morec.errors import DataError


@dataclass(frozen=True)
class Windows:
    """The latest interactions of every user that is kept, concatenated."""

    offsets_U1: npt.NDArray[np.int64]
    """(U + 1,) user u's window is ``item_ids[offsets_U1[u]:offsets_U1[u + 1]]``."""
    item_ids: npt.NDArray[np.int32]
    """(n,) chronological within a user; ids 1..N, 0 is padding."""
    kept_items: npt.NDArray[np.int64]
    """(N,) the catalogue code of item i + 1."""
    counts: Mapping[str, int]


@dataclass(frozen=True)
class _Rows:
    """Interactions by user and time, shapes (n,), codes as in ``Interactions``."""

    users: npt.NDArray[np.int64]
    items: npt.NDArray[np.int64]

    def where(self, is_kept: npt.NDArray[np.bool_]) -> "_Rows":
        return _Rows(self.users[is_kept], self.items[is_kept])

    def __len__(self) -> int:
        return len(self.users)


def cut_windows(interactions: Interactions, spec: DatasetSpec) -> Windows:
    """Cut the interactions into windows.

    Warm-N counts once, on all interactions, and drops items below N; then the minimum length is
    applied; then the window is cut (the paper leaves this order open).

    Raises:
        DataError: no user is left.
    """
    order = time_order(interactions.user_ids, interactions.timestamps)
    rows = _Rows(interactions.user_ids[order], interactions.item_ids[order])
    num_users, num_items = len(interactions.user_names), len(interactions.item_names)
    totals = np.bincount(rows.items, minlength=num_items)
    warm = rows.where(totals[rows.items] >= spec.warm)
    lengths = np.bincount(warm.users, minlength=num_users)
    long_enough = warm.where(lengths[warm.users] >= spec.min_seq_len)
    window = long_enough.where(_steps_from_end(long_enough.users) < spec.max_seq_len + 3)
    left = np.bincount(window.items, minlength=num_items)
    counts = {
        **interactions.counts,
        "time_ties": _count_ties(rows.users, interactions.timestamps[order]),
        **_count_items(totals, left, spec.warm),
        "interactions_dropped_by_warm": len(rows) - len(warm),
        "users_below_minimum": int((lengths < spec.min_seq_len).sum()),
        "interactions_of_dropped_users": len(warm) - len(long_enough),
        "interactions_outside_windows": len(long_enough) - len(window),
        "interactions": len(window),
    }
    if not len(window):
        raise DataError(_nothing_left(spec, counts))
    return Windows(
        offsets_U1=_offsets(window.users),
        item_ids=np.cumsum(left > 0)[window.items].astype(np.int32),
        kept_items=np.flatnonzero(left),
        counts=counts,
    )


def _count_items(
    totals: npt.NDArray[np.int64], left: npt.NDArray[np.int64], warm: int
) -> dict[str, int]:
    """Count the items that fall away, each under the first reason that applies."""
    is_cold = (totals > 0) & (totals < warm)
    return {
        "items_without_interactions": int((totals == 0).sum()),
        "items_dropped_by_warm": int(is_cold.sum()),
        "items_outside_windows": int(((totals > 0) & ~is_cold & (left == 0)).sum()),
    }


def _steps_from_end(users: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Count, for every row of sorted users, how many rows of the same user follow it."""
    ends = np.searchsorted(users, users, side="right")
    return ends - 1 - np.arange(len(users))


def _offsets(users: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return where each user of the sorted ``users`` starts, and the end: shape (U + 1,)."""
    starts = np.flatnonzero(np.diff(users, prepend=-1))
    return np.append(starts, len(users)).astype(np.int64)


def _count_ties(users: npt.NDArray[np.int64], times: npt.NDArray[np.int64]) -> int:
    """Count neighbours of one user that share their time, so that only file order tells them."""
    return int(((np.diff(users) == 0) & (np.diff(times) == 0)).sum())


def _nothing_left(spec: DatasetSpec, counts: Mapping[str, int]) -> str:
    struck = ", ".join(f"{name} {count:,}" for name, count in counts.items() if count)
    return (
        f"dataset {spec.kind}: no user is left with min_seq_len {spec.min_seq_len} "
        f"and warm {spec.warm}: {struck or 'there are no interactions'}"
    )
