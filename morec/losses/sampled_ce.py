"""Cross-entropy over sampled negatives, corrected for how they were drawn.

Shapes: P target positions, K negatives of each, M shared ones, C different ones of these, U rows of
item vectors, B users, L1 item slots of a user.
"""

import math

import torch
from torch import Tensor

from morec.losses.blockwise_ce import candidates_ce
from morec.losses.inputs import LossInputs
from morec.losses.sampled_scores import own_scores
from morec.placement import beside


def sampled_ce(batch: LossInputs) -> Tensor:
    """Softmax over the target and k sampled negatives, an estimate of ``full_ce``.

    Each negative's score is lowered by the log of how often it is expected among the k (logQ), so
    that its e^score estimates the catalogue's sum. The target's is not lowered, since it is always
    there (Khrylchenko et al., RecSys 2025, arXiv 2507.09331). The paper weighs a softmax over the
    negatives by 1 - p(target); that has the gradient of this loss.

    An item of the user's train list, the target among them, is no negative. Where each target has
    its own, such an item was drawn again, which makes the others likelier. Where they are shared,
    it counts as 0, as it does in the sum that is estimated. By popularity, that sum is over items
    with a train interaction.
    """
    if batch.training.shared_negatives:
        return _over_shared(batch)
    target_P1 = batch.target_scores_P[:, None]
    scores_PK = own_scores(batch.states_PD, batch.vectors_UD, batch.negatives_PK)
    log_q_U = _log_q(batch)
    log_free_P1 = _log_free(batch.items_BL1, log_q_U)[batch.users_P, None]
    log_expected_PK = _log_expected(batch, log_q_U[batch.negatives_PK] - log_free_P1)
    candidates_P1K = torch.cat([target_P1, scores_PK - log_expected_PK], dim=1)
    return (candidates_P1K.logsumexp(1) - target_P1[:, 0]).sum() / batch.num_positions


def _over_shared(batch: LossInputs) -> Tensor:
    unique_C, counts_C = torch.unique(batch.shared_M, return_counts=True)
    rows_C, counts_C = (beside(one, batch.vectors_UD) for one in (unique_C, counts_C))
    log_expected_C = _log_expected(batch, _log_q(batch)[rows_C])
    log_counts_C = counts_C.to(log_expected_C.dtype).log()
    no_offset_P = torch.zeros_like(batch.states_PD[:, 0])
    return candidates_ce(batch, rows_C, log_counts_C - log_expected_C, no_offset_P)


def _log_expected(batch: LossInputs, log_q: Tensor) -> Tensor:
    """Log of how often an item with these log-probabilities is expected among k draws."""
    return log_q + math.log(batch.training.negatives)


def _log_q(batch: LossInputs) -> Tensor:
    """Log-probability of each row of item vectors in one draw."""
    log_popularity_U = batch.log_popularity_U.to(batch.states_PD.dtype)
    if batch.training.negatives_by == "popularity":
        return log_popularity_U
    return torch.full_like(log_popularity_U, 1 / batch.num_items).log()


def _log_free(items_BL1: Tensor, log_q_U: Tensor) -> Tensor:
    """Log-probability that one draw gives no item of a user's train list, for each user."""
    ordered_BL1 = items_BL1.sort(dim=1).values
    is_new_BL1 = ordered_BL1.diff(dim=1, prepend=torch.zeros_like(ordered_BL1[:, :1])) > 0
    return torch.log1p(-(log_q_U.exp()[ordered_BL1] * is_new_BL1).sum(1))
