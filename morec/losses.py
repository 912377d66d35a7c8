"""The paper's two training losses, as pure functions of scores.

Both take ``num_positions``, the number of target positions they average over, so that several
workers, each with a slice of a batch, add up to exactly the loss of one.
Shapes: P target positions, B users, D width, U rows of item vectors (row 0 is padding).
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def bce(positive_P: Tensor, negative_P: Tensor, num_positions: int) -> Tensor:
    """Binary cross-entropy: sum of the positives' mean and the sampled negatives' mean.

    Yuan et al. 2023, equation 1, with the released code's scale (the sum of two means, not one
    mean over both). ``positive_P`` and ``negative_P`` are dot products.
    """
    positive = F.binary_cross_entropy_with_logits(
        positive_P, torch.ones_like(positive_P), reduction="sum"
    )
    negative = F.binary_cross_entropy_with_logits(
        negative_P, torch.zeros_like(negative_P), reduction="sum"
    )
    return (positive + negative) / num_positions


def in_batch_ce(
    scores_PU: Tensor,
    targets_P: Tensor,
    users_P: Tensor,
    items_BL1: Tensor,
    log_popularity_U: Tensor,
    num_positions: int,
) -> Tensor:
    """In-batch cross-entropy corrected for popularity (the authors' README; Yi et al. 2019).

    ``scores_PU`` are dot products with every row of item vectors, ``targets_P`` the row of each
    position's target, ``users_P`` the batch row it belongs to, ``items_BL1`` the batch's train
    sequences as rows. Candidates are all item slots of the batch; slots whose item the user has in
    the train sequence are hidden, except the target. The reference keeps one column per slot; equal
    slots have equal scores, so one column per unique item with log(count) added is the same sum.
    """
    num_rows = scores_PU.shape[1]
    counts_U = torch.bincount(items_BL1.flatten(), minlength=num_rows)
    logits_PU = scores_PU - log_popularity_U
    candidates_PU = logits_PU + counts_U.to(logits_PU.dtype).log()
    hidden_PU = _is_in_sequence(items_BL1, num_rows)[users_P]
    candidates_PU = candidates_PU.masked_fill(hidden_PU, float("-inf"))
    target_P1 = logits_PU.gather(1, targets_P[:, None])
    candidates_PU = candidates_PU.scatter(1, targets_P[:, None], target_P1)
    return F.cross_entropy(candidates_PU, targets_P, reduction="sum") / num_positions


def _is_in_sequence(items_BL1: Tensor, num_rows: int) -> Tensor:
    """Whether each row of item vectors is in each user's sequence; padding always is."""
    member_BU = torch.zeros(
        len(items_BL1), num_rows, dtype=torch.bool, device=items_BL1.device
    ).scatter(1, items_BL1, True)
    member_BU[:, 0] = True
    return member_BU
