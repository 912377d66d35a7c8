"""NextItNet: dilated causal convolutions over the history (Yuan et al. 2019).

Shapes: B users, L positions, D width.
"""

from collections.abc import Sequence
from typing import Self, cast

import torch.nn.functional as F
from torch import Tensor, nn

from morec.config import NextItNetSpec
from morec.models.user_encoder import UserEncoder, xavier_normal
from morec.placement import beside

LAYER_NORM_EPS = 1e-6


class NextItNet(UserEncoder):
    """Residual blocks, one for every dilation and repetition, then Linear into the item space.

    Item vectors are both input and output weights; the original has an output layer over all items.
    Padding is kept at zero, so that a state does not depend on how far its row is padded.
    """

    spec = NextItNetSpec

    def __init__(
        self, *, dim: int, num_blocks: int, kernel_size: int, dilations: Sequence[int]
    ) -> None:
        super().__init__(dim)
        self.blocks = nn.ModuleList(
            ResidualBlock(dim, kernel_size, dilation)
            for _ in range(num_blocks)
            for dilation in dilations
        )
        self.output = nn.Linear(dim, dim)
        self.apply(xavier_normal)

    @classmethod
    def build(cls, spec: NextItNetSpec, *, num_users: int, max_seq_len: int) -> Self:
        """The model as specified; it does not depend on the numbers of users and inputs."""
        return cls(
            dim=spec.dim,
            num_blocks=spec.num_blocks,
            kernel_size=spec.kernel_size,
            dilations=spec.dilations,
        )

    def forward(
        self, items_BLD: Tensor, is_item_BL: Tensor, users_B: Tensor, *, last_only: bool = False
    ) -> Tensor:
        """Let every position see itself and the items before it."""
        is_item_BL = beside(is_item_BL, items_BLD)
        states_BLD = items_BLD.masked_fill(~is_item_BL[..., None], 0.0)
        for block in self.blocks:
            states_BLD = block(states_BLD, is_item_BL)
        return cast(Tensor, self.output(states_BLD[:, -1:] if last_only else states_BLD))


class ResidualBlock(nn.Module):
    """x + two times ReLU(LN(causal convolution)); the second dilation is twice the first.

    Figure 3b of the paper, which its released code follows.
    """

    def __init__(self, dim: int, kernel_size: int, dilation: int) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            nn.Conv1d(dim, dim, kernel_size, dilation=factor) for factor in (dilation, 2 * dilation)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(dim, eps=LAYER_NORM_EPS) for _ in range(2))

    def forward(self, states_BLD: Tensor, is_item_BL: Tensor) -> Tensor:
        """Apply the block; padding comes in and goes out as zeros."""
        inner_BLD = states_BLD
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            inner_BLD = F.relu(norm(_causal(cast(nn.Conv1d, convolution), inner_BLD)))
            inner_BLD = inner_BLD.masked_fill(~is_item_BL[..., None], 0.0)
        return states_BLD + inner_BLD


def _causal(convolution: nn.Conv1d, states_BLD: Tensor) -> Tensor:
    """Position p sees p, p - dilation, p - 2 dilation, ...; zeros stand before the first."""
    reach = (convolution.kernel_size[0] - 1) * convolution.dilation[0]
    padded_BDX = F.pad(states_BLD.transpose(1, 2), (reach, 0))
    return cast(Tensor, convolution(padded_BDX)).transpose(1, 2)
