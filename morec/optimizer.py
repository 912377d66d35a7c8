"""AdamW with two learning rates, pretrained layers and the rest; warm-up, schedule, clipping."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from morec.config import OptimSpec
from morec.models.recommender import Recommender

BETA1 = 0.9
"""What AdamW keeps of the mean gradient in a step."""
DECAYS: Mapping[str, Callable[[float], float]] = {
    "none": lambda done: 1.0,
    "cosine": lambda done: (1 + math.cos(math.pi * done)) / 2,
    "linear": lambda done: 1 - done,
}
"""What the learning rates are multiplied by once the share ``done`` of the steps after the warm-up
is done. Cosine: Loshchilov and Hutter 2017, equation 5, to 0 and without restarts."""


class Optimizer:
    """Updates a recommender's weights from their gradients."""

    def __init__(self, recommender: Recommender, spec: OptimSpec, *, num_steps: int) -> None:
        """``num_steps``: how many a trial takes that early stopping does not end.

        Raises:
            SpecError: the warm-up leaves the schedule no step.
        """
        spec.check_steps(num_steps)
        self.adamw = _adamw(recommender, spec)
        # A function of the step alone: an interrupted trial goes on with the same learning rates.
        self._schedule = LambdaLR(self.adamw, lambda step: _rate_share(spec, num_steps, step))
        self._clip_norm = spec.clip_norm

    @property
    def parameters(self) -> list[nn.Parameter]:
        """Everything that is trained."""
        return [p for group in self.adamw.param_groups for p in group["params"]]

    def step(self) -> None:
        """Clip the gradients if asked to, and update the weights and the learning rates."""
        if self._clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(self.parameters, self._clip_norm)
        self.adamw.step()
        self._schedule.step()

    def state(self) -> dict[str, Any]:
        """What the next step depends on."""
        return {"optimizer": self.adamw.state_dict(), "schedule": self._schedule.state_dict()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to ``state``; other keys in it are ignored."""
        self.adamw.load_state_dict(state["optimizer"])
        self._schedule.load_state_dict(state["schedule"])


def _rate_share(spec: OptimSpec, num_steps: int, step: int) -> float:
    """What both learning rates are multiplied by at a step, counted from 0."""
    if step < spec.warmup_steps:
        return (step + 1) / spec.warmup_steps
    # Without a schedule the warm-up may take all steps: nothing is left to be done then.
    num_left = max(1, num_steps - spec.warmup_steps)
    return DECAYS[spec.schedule]((step - spec.warmup_steps) / num_left)


def _adamw(recommender: Recommender, spec: OptimSpec) -> torch.optim.AdamW:
    encoder = list(recommender.item_encoder.encoder_parameters())
    rest = [*recommender.item_encoder.other_parameters(), *recommender.user_encoder.parameters()]
    groups = [
        {"params": rest, "lr": spec.lr},
        {"params": encoder, "lr": spec.encoder_lr or spec.lr},
    ]
    groups = [group for group in groups if group["params"]]
    betas, decay = (BETA1, spec.beta2), spec.weight_decay
    return torch.optim.AdamW(groups, betas=betas, weight_decay=decay, fused=True)
