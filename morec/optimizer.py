"""AdamW with a learning rate for pretrained layers and one for the rest, clipping and warm-up."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from morec.config import OptimSpec
from morec.models.recommender import Recommender


class Optimizer:
    """Updates a recommender's weights from their gradients."""

    def __init__(self, recommender: Recommender, spec: OptimSpec) -> None:
        self.adamw = _adamw(recommender, spec)
        # Linear warm-up to the full learning rate; no schedule after it, as in the paper.
        num_steps = max(1, spec.warmup_steps)
        self._schedule = LambdaLR(self.adamw, lambda step: min(1.0, (step + 1) / num_steps))
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


def _adamw(recommender: Recommender, spec: OptimSpec) -> torch.optim.AdamW:
    encoder = list(recommender.item_encoder.encoder_parameters())
    rest = [*recommender.item_encoder.other_parameters(), *recommender.user_encoder.parameters()]
    groups = [
        {"params": rest, "lr": spec.lr},
        {"params": encoder, "lr": spec.encoder_lr or spec.lr},
    ]
    groups = [group for group in groups if group["params"]]
    return torch.optim.AdamW(groups, weight_decay=spec.weight_decay, fused=True)
