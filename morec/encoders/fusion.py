"""The dense layers after an encoder: DT layer, TS-DNN layers and fusion (paper, table 7).

Shapes: N items, H encoder width, D item vector width.
"""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from morec.dropout import Dropout


def dt_layer(encoder_dim: int, dim: int, *, xavier: bool) -> nn.Sequential:
    """Linear -> GELU from encoder width to item width (the paper's DT layer).

    As in the paper's code: torch's default weights behind a text encoder that trains,
    ``xavier`` and zero bias behind frozen features and image encoders.
    """
    linear = nn.Linear(encoder_dim, dim)
    return nn.Sequential(_xavier_normal(linear) if xavier else linear, nn.GELU())


def dense_layers(dim: int, num_layers: int, dropout: float) -> nn.Sequential:
    """``num_layers`` times Dropout -> Linear -> GELU; no skip connection, no norm."""
    return nn.Sequential(*(_dense(dim, dim, dropout) for _ in range(num_layers)))


class AddFusion(nn.Module):
    """ADD: the sum of the parts."""

    def forward(self, parts_ND: Sequence[Tensor]) -> Tensor:
        """Sum the parts, each (N, D)."""
        return torch.stack(tuple(parts_ND)).sum(0)


class ConcatFusion(nn.Module):
    """CON: concat -> Dropout -> Linear -> GELU."""

    def __init__(self, num_parts: int, dim: int, dropout: float) -> None:
        super().__init__()
        self.mix = _dense(num_parts * dim, dim, dropout)

    def forward(self, parts_ND: Sequence[Tensor]) -> Tensor:
        """Mix the parts, each (N, D), into one (N, D)."""
        return cast(Tensor, self.mix(torch.cat(tuple(parts_ND), dim=-1)))


def _dense(in_dim: int, out_dim: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(Dropout(dropout), _xavier_normal(nn.Linear(in_dim, out_dim)), nn.GELU())


def _xavier_normal(linear: nn.Linear) -> nn.Linear:
    nn.init.xavier_normal_(linear.weight)
    nn.init.zeros_(linear.bias)
    return linear
