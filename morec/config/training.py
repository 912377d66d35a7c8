"""The training loop: loss, negatives, batches and when it ends; nothing of ours but losses' names.

Losses and models of installed packages read it, while the other specifications are still built.
"""

from typing import Literal

from pydantic import Field

from morec.config.base import Spec
from morec.config.losses import LossName


class TrainingSpec(Spec):
    """The loop around the optimizer."""

    loss: LossName = "bce"
    """``bce`` (the paper's) and ``gbce`` tell a target from sampled negatives; ``in_batch_ce``,
    ``sampled_ce`` and ``full_ce`` are softmaxes over the batch's items, sampled negatives and the
    catalogue. Or a loss that an installed package adds."""
    negatives: int = Field(1, ge=1)
    """Sampled negatives: of each target, or shared by all targets of the batch."""
    shared_negatives: bool = False
    """Draw the negatives once a batch; a user's own train items among them do not count."""
    negatives_by: Literal["uniform", "popularity"] = "uniform"
    """How often an item is drawn: all alike, or by its train interactions. ``sampled_ce`` corrects
    for both."""
    calibration: float = Field(0.75, ge=0, le=1)
    """``gbce``'s t: how far it undoes the overconfidence that sampling brings, from 0, which is
    ``bce`` with as many negatives, to 1."""
    batch_size: int = Field(64, ge=2)
    """Users per optimizer step, over all workers together; of dssm (user, item) pairs."""
    max_epochs: int = Field(150, ge=1)
    """An epoch trains on every user once (dssm: on every pair); validation follows each epoch."""
    patience: int = Field(6, ge=1)
    """Stop after more than this many epochs without a better validation score."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """Autocast of the forward pass in training; evaluation is always fp32."""
    micro_items: int | None = Field(None, ge=1)
    """Encode a batch's items in chunks of this many, keep no activations, and encode each chunk
    again for its gradient: the memory of one chunk for a third more time. Not given: one chunk,
    halved as often as a GPU runs out of memory."""
