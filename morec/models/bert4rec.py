"""BERT4Rec: a user encoder without a causal mask that predicts hidden items (Sun et al. 2019).

Shapes: B samples or users, L inputs of each, T = L targets, D width.
"""

from dataclasses import replace
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from morec.config import BERT4RecSpec
from morec.models.batches import TrainSamples, sequence_samples
from morec.models.sasrec import LAYER_NORM_EPS, SASRec
from morec.models.user_encoder import xavier_normal
from morec.placement import beside


class BERT4Rec(SASRec):
    """SASRec's blocks with GELU and without a causal mask, then Linear -> GELU -> LN.

    In evaluation the history ends in one more slot, the mask, whose state scores the next item. In
    training the slots hold the whole train list. Each item but the first is hidden with probability
    ``mask_share``, at least one, drawn again every epoch; the loss is over the hidden items. The
    last item is often seen: where it was always hidden, no epoch showed what follows on it, and the
    model learned more slowly. The original differs: some of its samples hide the last item alone;
    its projections and items have biases; its softmax is over the catalogue.
    """

    spec = BERT4RecSpec
    activation = staticmethod(F.gelu)
    is_causal = False

    def __init__(
        self,
        *,
        dim: int,
        max_seq_len: int,
        num_blocks: int,
        num_heads: int,
        dropout: float,
        mask_share: float,
    ) -> None:
        super().__init__(
            dim=dim,
            max_seq_len=max_seq_len + 1,
            num_blocks=num_blocks,
            num_heads=num_heads,
            dropout=dropout,
        )
        self.mask_share = mask_share
        self.mask = nn.Embedding(1, dim)
        self.head = nn.Sequential(
            nn.Linear(dim, dim), nn.GELU(), nn.LayerNorm(dim, eps=LAYER_NORM_EPS)
        )
        self.mask.apply(xavier_normal)
        self.head.apply(xavier_normal)

    def train_samples(self, sequences_UL1: npt.NDArray[np.int32]) -> TrainSamples:
        """Every user's train list; each epoch hides some of its items."""
        return replace(sequence_samples(sequences_UL1), target_share=self.mask_share)

    def train_states(
        self, items_BL1D: Tensor, is_item_BL1: Tensor, is_target_BT: Tensor, users_B: Tensor
    ) -> Tensor:
        """Hide the targets, and let every slot attend to all; target t stands in slot t + 1."""
        is_hidden_BL1 = beside(F.pad(is_target_BT, (1, 0)), items_BL1D)
        seen_BL1D = torch.where(is_hidden_BL1[..., None], self.mask.weight, items_BL1D)
        return cast(Tensor, self.head(super().forward(seen_BL1D, is_item_BL1, users_B)[:, 1:]))

    def forward(
        self, items_BLD: Tensor, is_item_BL: Tensor, users_B: Tensor, *, last_only: bool = False
    ) -> Tensor:
        """Let every slot attend to all. State t belongs to slot t + 1, the last to the mask."""
        mask_B1D = self.mask.weight.expand(len(items_BLD), 1, -1)
        states_BXD = super().forward(
            torch.cat([items_BLD, mask_B1D], dim=1),
            F.pad(is_item_BL, (0, 1), value=True),
            users_B,
            last_only=last_only,
        )
        return cast(Tensor, self.head(states_BXD if last_only else states_BXD[:, 1:]))
