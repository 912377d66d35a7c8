"""What a loss is computed from, and what a loss is.

Shapes: P target positions, K negatives of each, M items that all share, B users, L1 item slots of a
user, D width, U rows of item vectors.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from morec.config.losses import LossNeeds
from morec.config.training import TrainingSpec


@dataclass(frozen=True)
class LossInputs:
    """One worker's target positions of a batch, after the forward pass; numbers fp32 or wider."""

    states_PD: Tensor
    """The user's state that scores the target."""
    targets_P: Tensor
    """The target's row of ``vectors_UD``."""
    negatives_PK: Tensor
    """Rows of ``vectors_UD`` of each target's sampled negatives; (P, 0) where it has none of its
    own."""
    shared_M: Tensor
    """Rows of ``vectors_UD`` of the items that all targets share: sampled ones, with repeats, or
    the whole catalogue; (0,) for a loss that needs none. On the host, so that a loss can count them
    without waiting for the device; all other tensors are on the device."""
    users_P: Tensor
    """The row of ``items_BL1`` that the position belongs to."""
    items_BL1: Tensor
    """The users' padded train sequences as rows of ``vectors_UD``."""
    vectors_UD: Tensor
    """Row 0 is padding (zeros); of all items of the batch if the loss needs shared items."""
    log_popularity_U: Tensor
    """Log of each item's share of all train interactions; 0 for padding."""
    num_positions: int
    """Target positions of the batch on all workers, at least 1. A loss divides its sum by this
    number, so that the parts of all workers add up to the loss of one."""
    num_items: int
    """Items of the catalogue."""
    training: TrainingSpec
    """The options of ``training``, of which a loss reads those that its ``LossNeeds`` names."""

    @property
    def target_scores_P(self) -> Tensor:
        """Dot product of each state with its target's vector."""
        return (self.states_PD * F.embedding(self.targets_P, self.vectors_UD)).sum(-1)

    @property
    def negatives_P(self) -> Tensor:
        """``negatives_PK`` of a loss that draws one negative of each target; (0,) for none."""
        return self.negatives_PK[:, 0] if self.negatives_PK.shape[1] else self.negatives_PK.view(0)


@dataclass(frozen=True)
class Loss:
    """An entry of the table of losses, ours or an installed package's."""

    compute: Callable[[LossInputs], Tensor]
    """This worker's part of the batch's loss, a scalar; its gradient reaches states and vectors."""
    needs: LossNeeds
