"""Training batches: left-padded train lists and one sampled negative per target.

Shape legend: B users, L inputs per user, L1 = L + 1.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from morec.errors import DataError


@dataclass(frozen=True)
class TrainBatch:
    """Users of one optimizer step; all arrays int64."""

    users_B: npt.NDArray[np.int64]
    """Rows of the train sequences."""
    items_BL1: npt.NDArray[np.int64]
    """Left-padded train lists: inputs are ``[:, :-1]``, positive targets ``[:, 1:]``."""
    negatives_BL: npt.NDArray[np.int64] | None
    """One item the user has not trained on per target whose input is real too, else 0."""


def train_batches(
    sequences_UL1: npt.NDArray[np.int32],
    num_items: int,
    batch_size: int,
    rng: np.random.Generator,
    negatives: bool = True,
) -> Iterator[TrainBatch]:
    """Yield every user once, in an order drawn from ``rng``; the last batch may be smaller.

    Negatives are uniform over 1..``num_items`` without the user's train list (the authors'
    rule: validation and test targets can be drawn).

    Raises:
        DataError: a user has trained on every item, so that no negative exists.
    """
    if negatives:
        _check_negatives_exist(sequences_UL1, num_items)
    order = rng.permutation(len(sequences_UL1))
    for first in range(0, len(order), batch_size):
        users = order[first : first + batch_size]
        items = sequences_UL1[users].astype(np.int64)
        drawn = sample_negatives(items, num_items, rng) if negatives else None
        yield TrainBatch(users_B=users, items_BL1=items, negatives_BL=drawn)


def sample_negatives(
    items_BL1: npt.NDArray[np.int64], num_items: int, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Draw negatives_BL, again for as long as one stands in its user's train list."""
    rows, columns = np.nonzero(items_BL1[:, :-1])
    drawn = rng.integers(1, num_items + 1, size=len(rows))
    pending = np.arange(len(rows))
    while True:
        is_taken = (items_BL1[rows[pending]] == drawn[pending, None]).any(axis=1)
        pending = pending[is_taken]
        if not len(pending):
            break
        drawn[pending] = rng.integers(1, num_items + 1, size=len(pending))
    negatives_BL = np.zeros_like(items_BL1[:, :-1])
    negatives_BL[rows, columns] = drawn
    return negatives_BL


def _check_negatives_exist(sequences_UL1: npt.NDArray[np.int32], num_items: int) -> None:
    if num_items > sequences_UL1.shape[1]:
        return
    ordered = np.sort(sequences_UL1, axis=1)
    is_new = np.diff(ordered, axis=1, prepend=0) > 0
    num_full = int((is_new.sum(axis=1) == num_items).sum())
    if num_full:
        raise DataError(
            f"negative sampling: {num_full} of {len(sequences_UL1)} users have every one of the "
            f"{num_items} items in their train list, so no negative exists; "
            "lower max_seq_len or use more items"
        )
