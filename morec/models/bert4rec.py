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


class BERT4Rec(SASRec):
    """SASRec's blocks with GELU and without a causal mask, then Linear -> GELU -> LN.

    The input ends in one more slot, the mask, whose state scores the next item. In training, each
    item before it is hidden with probability ``mask_share``, drawn again every epoch. The loss is
    over the hidden items and the last one. The original differs: some of its samples hide the last
    item alone; its projections and items have biases; its softmax is over the catalogue.
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
        """Every user's train list; each epoch hides its last item and some of the others."""
        return replace(sequence_samples(sequences_UL1), target_share=self.mask_share)

    def mask_inputs(self, items_BLD: Tensor, is_target_BT: Tensor) -> Tensor:
        """Replace the inputs that are targets by the mask; target t is input t + 1."""
        is_hidden_BL = F.pad(is_target_BT[:, :-1], (1, 0))
        return torch.where(is_hidden_BL[..., None], self.mask.weight, items_BLD)

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
