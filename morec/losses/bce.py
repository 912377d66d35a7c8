"""Binary cross-entropy with sampled negatives. Shapes: P target positions, K negatives of each."""

import torch
import torch.nn.functional as F
from torch import Tensor

from morec.losses.inputs import LossInputs
from morec.losses.sampled_scores import negative_scores


def bce_of_batch(batch: LossInputs) -> Tensor:
    """``bce`` of the dot products of states with the targets' and the negatives' vectors."""
    return bce(batch.target_scores_P, negative_scores(batch), batch.num_positions)


def bce(
    positive_P: Tensor, negative_PK: Tensor, num_positions: int, *, positive_weight: float = 1.0
) -> Tensor:
    """Binary cross-entropy: the positives' mean and the sum of the K negatives' means.

    Yuan et al. 2023, equation 1, with the released code's scale: with one negative the sum of two
    means, not one mean over both. ``positive_P`` and ``negative_PK`` are dot products.
    """
    positive = F.binary_cross_entropy_with_logits(
        positive_P, torch.ones_like(positive_P), reduction="sum"
    )
    negative = F.binary_cross_entropy_with_logits(
        negative_PK, torch.zeros_like(negative_PK), reduction="sum"
    )
    return (positive_weight * positive + negative) / num_positions
