"""What is read of each split: training lists, and batches of histories with their targets.

The rows of the splits are the dataset's (``rows_of``). Leave-one-out is the default: a user's last
interaction is for test, the one before for validation. For a user's window s and L =
``max_seq_len`` (paper, section 3, and the paper's code):

=========  =========================  =======  ==================
split      input (at most L items)    target   masked history
=========  =========================  =======  ==================
train      s[:-2] without its last    shifted
valid      s[-(L+2):-2]               s[-2]    s[:-2]
test       s[-(L+1):-1]               s[-1]    s[:-1]
=========  =========================  =======  ==================

Without ``evaluation.mask_history`` nothing is masked. A split by time has other rows, see
``morec.data.split_rows``; a user may have none in a split.

Shape legend: U users, R rows of a split, B rows of a batch, L inputs, L1 = L + 1, N items, N1 =
N + 1.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from morec.config import Candidates
from morec.data.dataset import Dataset

Split = Literal["valid", "test"]


@dataclass(frozen=True)
class EvaluationBatch:
    """Consecutive users of one split; all arrays int64."""

    users_B: npt.NDArray[np.int64]
    """The users' numbers in the dataset, from 0."""
    inputs_BL: npt.NDArray[np.int64]
    """Left-padded with 0."""
    targets_B: npt.NDArray[np.int64]
    history_rows: npt.NDArray[np.int64]
    """(m,) with ``history_items``: mask ``scores[history_rows, history_items]``."""
    history_items: npt.NDArray[np.int64]
    """(m,) item ids 1..N."""
    first: int = 0
    """Number of the batch's first user among those of the split, from 0."""

    def rows(self, rows: slice) -> "EvaluationBatch":
        """Return some of the users; ``history_rows`` count from the first of them."""
        first, end, _ = rows.indices(len(self.users_B))
        history = slice(*np.searchsorted(self.history_rows, (first, end)).tolist())
        return EvaluationBatch(
            self.users_B[rows],
            self.inputs_BL[rows],
            self.targets_B[rows],
            self.history_rows[history] - first,
            self.history_items[history],
            self.first + first,
        )


def train_sequences_UL1(dataset: Dataset) -> npt.NDArray[np.int32]:
    """Return every user's train list, left-padded with 0; all 0 of a user without any."""
    users, starts, ends = dataset.rows_of("train")
    sequences_UL1 = np.zeros((dataset.num_users, dataset.max_seq_len + 1), dtype=np.int32)
    sequences_UL1[users] = left_padded(
        dataset.item_ids, starts, ends, width=dataset.max_seq_len + 1
    )
    return sequences_UL1


def evaluation_batches(
    dataset: Dataset, split: Split, batch_size: int, *, mask_history: bool = True
) -> Iterator[EvaluationBatch]:
    """Yield all rows in dataset order, ``batch_size`` at a time; the last batch may be shorter."""
    rows_of_split = dataset.rows_of(split)
    for first in range(0, rows_of_split.num_rows, batch_size):
        users, starts, targets = rows_of_split.where(slice(first, first + batch_size))
        inputs = left_padded(dataset.item_ids, starts, targets, width=dataset.max_seq_len)
        rows, positions = masked_spans(starts, targets, mask_history=mask_history)
        yield EvaluationBatch(
            users_B=users,
            inputs_BL=inputs.astype(np.int64),
            targets_B=dataset.item_ids[targets].astype(np.int64),
            history_rows=rows,
            history_items=dataset.item_ids[positions].astype(np.int64),
            first=first,
        )


def train_popularity_N1(dataset: Dataset) -> npt.NDArray[np.int64]:
    """Count each item's interactions in train lists; index 0 (padding) is 0."""
    _, positions = train_spans(dataset)
    return np.bincount(dataset.item_ids[positions], minlength=dataset.num_items + 1)


def train_spans(dataset: Dataset) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return user and index in ``dataset.item_ids`` of every train interaction, shapes (m,)."""
    users, starts, ends = dataset.rows_of("train")
    rows, positions = spans(starts, ends)
    return users[rows], positions


def is_candidate_N1(dataset: Dataset, candidates: Candidates) -> npt.NDArray[np.bool_]:
    """Return which items every target is ranked against; index 0 (padding) is False.

    A user's own target counts as a candidate even where this says False.
    """
    is_item_N1 = np.arange(dataset.num_items + 1) > 0
    return is_item_N1 if candidates == "all" else train_popularity_N1(dataset) > 0


def target_positions_U(dataset: Dataset, split: Split) -> npt.NDArray[np.int64]:
    """Return the index in ``dataset.item_ids`` of every target of a split, by user."""
    return dataset.rows_of(split).ends_R


def train_lengths_U(dataset: Dataset) -> npt.NDArray[np.int64]:
    """Return the length of every user's train list; 0 of a user without any."""
    return np.bincount(train_spans(dataset)[0], minlength=dataset.num_users)


def masked_spans(
    starts: npt.NDArray[np.int64], targets: npt.NDArray[np.int64], *, mask_history: bool
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return row number and index of every interaction that is masked, shapes (m,).

    Those are all before the target, or none without ``mask_history``.
    """
    return spans(starts if mask_history else targets, targets)


def left_padded(
    values: npt.NDArray[np.int32],
    starts: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
    width: int,
) -> npt.NDArray[np.int32]:
    """Return the last ``width`` of ``values[start:end]`` per row, 0 to the left: (rows, width)."""
    positions = ends[:, None] + np.arange(-width, 0)
    is_real = positions >= starts[:, None]
    return np.where(is_real, values[np.where(is_real, positions, 0)], 0)


def spans(
    starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return row number and index of every element of every ``start:end``, shapes (m,)."""
    lengths = ends - starts
    rows = np.repeat(np.arange(len(starts)), lengths)
    first_of_row = np.cumsum(lengths) - lengths
    positions = np.arange(len(rows)) + (starts - first_of_row)[rows]
    return rows, positions
