"""Training samples and batches: left-padded item lists, and one sampled negative per target.

Shape legend: U users, S samples of an epoch, B samples of a batch, L inputs per sample, L1 = L + 1,
T targets per sample.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from morec.config.losses import LossNeeds
from morec.errors import DataError

DRAWN_TOGETHER = 4096
"""Samples whose negatives are drawn in one go, so that the overhead of numpy's calls is small."""


@dataclass(frozen=True)
class TrainSamples:
    """The samples of one epoch, before their order, targets and negatives are drawn."""

    users_S: npt.NDArray[np.int64]
    """The user of each sample: a row of ``trained_UL1``."""
    items_SL1: npt.NDArray[np.int32]
    """Left-padded items: inputs are ``[:, :-1]``, targets the last T."""
    is_target_ST: npt.NDArray[np.bool_]
    """Which of the last T items can enter the loss."""
    trained_UL1: npt.NDArray[np.int32]
    """Every user's train list; none of its items is drawn as the user's negative."""
    target_share: float = 1.0
    """Probability that a target enters the loss; drawn again every epoch. The last target of a
    sample always does."""


@dataclass(frozen=True)
class TrainBatch:
    """Samples of one optimizer step; all numbers int64."""

    users_B: npt.NDArray[np.int64]
    items_BL1: npt.NDArray[np.int64]
    is_target_BT: npt.NDArray[np.bool_]
    """Which of the last T items enter the loss."""
    negatives_BT: npt.NDArray[np.int64] | None
    """One item the user has not trained on per target, else 0."""

    def rows(self, rows: slice) -> "TrainBatch":
        """Some of the samples."""
        return TrainBatch(
            self.users_B[rows],
            self.items_BL1[rows],
            self.is_target_BT[rows],
            None if self.negatives_BT is None else self.negatives_BT[rows],
        )


def sequence_samples(sequences_UL1: npt.NDArray[np.int32]) -> TrainSamples:
    """One sample per user, the whole train list: each item but the first is a target (T = L).

    Users without a train list have no sample; lists are left-padded, so the last column tells.
    """
    users_S = np.flatnonzero(sequences_UL1[:, -1])
    items_SL1 = sequences_UL1[users_S]
    return TrainSamples(
        users_S=users_S,
        items_SL1=items_SL1,
        is_target_ST=items_SL1[:, :-1] > 0,
        trained_UL1=sequences_UL1,
    )


def pair_samples(sequences_UL1: npt.NDArray[np.int32]) -> TrainSamples:
    """One sample per train interaction: a user and the target, no inputs (L = 0, T = 1)."""
    users_S, columns_S = np.nonzero(sequences_UL1)
    return TrainSamples(
        users_S=users_S,
        items_SL1=sequences_UL1[users_S, columns_S, None],
        is_target_ST=np.ones((len(users_S), 1), dtype=np.bool_),
        trained_UL1=sequences_UL1,
    )


def check_samples(samples: TrainSamples, num_items: int, needs: LossNeeds) -> None:
    """Refuse samples that leave a loss nothing to learn from.

    Raises:
        DataError: no target is left, a user has no negative, or a loss over the batch's items
            (``shared_items`` and ``histories``) has none that a user has not trained on.
    """
    if not samples.is_target_ST.any():
        raise DataError(
            f"no training target is left: of all {len(samples.trained_UL1)} users, none has 2 "
            "items to train on; under leave_one_out the last two are for validation and test, so "
            "a model that reads histories needs users with at least 4 interactions, dssm with 3"
        )
    if needs.negatives:
        _check_negatives_exist(samples.trained_UL1, num_items)
    if needs.shared_items and needs.histories:
        _check_others_exist(samples)


