"""Dropout whose masks are quick to draw on a CPU; elsewhere it is torch's own."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STEPS = 2**16
"""On a CPU a probability counts in steps of one in so many: 0.1 becomes 0.100006."""
NUMBERS_A_DRAW = 4
"""A draw of 64 random bits gives four numbers of 16."""


class Dropout(nn.Dropout):
    """``nn.Dropout`` by ``dropout``; it stands wherever torch's would."""

    def forward(self, values: Tensor) -> Tensor:
        """Drop in training, and hand the values on otherwise."""
        return dropout(values, self.p if self.training else 0.0)


def dropout(values: Tensor, probability: float) -> Tensor:
    """Set each value to 0 with a probability, and scale the others so that the mean stays.

    On a CPU torch draws a mask by one call of a slow generator a value, six times as slow as this
    (``tests/benchmarks/README.md``). The random state is torch's own in both, so that a trial that
    goes on from a checkpoint draws the masks it would have drawn.
    """
    if probability == 0:
        return values
    if values.device.type != "cpu":
        return F.dropout(values, probability)
    return values * _mask(values, probability)


def quick_dropout(module: nn.Module) -> None:
    """Put ``Dropout`` in the place of every ``nn.Dropout`` in a module, a library's too."""
    for part in module.modules():
        if type(part) is nn.Dropout:
            part.__class__ = Dropout


def _mask(values: Tensor, probability: float) -> Tensor:
    """0 for what is dropped, else what the value is multiplied by."""
    dropped = min(round(probability * STEPS), STEPS - 1)
    num_draws = -(-values.numel() // NUMBERS_A_DRAW)
    draws = torch.empty(num_draws, dtype=torch.int64).random_(torch.iinfo(torch.int64).min, None)
    # Compared straight into numbers, 1 where kept: a third of the time of a mask that is converted.
    mask = torch.empty(values.numel(), dtype=values.dtype)
    torch.ge(draws.view(torch.int16)[: values.numel()], dropped - STEPS // 2, out=mask)
    return mask.mul_(STEPS / (STEPS - dropped)).view(values.shape)
