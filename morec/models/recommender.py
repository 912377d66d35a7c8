"""One recommender: an item encoder and a user encoder behind dot-product scores.

Shapes: B users, L positions, D width, U unique items of a batch, N items of the catalogue.
"""

from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from morec.config import SASRecSpec
from morec.encoders.item import ItemEncoder
from morec.models.sasrec import SASRec

ITEM_CHUNK = 1024
"""Catalogue items encoded at once in evaluation; bounds memory, changes no number."""


@dataclass(frozen=True)
class EncodedBatch:
    """A training batch after the forward pass; item vectors are held once per unique item."""

    states_BLD: Tensor
    """The user's state after each input."""
    vectors_UD: Tensor
    """Row 0 is padding (zeros), rows 1.. are the batch's unique items."""
    unique_ids_U: Tensor
    """Item id of each row."""
    items_BL1: Tensor
    """The padded train sequences as rows of ``vectors_UD``."""
    negatives_BL: Tensor
    """The sampled negatives as rows of ``vectors_UD``; 0 on padding."""
    is_target_BL: Tensor
    """Positions that enter the loss: input and target are both real items."""


class Recommender(nn.Module):
    """Scores of items for users; every item of a batch is encoded once, padding never.

    The reference encodes every slot. The gradient is the same but for what is random or shared in
    an item encoder: all occurrences of an item in a batch share one dropout mask, and BatchNorm
    sees each image once.
    """

    def __init__(self, item_encoder: ItemEncoder, user_encoder: SASRec, num_items: int) -> None:
        super().__init__()
        self.item_encoder = item_encoder
        self.user_encoder = user_encoder
        self.num_items = num_items

    def forward(self, items_BL1: Tensor, negatives_BL: Tensor) -> EncodedBatch:
        """Encode left-padded train sequences and their sampled negatives (item ids, 0 = pad)."""
        ids = torch.cat([items_BL1.new_zeros(1), items_BL1.flatten(), negatives_BL.flatten()])
        unique_ids_U, rows = torch.unique(ids, return_inverse=True)
        vectors_UD = self._with_padding(self.item_encoder(unique_ids_U[1:]))
        rows_BL1 = rows[1 : 1 + items_BL1.numel()].view_as(items_BL1)
        is_item_BL1 = items_BL1 > 0
        return EncodedBatch(
            states_BLD=self.user_encoder(
                F.embedding(rows_BL1[:, :-1], vectors_UD), is_item_BL1[:, :-1]
            ),
            vectors_UD=vectors_UD,
            unique_ids_U=unique_ids_U,
            items_BL1=rows_BL1,
            negatives_BL=rows[1 + items_BL1.numel() :].view_as(negatives_BL),
            is_target_BL=is_item_BL1[:, :-1] & is_item_BL1[:, 1:],
        )

    @torch.no_grad()
    def encode_catalogue(self, device: torch.device) -> Tensor:
        """Every item's vector, shape (N + 1, D), row = item id, row 0 padding."""
        ids_N = torch.arange(1, self.num_items + 1, device=device)
        chunks = [self.item_encoder(chunk) for chunk in torch.split(ids_N, ITEM_CHUNK)]
        return self._with_padding(torch.cat(chunks))

    @torch.no_grad()
    def user_vectors(self, inputs_BL: Tensor, catalogue_ND: Tensor) -> Tensor:
        """The users_BD after their last input; ``catalogue_ND`` comes from encode_catalogue."""
        states_BLD = self.user_encoder(catalogue_ND[inputs_BL], inputs_BL > 0)
        return cast(Tensor, states_BLD[:, -1])

    @staticmethod
    def _with_padding(vectors_ND: Tensor) -> Tensor:
        return torch.cat([vectors_ND.new_zeros(1, vectors_ND.shape[1]), vectors_ND])


def build_user_encoder(spec: SASRecSpec, max_seq_len: int) -> SASRec:
    """The user encoder a model specification names."""
    return SASRec(
        dim=spec.dim,
        max_seq_len=max_seq_len,
        num_blocks=spec.num_blocks,
        num_heads=spec.num_heads,
        dropout=spec.dropout,
    )
