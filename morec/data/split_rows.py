"""Which interactions each split reads and predicts: rows of a user, a history and its end.

Comes in: users' interactions in time order, and for a split by time their times and two cuts. Goes
out: ``SplitRows`` per split, positions in one flat array of items. Shape legend: U users, U1 =
U + 1, n interactions, R rows of a split.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from morec.config import ByTimeSpec, ByTimeSplit, DatasetSpec, SplitSpec
from morec.errors import DataError

AnySplit = Literal["train", "valid", "test"]
_STEPS_BEFORE_END: Mapping[AnySplit, int] = {"train": 2, "valid": 2, "test": 1}
"""Leave-one-out: distance of a history's end from the end of the user's interactions."""

_PURPOSES: Mapping[AnySplit, str] = {"train": "training", "valid": "validation", "test": "test"}

_Ints = npt.NDArray[np.int64]
_Bools = npt.NDArray[np.bool_]


class SplitRows(NamedTuple):
    """One split, by user: the history is ``start:end``, and the target stands right after it.

    Training rows have no target besides the items of the history.
    """

    users_R: _Ints
    """The users' numbers, from 0, ascending."""
    starts_R: _Ints
    ends_R: _Ints
    """Of validation and test the position of the target."""

    def where(self, kept: _Bools | slice) -> "SplitRows":
        """Return some of the rows."""
        return SplitRows(*(column[kept] for column in self))

    @property
    def num_rows(self) -> int:
        """R."""
        return len(self.users_R)


@dataclass(frozen=True)
class RowsOfSplits:
    """The rows of every split, and what a split by time left out."""

    rows: Mapping[AnySplit, SplitRows]
    counts: Mapping[str, int]
    """How many users or targets each rule concerned; empty of leave-one-out."""
    cuts_s: tuple[int, int] | None = None
    """Beginnings of validation and test in seconds from 1970; None without a split by time."""


class Cuts(NamedTuple):
    """The two cuts of a split by time, in units of the interactions' times.

    An interaction lies before a cut if its time is smaller, and after it if its time is equal.
    """

    valid_from: int
    test_from: int


def find_cuts(times_n: _Ints, spec: ByTimeSpec) -> Cuts:
    """Return the cuts that leave the latest shares of all interactions for validation and test.

    The test cut is the time of the earliest of the round(n * test) latest interactions.
    Interactions at this time that come before it in the order lie after the cut too.
    """
    ordered_n = np.sort(times_n)
    late = (round(len(ordered_n) * share) for share in (spec.valid + spec.test, spec.test))
    return Cuts(*(int(ordered_n[min(-number, -1)]) for number in late))


