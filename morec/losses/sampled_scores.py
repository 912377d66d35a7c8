"""Scores of sampled negatives, of each target's own or shared by all.

Shapes: P target positions, K negatives of each, M shared ones, D width, U rows of item vectors, B
users, L1 item slots of a user.
"""

from collections.abc import Iterator
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from morec.losses.inputs import LossInputs
from morec.placement import beside

BLOCK_NUMBERS = {"cpu": 2**18, "gpu": 2**28}
"""Numbers that are held at once: what stays in a CPU's cache, or 1 GB."""
ITEMS_A_NEGATIVE = 16
"""Up to so many items for each of a position's negatives, a product with all items is quicker: on a
CPU from about 25 on gathering is, with vectors of 64 numbers; 60, with 512."""
HIDDEN = -1e4
"""Score of a shared negative that its user has trained on: it adds exactly 0 to a loss."""


def negative_scores(batch: LossInputs) -> Tensor:
    """Dot products of states with their negatives, (P, K) or (P, M)."""
    if not batch.training.shared_negatives:
        return own_scores(batch.states_PD, batch.vectors_UD, batch.negatives_PK)
    shared_M = beside(batch.shared_M, batch.vectors_UD)
    scores_PM = batch.states_PD @ batch.vectors_UD[shared_M].T
    return scores_PM.masked_fill(_is_trained_on(batch, shared_M), HIDDEN)


def own_scores(states_PD: Tensor, vectors_UD: Tensor, rows_PK: Tensor) -> Tensor:
    """Dot product of each state with its own K rows of vectors, without holding (P, K, D).

    Of few items a product with all is quicker than gathering rows; the numbers are the same.
    """
    is_of_all = len(vectors_UD) <= ITEMS_A_NEGATIVE * rows_PK.shape[1]
    scores = _PickedScores if is_of_all else _GatheredScores
    return cast(Tensor, scores.apply(states_PD, vectors_UD, rows_PK))  # type: ignore[no-untyped-call]


def _is_trained_on(batch: LossInputs, shared_M: Tensor) -> Tensor:
    """Whether each shared item is in the train list of each position's user."""
    num_users, num_rows = len(batch.items_BL1), len(batch.vectors_UD)
    is_own_BU = torch.zeros(
        num_users, num_rows, dtype=torch.bool, device=batch.items_BL1.device
    ).scatter(1, batch.items_BL1, True)
    return is_own_BU[:, shared_M][batch.users_P]


class _GatheredScores(torch.autograd.Function):
    """Gathers a block of vectors at a time, again for the gradient."""

    @staticmethod
    def forward(ctx: Any, states_PD: Tensor, vectors_UD: Tensor, rows_PK: Tensor) -> Tensor:
        ctx.save_for_backward(states_PD, vectors_UD, rows_PK)
        scores_PK = states_PD.new_empty(rows_PK.shape)
        for block in _blocks(states_PD, rows_PK.shape[1] * states_PD.shape[1]):
            gathered_RKD = vectors_UD[rows_PK[block]]
            scores_PK[block] = (states_PD[block, None] * gathered_RKD).sum(-1)
        return scores_PK

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        states_PD, vectors_UD, rows_PK = ctx.saved_tensors
        states_grad_PD, vectors_grad_UD = map(torch.zeros_like, (states_PD, vectors_UD))
        for block in _blocks(states_PD, rows_PK.shape[1] * states_PD.shape[1]):
            grad_RK1, rows_RK = grads[0][block, :, None], rows_PK[block]
            states_grad_PD[block] = (grad_RK1 * vectors_UD[rows_RK]).sum(1)
            outer_RKD = grad_RK1 * states_PD[block, None]
            vectors_grad_UD.index_add_(0, rows_RK.flatten(), outer_RKD.flatten(0, 1))
        return states_grad_PD, vectors_grad_UD, None


class _PickedScores(torch.autograd.Function):
    """Scores all items for a block of positions at a time, and picks each position's own."""

    @staticmethod
    def forward(ctx: Any, states_PD: Tensor, vectors_UD: Tensor, rows_PK: Tensor) -> Tensor:
        ctx.save_for_backward(states_PD, vectors_UD, rows_PK)
        scores_PK = states_PD.new_empty(rows_PK.shape)
        for block in _blocks(states_PD, len(vectors_UD)):
            scores_PK[block] = (states_PD[block] @ vectors_UD.T).gather(1, rows_PK[block])
        return scores_PK

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        states_PD, vectors_UD, rows_PK = ctx.saved_tensors
        states_grad_PD, vectors_grad_UD = map(torch.zeros_like, (states_PD, vectors_UD))
        for block in _blocks(states_PD, len(vectors_UD)):
            states_RD = states_PD[block]
            grad_RU = states_RD.new_zeros(len(states_RD), len(vectors_UD))
            grad_RU.scatter_add_(1, rows_PK[block], grads[0][block])
            states_grad_PD[block] = grad_RU @ vectors_UD
            vectors_grad_UD.addmm_(grad_RU.T, states_RD)
        return states_grad_PD, vectors_grad_UD, None


def _blocks(states_PD: Tensor, numbers: int) -> Iterator[slice]:
    """Positions of which each takes so many numbers, in blocks of ``BLOCK_NUMBERS``."""
    at_once = BLOCK_NUMBERS["cpu" if states_PD.device.type == "cpu" else "gpu"]
    size = max(1, at_once // max(1, numbers))
    for first in range(0, len(states_PD), size):
        yield slice(first, first + size)
