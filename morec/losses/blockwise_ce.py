"""Softmax cross-entropy of dot products, in blocks of scores: value and gradients in one pass.

The softmax losses share it. At no time are the scores of all positions with all candidates held.

Shapes: P target positions, R of them in a block, C candidates, C1 = C + 1, D width, L1 item slots
of a user, U rows of item vectors.
"""

from collections.abc import Iterator
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from morec.losses.inputs import LossInputs

BLOCK_SCORES = {"cpu": 2**18, "gpu": 2**26}
"""Scores of a block: what stays in a CPU's cache, and what keeps a GPU busy."""
FEWEST_POSITIONS = 64
"""Positions of a block at least: a matrix product of fewer is slow."""


def candidates_ce(
    batch: LossInputs, rows_C: Tensor | None, log_weight_C: Tensor, target_offset_P: Tensor
) -> Tensor:
    """Mean over positions of ``-log(e^t / (e^t + sum of e^c over the candidates))``.

    t is the target's score plus ``target_offset_P``, c a candidate's plus ``log_weight_C``.
    Candidates are distinct rows of item vectors, None: all but padding. Those that the position's
    user has trained on do not count, the target among them: it stands in front already.
    """
    states_PD, vectors_UD = batch.states_PD, batch.vectors_UD
    column_U = _columns(rows_C, len(log_weight_C), vectors_UD)
    loss = _BlockwiseCE.apply(  # type: ignore[no-untyped-call]
        batch.target_scores_P + target_offset_P,
        states_PD,
        vectors_UD[1:] if rows_C is None else F.embedding(rows_C, vectors_UD),
        log_weight_C,
        column_U[batch.items_BL1][batch.users_P],
    )
    return cast(Tensor, loss) / batch.num_positions


def _columns(rows_C: Tensor | None, num_candidates: int, vectors_UD: Tensor) -> Tensor:
    """Each row's column among the candidates; C, a column that does not count, for the others."""
    all_C = torch.arange(num_candidates, device=vectors_UD.device)
    places_C = all_C + 1 if rows_C is None else rows_C
    return torch.full_like(vectors_UD[:, 0], num_candidates, dtype=torch.long).scatter(
        0, places_C, all_C
    )


class _BlockwiseCE(torch.autograd.Function):
    """Sum over positions of log(e^t + sum of e^c) - t; keeps the gradients, not the scores."""

    @staticmethod
    def forward(
        ctx: Any,
        target_P: Tensor,
        states_PD: Tensor,
        vectors_CD: Tensor,
        log_weight_C: Tensor,
        hidden_PL1: Tensor,
    ) -> Tensor:
        loss = target_P.new_zeros(())
        target_grad_P, states_grad_PD = torch.empty_like(target_P), torch.empty_like(states_PD)
        vectors_grad_CD = torch.zeros_like(vectors_CD)
        for block in _blocks(len(states_PD), len(vectors_CD), states_PD.device):
            states_RD, target_R = states_PD[block], target_P[block]
            scores_RC = _scores(states_RD, vectors_CD, log_weight_C, hidden_PL1[block])
            highest_R = _exponentials_in_place(scores_RC, target_R)
            target_exp_R = (target_R - highest_R).exp()
            total_R = scores_RC.sum(1) + target_exp_R
            # Rows of width D are divided by the total, not the scores, of which there are more.
            torch.mm(scores_RC, vectors_CD, out=states_grad_PD[block]).div_(total_R[:, None])
            vectors_grad_CD.addmm_(scores_RC.T, states_RD / total_R[:, None])
            target_grad_P[block] = target_exp_R / total_R - 1
            loss += (total_R.log() + highest_R - target_R).sum()
        ctx.save_for_backward(target_grad_P, states_grad_PD, vectors_grad_CD)
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (grad,) = grads
        return (*(grad * saved for saved in ctx.saved_tensors), None, None)


def _blocks(num_positions: int, num_candidates: int, device: torch.device) -> Iterator[slice]:
    scores = BLOCK_SCORES["cpu" if device.type == "cpu" else "gpu"]
    size = max(FEWEST_POSITIONS, scores // (num_candidates + 1))
    for first in range(0, num_positions, size):
        yield slice(first, first + size)


def _scores(
    states_RD: Tensor, vectors_CD: Tensor, log_weight_C: Tensor, hidden_RL1: Tensor
) -> Tensor:
    """A block's scores; -inf for hidden candidates. Column C takes what is no candidate."""
    scores_RC1 = states_RD.new_empty(len(states_RD), len(vectors_CD) + 1)
    scores_RC = scores_RC1[:, :-1]
    torch.addmm(log_weight_C, states_RD, vectors_CD.T, out=scores_RC)
    scores_RC1.scatter_(1, hidden_RL1, float("-inf"))
    return scores_RC


def _exponentials_in_place(scores_RC: Tensor, target_R: Tensor) -> Tensor:
    """Turn scores into e^(score - highest); each position's highest, the target's among them."""
    highest_R = torch.maximum(scores_RC.amax(1), target_R) if len(scores_RC.T) else target_R
    scores_RC.sub_(highest_R[:, None]).exp_()
    return highest_R