def train_batches(
    samples: TrainSamples,
    num_items: int,
    batch_size: int,
    rng: np.random.Generator,
    negatives: bool = True,
) -> Iterator[TrainBatch]:
    """Yield every sample once, in an order drawn from ``rng``; the last batch may be smaller.

    Negatives are uniform over 1..``num_items`` without the user's train list. As in the paper's
    code, a user's validation or test target can be drawn.

    Raises:
        DataError: a user has trained on every item, so that no negative exists.
    """
    if negatives:
        _check_negatives_exist(samples.trained_UL1, num_items)
    order = rng.permutation(len(samples.users_S))
    num_drawn = max(1, DRAWN_TOGETHER // batch_size) * batch_size
    for first in range(0, len(order), num_drawn):
        drawn = _draw(samples, order[first : first + num_drawn], num_items, rng, negatives)
        for start in range(0, len(drawn.users_B), batch_size):
            yield drawn.rows(slice(start, start + batch_size))


def _draw(
    samples: TrainSamples,
    rows: npt.NDArray[np.int64],
    num_items: int,
    rng: np.random.Generator,
    negatives: bool,
) -> TrainBatch:
    users = samples.users_S[rows]
    is_target = _draw_targets(samples.is_target_ST[rows], samples.target_share, rng)
    drawn = None
    if negatives:
        drawn = sample_negatives(is_target, samples.trained_UL1[users], num_items, rng)
    return TrainBatch(
        users_B=users,
        items_BL1=samples.items_SL1[rows].astype(np.int64),
        is_target_BT=is_target,
        negatives_BT=drawn,
    )


def _draw_targets(
    is_target_BT: npt.NDArray[np.bool_], share: float, rng: np.random.Generator
) -> npt.NDArray[np.bool_]:
    if share == 1:
        return is_target_BT
    is_drawn_BT = rng.random(is_target_BT.shape) < share
    is_drawn_BT[:, -1] = True
    return is_target_BT & is_drawn_BT


def sample_negatives(
    is_target_BT: npt.NDArray[np.bool_],
    trained_BL1: npt.NDArray[np.int32],
    num_items: int,
    rng: np.random.Generator,
) -> npt.NDArray[np.int64]:
    """Draw negatives_BT; one that is in its user's train list is drawn again until it is not."""
    negatives_BT = np.zeros(is_target_BT.shape, dtype=np.int32)
    rows_R, is_missing_RT = np.arange(len(negatives_BT)), is_target_BT
    while len(rows_R):
        drawn_RT = negatives_BT[rows_R]
        num_missing = np.count_nonzero(is_missing_RT)
        drawn_RT[is_missing_RT] = rng.integers(1, num_items + 1, size=num_missing)
        negatives_BT[rows_R] = drawn_RT
        is_missing_RT = is_missing_RT & _is_in_row(drawn_RT, trained_BL1[rows_R])
        is_open_R = is_missing_RT.any(axis=1)
        rows_R, is_missing_RT = rows_R[is_open_R], is_missing_RT[is_open_R]
    return negatives_BT.astype(np.int64)


def _is_in_row(
    items_RT: npt.NDArray[np.int32], rows_RX: npt.NDArray[np.int32]
) -> npt.NDArray[np.bool_]:
    """Whether each item is in its row; by columns, since numpy is slow on short rows (1.7x)."""
    is_found_RT = np.zeros(items_RT.shape, dtype=np.bool_)
    for column_R in rows_RX.T:
        is_found_RT |= items_RT == column_R[:, None]
    return is_found_RT


def _num_distinct_U(sequences_UL1: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """How many different items each user's list holds."""
    ordered_UL1 = np.sort(sequences_UL1, axis=1)
    is_new_UL1 = np.diff(ordered_UL1, axis=1, prepend=0) > 0
    num_distinct_U: npt.NDArray[np.int64] = is_new_UL1.sum(axis=1)
    return num_distinct_U


def _check_others_exist(samples: TrainSamples) -> None:
    sequences_UL1 = samples.trained_UL1
    num_trained = np.count_nonzero(np.bincount(sequences_UL1.ravel())[1:])
    if num_trained > sequences_UL1.shape[1]:
        return
    users = np.unique(samples.users_S[samples.is_target_ST.any(axis=1)])
    if (_num_distinct_U(sequences_UL1[users]) == num_trained).all():
        raise DataError(
            f"in-batch negatives: each of the {len(users)} users with a training target has all "
            f"{num_trained} trained items in their train list, so no item is a negative and the "
            "loss is always 0; use more users, or training.loss: bce"
        )


def _check_negatives_exist(sequences_UL1: npt.NDArray[np.int32], num_items: int) -> None:
    if num_items > sequences_UL1.shape[1]:
        return
    num_full = int((_num_distinct_U(sequences_UL1) == num_items).sum())
    if num_full:
        raise DataError(
            f"negative sampling: {num_full} of {len(sequences_UL1)} users have every one of the "
            f"{num_items} items in their train list, so no negative exists; "
            "lower max_seq_len or use more items"
        )
