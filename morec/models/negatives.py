"""Negatives of training targets: how many, shared or not, by what they are drawn, and the draws.

Shape legend: U users, B samples, L1 items of a train list, T targets of a sample, K negatives of a
target, M items that a batch shares.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from morec.config.losses import LossNeeds
from morec.config.training import TrainingSpec
from morec.errors import DataError


@dataclass(frozen=True)
class Negatives:
    """What a batch has beside its samples' own items; by default, nothing."""

    each: int = 0
    """Sampled items of each target, none of which its user has trained on."""
    shared: int = 0
    """Sampled items of a batch, with repeats; a user may have trained on some."""
    by_popularity: bool = False
    """An item is drawn as often as it is trained on; else all items are drawn alike."""
    catalogue: bool = False
    """All items, in every batch."""

    @property
    def is_drawn(self) -> bool:
        """Whether there are sampled items."""
        return self.each > 0 or self.shared > 0

    @property
    def is_shared(self) -> bool:
        """Whether there are items that all targets of a batch share."""
        return self.shared > 0 or self.catalogue


def negatives_of(training: TrainingSpec, needs: LossNeeds) -> Negatives:
    """The negatives that a loss with such needs asks for."""
    if not needs.negatives:
        return Negatives(catalogue=needs.catalogue)
    is_shared = training.shared_negatives
    return Negatives(
        each=0 if is_shared else training.negatives,
        shared=training.negatives if is_shared else 0,
        by_popularity=training.negatives_by == "popularity",
        catalogue=needs.catalogue,
    )


class NegativeSampler:
    """Draws the negatives of batches."""

    def __init__(
        self, negatives: Negatives, trained_UL1: npt.NDArray[np.int32], num_items: int
    ) -> None:
        self._negatives = negatives
        self._num_items = num_items
        # A uniform draw of train interactions draws items by popularity.
        self._interactions = trained_UL1[trained_UL1 > 0] if negatives.by_popularity else None
        self._catalogue = np.arange(1, num_items + 1 if negatives.catalogue else 1)

    def draw_each(
        self,
        is_target_BT: npt.NDArray[np.bool_],
        trained_BL1: npt.NDArray[np.int32],
        rng: np.random.Generator,
    ) -> npt.NDArray[np.int64]:
        """Draw negatives_BTK; one that is in its user's train list is drawn again until not."""
        num_users, num_targets = is_target_BT.shape
        is_missing_RX = np.repeat(is_target_BT, self._negatives.each, axis=1)
        negatives_BX = np.zeros(is_missing_RX.shape, dtype=np.int32)
        rows_R = np.arange(num_users if negatives_BX.size else 0)
        while len(rows_R):
            drawn_RX = negatives_BX[rows_R]
            drawn_RX[is_missing_RX] = self._draw(int(is_missing_RX.sum()), rng)
            negatives_BX[rows_R] = drawn_RX
            is_missing_RX &= self._is_in_row(drawn_RX, trained_BL1[rows_R])
            is_open_R = is_missing_RX.any(axis=1)
            rows_R, is_missing_RX = rows_R[is_open_R], is_missing_RX[is_open_R]
        return negatives_BX.astype(np.int64).reshape(num_users, num_targets, self._negatives.each)

    def draw_shared(self, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        """The items that a batch shares: shared_M."""
        if not self._negatives.shared:
            return self._catalogue
        return self._draw(self._negatives.shared, rng).astype(np.int64)

    def _is_in_row(
        self, items_RX: npt.NDArray[np.int32], rows_RL1: npt.NDArray[np.int32]
    ) -> npt.NDArray[np.bool_]:
        """Whether each item is in its row; by marks where they take no more memory than items."""
        if self._num_items > items_RX.shape[1] * items_RX.itemsize:
            return _is_in_columns(items_RX, rows_RL1)
        is_in_RN1 = np.zeros((len(rows_RL1), self._num_items + 1), dtype=np.bool_)
        np.put_along_axis(is_in_RN1, rows_RL1, True, axis=1)
        return np.take_along_axis(is_in_RN1, items_RX, axis=1)

    def _draw(self, count: int, rng: np.random.Generator) -> npt.NDArray[np.integer]:
        if self._interactions is None:
            return rng.integers(1, self._num_items + 1, size=count)
        drawn: npt.NDArray[np.integer] = self._interactions[
            rng.integers(len(self._interactions), size=count)
        ]
        return drawn


def check_negatives_exist(
    trained_UL1: npt.NDArray[np.int32], num_items: int, negatives: Negatives
) -> None:
    """Refuse data where a user has trained on all items that are drawn, or of too few items.

    Raises:
        DataError: says how many there are.
    """
    if negatives.each:
        _check_each_user(trained_UL1, num_items, negatives)
    count, num_others = negatives.each or negatives.shared, num_items - 1
    if count > num_others:
        raise DataError(
            f"training.negatives: {count} are more than the {num_others} items beside a target; "
            f"allowed: 1 to {num_others}, or training.loss: full_ce"
        )


def _check_each_user(
    trained_UL1: npt.NDArray[np.int32], num_items: int, negatives: Negatives
) -> None:
    kind, num_drawn = "items", num_items
    if negatives.by_popularity:
        kind, num_drawn = "trained items", _num_trained(trained_UL1)
    if num_drawn > trained_UL1.shape[1]:
        return
    num_full = int((_num_distinct_U(trained_UL1) == num_drawn).sum())
    if num_full:
        raise DataError(
            f"negative sampling: {num_full} of {len(trained_UL1)} users have every one of the "
            f"{num_drawn} {kind} in their train list, so no negative exists; "
            "lower max_seq_len or use more items"
        )


def check_others_exist(
    trained_UL1: npt.NDArray[np.int32],
    users: npt.NDArray[np.int64],
    num_items: int,
    negatives: Negatives,
) -> None:
    """Refuse items for all users of which each of the ``users`` has trained on all.

    Raises:
        DataError: the loss would always be 0.
    """
    is_any_item = negatives.catalogue or (negatives.shared > 0 and not negatives.by_popularity)
    num_shared = num_items if is_any_item else _num_trained(trained_UL1)
    if num_shared > trained_UL1.shape[1]:
        return
    if (_num_distinct_U(trained_UL1[users]) == num_shared).all():
        name = "shared" if negatives.is_shared else "in-batch"
        raise DataError(
            f"{name} negatives: each of the {len(users)} users with a training target has all "
            f"{num_shared} {'items' if is_any_item else 'trained items'} in their train list, so "
            "no item is a negative and the loss is always 0; use more users, or training.loss: bce"
        )


def _num_trained(trained_UL1: npt.NDArray[np.int32]) -> int:
    return int(np.count_nonzero(np.bincount(trained_UL1.ravel())[1:]))


def _num_distinct_U(trained_UL1: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """How many different items each user's list holds."""
    ordered_UL1 = np.sort(trained_UL1, axis=1)
    is_new_UL1 = np.diff(ordered_UL1, axis=1, prepend=0) > 0
    num_distinct_U: npt.NDArray[np.int64] = is_new_UL1.sum(axis=1)
    return num_distinct_U


def _is_in_columns(
    items_RX: npt.NDArray[np.int32], rows_RL1: npt.NDArray[np.int32]
) -> npt.NDArray[np.bool_]:
    """Whether each item is in its row; by columns, since numpy is slow on short rows (1.7x)."""
    is_found_RX = np.zeros(items_RX.shape, dtype=np.bool_)
    for column_R in rows_RL1.T:
        is_found_RX |= items_RX == column_R[:, None]
    return is_found_RX
