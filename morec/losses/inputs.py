"""What a loss is computed from, and what a loss is.

Shapes: P target positions, B users, L1 item slots of a user, D width, U rows of item vectors.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from morec.config.losses import LossNeeds


@dataclass(frozen=True)
class LossInputs:
    """One worker's target positions of a batch, after the forward pass; numbers fp32 or wider."""

    states_PD: Tensor
    """The user's state that scores the target."""
    targets_P: Tensor
    """The target's row of ``vectors_UD``."""
    negatives_P: Tensor
    """The sampled negative's row of ``vectors_UD``; (0,) for a loss that needs none."""
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


@dataclass(frozen=True)
class Loss:
    """An entry of the table of losses, ours or an installed package's."""

    compute: Callable[[LossInputs], Tensor]
    """This worker's part of the batch's loss, a scalar; its gradient reaches states and vectors."""
    needs: LossNeeds
