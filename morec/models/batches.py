"""Training samples and batches: left-padded item lists, and the negatives of their targets.

Shape legend: U users, S samples of an epoch, B samples of a batch, L inputs per sample, L1 = L + 1,
T targets per sample, K negatives of a target, M items that a batch shares.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from morec.config.losses import LossNeeds

# Not from the package: it loads installed recommenders, which may import this module.
from morec.config.training import TrainingSpec
from morec.errors import DataError
from morec.models.negatives import (
    Negatives,
    NegativeSampler,
    check_negatives_exist,
    check_others_exist,
)

DRAWN_TOGETHER = 4096
"""Samples whose negatives are drawn in one go, so that the overhead of numpy's calls is small;
fewer where a target has several negatives."""
ONE_EACH = Negatives(each=1)


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
    """Probability that a target enters the loss; drawn again every epoch. At least one target of a
    sample does."""


@dataclass(frozen=True)
class TrainBatch:
    """Samples of one optimizer step; all numbers int64."""

    users_B: npt.NDArray[np.int64]
    items_BL1: npt.NDArray[np.int64]
    is_target_BT: npt.NDArray[np.bool_]
    """Which of the last T items enter the loss."""
    negatives_BTK: npt.NDArray[np.int64]
    """Items the user has not trained on, K of each target, else 0."""
    shared_M: npt.NDArray[np.int64]
    """Items that all targets share as negatives: sampled ones, or the catalogue."""

    def rows(self, rows: slice) -> "TrainBatch":
        """Some of the samples."""
        return TrainBatch(
            self.users_B[rows],
            self.items_BL1[rows],
            self.is_target_BT[rows],
            self.negatives_BTK[rows],
            self.shared_M,
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


def num_steps(samples: TrainSamples, training: TrainingSpec) -> int:
    """Optimizer steps of a trial that goes on for ``max_epochs``."""
    return training.max_epochs * math.ceil(len(samples.users_S) / training.batch_size)


def check_samples(
    samples: TrainSamples, num_items: int, needs: LossNeeds, negatives: Negatives
) -> None:
    """Refuse samples that leave a loss nothing to learn from.

    Raises:
        DataError: no target is left, a user has no negative, there are not as many negatives as
            are asked for, or a loss over shared items has none that a user has not trained on.
    """
    if not samples.is_target_ST.any():
        raise DataError(
            f"no training target is left: of all {len(samples.trained_UL1)} users, none has 2 "
            "items to train on; under leave_one_out the last two are for validation and test, so "
            "a model that reads histories needs users with at least 4 interactions, dssm with 3"
        )
    if negatives.is_drawn:
        check_negatives_exist(samples.trained_UL1, num_items, negatives)
    if needs.histories and (needs.shared_items or negatives.is_shared):
        users = np.unique(samples.users_S[samples.is_target_ST.any(axis=1)])
        check_others_exist(samples.trained_UL1, users, num_items, negatives)


def train_batches(
    samples: TrainSamples,
    num_items: int,
    batch_size: int,
    rng: np.random.Generator,
    negatives: Negatives = ONE_EACH,
) -> Iterator[TrainBatch]:
    """Yield every sample once, in an order drawn from ``rng``; the last batch may be smaller.

    As in the paper's code, a user's validation or test target can be a negative.

    Raises:
        DataError: see ``check_negatives_exist``.
    """
    if negatives.is_drawn:
        check_negatives_exist(samples.trained_UL1, num_items, negatives)
    sampler = NegativeSampler(negatives, samples.trained_UL1, num_items)
    order = rng.permutation(len(samples.users_S))
    num_drawn = max(1, DRAWN_TOGETHER // (batch_size * max(1, negatives.each))) * batch_size
    for first in range(0, len(order), num_drawn):
        drawn = _draw(samples, order[first : first + num_drawn], sampler, rng)
        for start in range(0, len(drawn.users_B), batch_size):
            batch = drawn.rows(slice(start, start + batch_size))
            yield replace(batch, shared_M=sampler.draw_shared(rng))


def _draw(
    samples: TrainSamples,
    rows: npt.NDArray[np.int64],
    sampler: NegativeSampler,
    rng: np.random.Generator,
) -> TrainBatch:
    users = samples.users_S[rows]
    is_target = _draw_targets(samples.is_target_ST[rows], samples.target_share, rng)
    return TrainBatch(
        users_B=users,
        items_BL1=samples.items_SL1[rows].astype(np.int64),
        is_target_BT=is_target,
        negatives_BTK=sampler.draw_each(is_target, samples.trained_UL1[users], rng),
        shared_M=np.zeros(0, dtype=np.int64),
    )


def _draw_targets(
    is_target_BT: npt.NDArray[np.bool_], share: float, rng: np.random.Generator
) -> npt.NDArray[np.bool_]:
    if share == 1:
        return is_target_BT
    draws_BT = np.where(is_target_BT, rng.random(is_target_BT.shape), np.inf)
    lowest_B1 = draws_BT.min(axis=1, keepdims=True)
    is_drawn_BT: npt.NDArray[np.bool_] = (draws_BT < share) | (draws_BT == lowest_B1)
    return is_target_BT & is_drawn_BT
