"""Slices of a split's users: by the target's popularity, the history's length, the target's age,
whether the user was there before, and whether the target's time is its own.

Comes in: a dataset and a split. Goes out: a label per user and dimension. Train interactions are
those of the train lists, for both splits. Shape legend: U users of the split, N1 = N + 1 items, n
values.
"""

from dataclasses import dataclass
from itertools import pairwise
from math import floor, log10

import numpy as np
import numpy.typing as npt

from morec.config import POPULARITY_LABELS
from morec.data.dataset import Dataset
from morec.data.splits import Split, target_positions_U, train_lengths_U, train_popularity_N1

COLD_BELOW = 10
"""Items with fewer train interactions are cold (paper, appendix A.1)."""
UNITS = {
    "second": 1,
    "minute": 60,
    "hour": 3_600,
    "day": 86_400,
    "year": 31_557_600,
}
"""Units of time in seconds, the shortest first."""

_Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Slicing:
    """One way to divide the users of a split."""

    dimension: str
    labels: tuple[str, ...]
    """In natural order; a label may have no user."""
    codes_U: _Ints
    """(U,) index into ``labels``, in dataset order."""


def slicings(dataset: Dataset, split: Split) -> tuple[Slicing, ...]:
    """Return the slicings by popularity, history, item age, ties in time and the user's past.

    There is none by item age without clock times, none by ties where no target is tied, and none
    by the user's past where every user has one. Equal values share a third. So thirds may differ
    in size, and there may be fewer than three.
    """
    found = (
        _by_popularity(dataset, split),
        _by_history(dataset, split),
        _by_item_age(dataset, split),
        _by_ties(dataset, split),
        _by_past(dataset, split),
    )
    return tuple(slicing for slicing in found if slicing)


def _by_popularity(dataset: Dataset, split: Split) -> Slicing:
    targets_U = dataset.item_ids[target_positions_U(dataset, split)]
    return Slicing("popularity", POPULARITY_LABELS, popularity_codes_N1(dataset)[targets_U])


def popularity_codes_N1(dataset: Dataset) -> _Ints:
    """Return each item's index into ``POPULARITY_LABELS``; that of index 0 (padding) means nothing.

    New: no train interaction; cold: 1 to 9; tail, mid, head: thirds of the others' interactions.
    """
    counts_N1 = train_popularity_N1(dataset)
    is_warm_N1 = counts_N1 >= COLD_BELOW
    codes_N1 = (counts_N1 > 0).astype(np.int64)
    warm_counts = counts_N1[is_warm_N1]
    codes_N1[is_warm_N1] = 2 + _thirds(warm_counts, warm_counts)
    return codes_N1


def _by_history(dataset: Dataset, split: Split) -> Slicing:
    """Thirds of the users by their number of train interactions, labelled ``3-7``."""
    lengths_U = train_lengths_U(dataset)[dataset.rows_of(split).users_R]
    third_U = _thirds(lengths_U, np.ones_like(lengths_U))
    used, codes_U = np.unique(third_U, return_inverse=True)
    bounds = [(lengths_U[third_U == code].min(), lengths_U[third_U == code].max()) for code in used]
    labels = (f"{low}-{high}" if low < high else f"{low}" for low, high in bounds)
    return Slicing("history", tuple(labels), codes_U)


def _by_item_age(dataset: Dataset, split: Split) -> Slicing | None:
    """Thirds of the users by the time from the target's first interaction to the user's.

    Bounds are rounded before users are counted, so each label states its slice exactly.
    """
    if dataset.ages_s is None:
        return None
    ages_U = np.asarray(dataset.ages_s[target_positions_U(dataset, split)])
    third_U = _thirds(ages_U, np.ones_like(ages_U))
    used = np.unique(third_U).tolist()
    bounds = dict(_rounded(int(ages_U[third_U == code].min())) for code in used[1:])
    codes_U = np.searchsorted(list(bounds), ages_U, side="right")
    return Slicing("item age", _age_labels(list(bounds.values())), codes_U)


def _by_ties(dataset: Dataset, split: Split) -> Slicing | None:
    """Tied: the target has the time of the user's interaction before or after it."""
    if dataset.is_tied is None:
        return None
    users_U, _, targets_U = dataset.rows_of(split)
    ends_U = np.asarray(dataset.offsets_U1[1:])[users_U]
    after_U = np.where(targets_U + 1 < ends_U, targets_U + 1, targets_U)
    is_tied_U = np.asarray(dataset.is_tied[targets_U] | dataset.is_tied[after_U])
    if not is_tied_U.any():
        return None
    return Slicing("ties in time", ("untied", "tied"), is_tied_U.astype(np.int64))


def _by_past(dataset: Dataset, split: Split) -> Slicing | None:
    """Without a past: no train interaction; of a split by time, the user came after its cut."""
    has_past_U = train_lengths_U(dataset)[dataset.rows_of(split).users_R] > 0
    if has_past_U.all():
        return None
    labels = ("users without a past", "users with a past")
    return Slicing("user's past", labels, has_past_U.astype(np.int64))


def _age_labels(bounds: list[str]) -> tuple[str, ...]:
    if not bounds:
        return ("any age",)
    between = (f"{low} to {high}" for low, high in pairwise(bounds))
    return (f"< {bounds[0]}", *between, f">= {bounds[-1]}")


def _thirds(values_n: _Ints, weights_n: _Ints) -> _Ints:
    """Return 0, 1 or 2 per value: the third of the total weight in which its middle lies.

    Equal values form one block and share a third.
    """
    _, block_n = np.unique(values_n, return_inverse=True)
    weights = np.bincount(block_n, weights=weights_n)
    middles = np.cumsum(weights) - weights / 2
    third = np.floor(3 * middles / max(weights.sum(), 1)).astype(np.int64)
    thirds_n: _Ints = np.minimum(third, 2)[block_n]
    return thirds_n


def _rounded(seconds: int) -> tuple[float, str]:
    """Return a time of at least 1 second, rounded to two digits: in seconds, and in words."""
    unit, length = next(
        (item for item in reversed(UNITS.items()) if seconds >= 2 * item[1]), ("second", 1)
    )
    number = round(seconds / length, 1 - floor(log10(seconds / length)))
    return number * length, f"{number:g} {unit}{'' if number == 1 else 's'}"
