"""Binary cross-entropy with one sampled negative per target. Shapes: P target positions."""

import torch
import torch.nn.functional as F
from torch import Tensor

from morec.losses.inputs import LossInputs


def bce_of_batch(batch: LossInputs) -> Tensor:
    """``bce`` of the dot products of states with the targets' and the negatives' vectors."""
    positive_P = (batch.states_PD * F.embedding(batch.targets_P, batch.vectors_UD)).sum(-1)
    negative_P = (batch.states_PD * F.embedding(batch.negatives_P, batch.vectors_UD)).sum(-1)
    return bce(positive_P, negative_P, batch.num_positions)


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
