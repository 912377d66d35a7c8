"""A side network: trains beside a frozen encoder, over the pooled states of its layers.

The intra-modal network of IISAN with cached states (Fu et al. 2024, arXiv 2404.02059).
Shapes: N items, K layers, H encoder width.
"""

from typing import cast

import torch
from torch import Tensor, nn

from morec.config import SideSpec
from morec.errors import SpecError

TEMPERATURE = 0.1
"""A gate is the logistic function of its parameter divided by this, as in IISAN's code."""
DEVIATION = 0.01
"""Deviation of the blocks' first weights, as in IISAN's code; biases start at 0."""


class SideBlock(nn.Module):
    """``x + up(GELU(down(x)))``: IISAN's side adapted block (SANB)."""

    def __init__(self, dim: int, width: int) -> None:
        super().__init__()
        self.down, self.up = nn.Linear(dim, width), nn.Linear(width, dim)
        for linear in (self.down, self.up):
            nn.init.normal_(linear.weight, std=DEVIATION)
            nn.init.zeros_(linear.bias)

    def forward(self, states_NH: Tensor) -> Tensor:
        """Adapt the states."""
        change_NH = self.up(nn.functional.gelu(self.down(states_NH)))
        return states_NH + cast(Tensor, change_NH)


class SideNetwork(nn.Module):
    """Mixes each layer's state into the side state, from the bottom up, a block after each.

    ``s = block_k(g_k * h_k + (1 - g_k) * s)``, from ``s = 0``; every gate ``g_k`` starts at 1/2.
    IISAN's square linear layer after the last block is left out: the DT layer follows, and two
    linear maps in a row are one.
    """

    def __init__(self, num_layers: int, dim: int, spec: SideSpec) -> None:
        """Draw the blocks from torch's random state."""
        super().__init__()
        self.gates_K = nn.Parameter(torch.zeros(num_layers))
        self.blocks = nn.ModuleList(SideBlock(dim, spec.width) for _ in range(num_layers))

    def forward(self, states_NKH: Tensor) -> Tensor:
        """Turn the layers' states into side states_NH."""
        shares_K = torch.sigmoid(self.gates_K / TEMPERATURE)
        side_NH = torch.zeros_like(states_NKH[:, 0])
        for share, block, layer_NH in zip(shares_K, self.blocks, states_NKH.unbind(1), strict=True):
            side_NH = block(share * layer_NH + (1 - share) * side_NH)
        return side_NH


def side_layers(spec: SideSpec, num_layers: int, *, where: str) -> tuple[int, ...]:
    """The numbers of the layers that a side network reads, of an encoder with so many.

    Raises:
        SpecError: there are not so many layers; ``where`` is the encoder's place in a trial.
    """
    if spec.layers == "all":
        return tuple(range(num_layers + 1))
    if spec.layers[-1] > num_layers:
        raise SpecError(
            f"{where}.side.layers: {spec.layers[-1]}, but the encoder has {num_layers} layers; "
            f"allowed: 0 (the embedding) to {num_layers}, or all"
        )
    return spec.layers
