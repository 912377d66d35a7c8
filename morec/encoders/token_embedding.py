"""The token vectors of a text encoder, of which only those that a catalogue's titles use are kept.

Shapes: V tokens, P tokens of all titles, H width.
"""

from typing import Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn


class TokenTable(nn.Embedding):
    """A vector per token.

    A vector that no title reads has no gradient: without it every number stays the same, and
    neither gradient nor optimizer nor checkpoint carries it.
    """

    num_left_out = 0
    """Parameters of the dropped vectors; the size of the model still counts them."""
    scale: Tensor | None
    """What the vectors are multiplied with (Gemma)."""

    @classmethod
    def of(cls, embedding: nn.Embedding) -> Self:
        """The same weights, and the same scale."""
        weight_VH, padding = embedding.weight, embedding.padding_idx
        table: Self = cls.from_pretrained(weight_VH, freeze=False, padding_idx=padding)  # type: ignore[no-untyped-call]
        table.register_buffer("scale", getattr(embedding, "embed_scale", None), persistent=False)
        return table

    def forward(self, ids: Tensor) -> Tensor:
        """The vectors of ids (...), (..., H)."""
        vectors = super().forward(ids)
        return vectors if self.scale is None else vectors * self.scale.to(vectors.dtype)

    def keep(self, ids_P: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
        """Drop every vector that ``ids_P`` does not name, and return the ids by their new rows."""
        used_V, rows_P = np.unique(ids_P, return_inverse=True)
        self.num_left_out = (self.num_embeddings - len(used_V)) * self.embedding_dim
        if self.padding_idx is not None:
            found = np.flatnonzero(used_V == self.padding_idx)
            self.padding_idx = int(found[0]) if len(found) else None
        self.num_embeddings = len(used_V)
        self.weight = nn.Parameter(self.weight.detach()[torch.from_numpy(used_V)])
        return np.asarray(rows_P)
