"""The paper's SASRec user encoder (Kang and McAuley 2018, as released by Yuan et al. 2023).

Shapes: B users, L positions, D width, H heads, K = D / H.
"""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from morec.models.user_encoder import UserEncoder, xavier_normal

LAYER_NORM_EPS = 1e-6
MASKED = -1e9
"""Added to the attention score of a hidden key. Finite, so that the row of a padded query, where
every key is hidden, becomes uniform instead of NaN; the loss never reads such a row."""


class SASRec(UserEncoder):
    """Post-LN transformer over item vectors; position is the absolute slot of a left-padded row.

    As in the authors' code: projections without bias, ReLU, no sqrt(D) scaling, no last LN,
    xavier-normal weights. With D = 512 and L = 20 it has 6,311,936 parameters.
    """

    def __init__(
        self, *, dim: int, max_seq_len: int, num_blocks: int, num_heads: int, dropout: float
    ) -> None:
        super().__init__(dim)
        self.positions = nn.Embedding(max_seq_len, dim)
        self.norm = nn.LayerNorm(dim, eps=LAYER_NORM_EPS)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(Block(dim, num_heads, dropout) for _ in range(num_blocks))
        self.apply(xavier_normal)

    def forward(
        self, items_BLD: Tensor, is_item_BL: Tensor, users_B: Tensor, *, last_only: bool = False
    ) -> Tensor:
        """Let every position attend to itself and the items before it.

        Slots count from the left end of a row padded to ``max_seq_len``, so that the last item
        always stands in the last slot, however much of the padding is there.
        """
        first = len(self.positions.weight) - items_BLD.shape[1]
        states_BLD = self.dropout(self.norm(items_BLD + self.positions.weight[first:]))
        mask_B1LL = _causal_mask(is_item_BL, states_BLD.dtype)
        for block in self.blocks[:-1]:
            states_BLD = block(states_BLD, mask_B1LL)
        return cast(Tensor, self.blocks[-1](states_BLD, mask_B1LL, last_only=last_only))


class Block(nn.Module):
    """LN(x + Drop(attention(x))), then LN(x + Drop(feed-forward(x)))."""

    def __init__(self, dim: int, num_heads: int, dropout: float) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.query_key_value = nn.ModuleList(nn.Linear(dim, dim, bias=False) for _ in range(3))
        self.output = nn.Linear(dim, dim, bias=False)
        self.attention_norm = nn.LayerNorm(dim, eps=LAYER_NORM_EPS)
        self.inner = nn.Linear(dim, 4 * dim)
        self.outer = nn.Linear(4 * dim, dim)
        self.feed_forward_norm = nn.LayerNorm(dim, eps=LAYER_NORM_EPS)
        self.dropout = nn.Dropout(dropout)

    def forward(self, states_BLD: Tensor, mask_B1LL: Tensor, *, last_only: bool = False) -> Tensor:
        """Apply the block; ``mask_B1LL`` is added to the attention scores.

        With ``last_only`` just the last position asks the others, result (B, 1, D).
        """
        first = states_BLD.shape[1] - 1 if last_only else 0
        attended = self._attend(states_BLD[:, first:], states_BLD, mask_B1LL[..., first:, :])
        states_BLD = self.attention_norm(states_BLD[:, first:] + self.dropout(attended))
        inner = F.relu(self.inner(states_BLD))
        fed_BLD = self.dropout(self.outer(inner))
        return cast(Tensor, self.feed_forward_norm(states_BLD + fed_BLD))

    def _attend(self, asking: Tensor, states_BLD: Tensor, mask: Tensor) -> Tensor:
        """What the positions ``asking`` make of all."""
        q_BHLK, k_BHLK, v_BHLK = (
            project(states).unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
            for project, states in zip(
                self.query_key_value, (asking, states_BLD, states_BLD), strict=True
            )
        )
        heads_BHLK = F.scaled_dot_product_attention(
            q_BHLK,
            k_BHLK,
            v_BHLK,
            attn_mask=mask.to(q_BHLK.dtype),
            dropout_p=self.dropout.p if self.training else 0.0,
        )
        return cast(Tensor, self.output(heads_BHLK.transpose(1, 2).flatten(-2)))


def _causal_mask(is_item_BL: Tensor, dtype: torch.dtype) -> Tensor:
    length = is_item_BL.shape[1]
    is_past_LL = torch.ones(length, length, dtype=torch.bool, device=is_item_BL.device).tril()
    is_seen_B1LL = is_past_LL & is_item_BL[:, None, None, :]
    return torch.where(is_seen_B1LL, 0.0, MASKED).to(dtype)