def find_rows(
    offsets_U1: _Ints,
    times_n: _Ints,
    ticks_per_s: int | None,
    dataset: DatasetSpec,
    split: SplitSpec,
) -> RowsOfSplits:
    """Return the rows of every split of n interactions, sorted by user and time.

    Raises:
        DataError: ``split`` is by time and there are no clock times, or a split has no row.
    """
    if not isinstance(split, ByTimeSplit):
        return leave_one_out(offsets_U1, dataset.max_seq_len)
    where = f"dataset {dataset.kind}: evaluation.split: by_time"
    if ticks_per_s is None:
        raise DataError(
            f"{where}: the data has no clock times, only an order; allowed: leave_one_out"
        )
    cuts = find_cuts(times_n, split.by_time)
    found = by_time(
        offsets_U1, times_n, cuts=cuts, spec=split.by_time, max_seq_len=dataset.max_seq_len
    )
    _check_every_split_has_rows(found, where)
    valid_s, test_s = (cut // ticks_per_s for cut in cuts)
    return replace(found, cuts_s=(valid_s, test_s))


def leave_one_out(offsets_U1: _Ints, max_seq_len: int) -> RowsOfSplits:
    """Return a row per user: the latest L + 3 interactions without the last one or two."""
    ends_U = np.asarray(offsets_U1[1:])
    starts_U = np.maximum(offsets_U1[:-1], ends_U - (max_seq_len + 3))
    users_U = np.arange(len(ends_U))
    rows = {
        split: SplitRows(users_U, starts_U, ends_U - steps)
        for split, steps in _STEPS_BEFORE_END.items()
    }
    return RowsOfSplits(rows, {})


def by_time(
    offsets_U1: _Ints, times_n: _Ints, *, cuts: Cuts, spec: ByTimeSpec, max_seq_len: int
) -> RowsOfSplits:
    """Return the rows of every split by time; ``times_n`` ascend within a user.

    A training row is the latest L + 1 interactions before the validation cut. A target is the
    user's first or last interaction in the period; its history is the latest L + 2 interactions
    before it, those of the same period included. Users without a history have no row.
    """
    begins_U, ends_U = np.asarray(offsets_U1[:-1]), np.asarray(offsets_U1[1:])
    users_n = np.repeat(np.arange(len(begins_U)), np.diff(offsets_U1))
    valid_U, test_U = (
        begins_U + np.bincount(users_n[times_n < cut], minlength=len(begins_U)) for cut in cuts
    )
    train = _rows(begins_U, valid_U, width=max_seq_len + 1)
    rows: dict[AnySplit, SplitRows] = {"train": train.where(valid_U > begins_U)}
    counts = {"users_with_train_interactions": rows["train"].num_rows}
    periods: dict[AnySplit, tuple[_Ints, _Ints]] = {
        "valid": (valid_U, test_U),
        "test": (test_U, ends_U),
    }
    for split, (firsts_U, lasts_U) in periods.items():
        targets_U = firsts_U if spec.target == "first" else lasts_U - 1
        is_active_U, has_history_U = lasts_U > firsts_U, targets_U > begins_U
        all_rows = _rows(begins_U, targets_U, width=max_seq_len + 2)
        rows[split] = all_rows.where(is_active_U & has_history_U)
        counts[f"{split}_targets"] = rows[split].num_rows
        is_new_U = valid_U == begins_U
        counts[f"{split}_users_without_a_past"] = int(is_new_U[rows[split].users_R].sum())
        counts[f"{split}_users_without_a_history"] = int((is_active_U & ~has_history_U).sum())
    return RowsOfSplits(rows, counts)


def stored_interactions(found: RowsOfSplits, offsets_U1: _Ints) -> _Bools:
    """Mark what the rows need, shape (n,): histories, targets, and the interaction after a target.

    The one after says whether the target is tied with it.
    """
    ends_U = np.asarray(offsets_U1[1:])
    changes = np.zeros(int(offsets_U1[-1]) + 1, dtype=np.int64)
    for split, rows in found.rows.items():
        beyond = 0 if split == "train" else 2
        np.add.at(changes, rows.starts_R, 1)
        np.add.at(changes, np.minimum(rows.ends_R + beyond, ends_U[rows.users_R]), -1)
    is_stored_n: _Bools = np.cumsum(changes[:-1]) > 0
    return is_stored_n


def in_stored(found: RowsOfSplits, is_stored_n: _Bools) -> RowsOfSplits:
    """Return the same rows as positions among the stored interactions."""
    before_n1 = num_before(is_stored_n)
    rows = {
        split: SplitRows(one.users_R, before_n1[one.starts_R], before_n1[one.ends_R])
        for split, one in found.rows.items()
    }
    return replace(found, rows=rows)


def num_before(is_stored_n: _Bools) -> _Ints:
    """Return how many stored interactions lie before each of all, and how many there are: (n1,)."""
    return np.concatenate([[0], np.cumsum(is_stored_n)])


def _check_every_split_has_rows(found: RowsOfSplits, where: str) -> None:
    if empty := [_PURPOSES[split] for split, rows in found.rows.items() if not rows.num_rows]:
        counts = ", ".join(f"{name} {count:,}" for name, count in found.counts.items())
        raise DataError(
            f"{where}: no user is left for {' or '.join(empty)}: {counts}; allowed: shares test "
            "and valid so large that users have interactions in each of the three periods"
        )


def _rows(begins_U: _Ints, ends_U: _Ints, width: int) -> SplitRows:
    """Return a row per user: the latest ``width`` interactions before ``ends_U``."""
    return SplitRows(np.arange(len(ends_U)), np.maximum(begins_U, ends_U - width), ends_U)
