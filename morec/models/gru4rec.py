"""GRU4Rec: a recurrent user encoder (Hidasi et al. 2016).

Shapes: B users, L positions, D width.
"""

from typing import Self, cast

import torch
from torch import Tensor, nn

from morec.config import GRU4RecSpec
from morec.dropout import Dropout
from morec.models.user_encoder import UserEncoder, xavier_normal
from morec.placement import beside


class GRU4Rec(UserEncoder):
    """Dropout -> GRU layers -> Linear into the space of the item vectors.

    Item vectors are both input and output weights, and the losses are the paper's. The original has
    separate output weights and ranking losses. Every gate's weights start xavier-normal.
    """

    spec = GRU4RecSpec

    def __init__(self, *, dim: int, num_blocks: int, dropout: float) -> None:
        super().__init__(dim)
        self.dropout = Dropout(dropout)
        between = dropout if num_blocks > 1 else 0.0
        self.gru = nn.GRU(dim, dim, num_blocks, batch_first=True, dropout=between)
        self.output = nn.Linear(dim, dim)
        _start_gates(self.gru)
        self.output.apply(xavier_normal)

    @classmethod
    def build(cls, spec: GRU4RecSpec, *, num_users: int, max_seq_len: int) -> Self:
        """The model as specified; it does not depend on the numbers of users and inputs."""
        return cls(dim=spec.dim, num_blocks=spec.num_blocks, dropout=spec.dropout)

    def forward(
        self, items_BLD: Tensor, is_item_BL: Tensor, users_B: Tensor, *, last_only: bool = False
    ) -> Tensor:
        """Read each row's items in order, the first one from a state of zeros."""
        shift_B = is_item_BL.shape[1] - is_item_BL.sum(1)
        # The padding is moved behind the items, so that no item's state depends on it.
        read_BLD, _ = self.gru(_rolled(self.dropout(items_BLD), shift_B))
        states_BLD = _rolled(read_BLD, -shift_B)
        return cast(Tensor, self.output(states_BLD[:, -1:] if last_only else states_BLD))


def _rolled(values_BLD: Tensor, shift_B: Tensor) -> Tensor:
    """Rotate every row to the left by its own number of positions."""
    length = values_BLD.shape[1]
    positions_BL = (torch.arange(length) + shift_B[:, None]) % length
    return values_BLD.take_along_dim(beside(positions_BL[..., None], values_BLD), dim=1)


def _start_gates(gru: nn.GRU) -> None:
    for name, parameter in gru.named_parameters():
        if name.startswith("bias"):
            nn.init.zeros_(parameter)
        else:
            for gate_DD in parameter.detach().chunk(3):
                nn.init.xavier_normal_(gate_DD)
