"""The vectors of item ids: drawn at random, or started from content and free, bounded or frozen.

Shapes: N items asked for, N1 = N + 1 items with padding (row = item id), D item vector width.
"""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from morec.config import IdInitSpec
from morec.encoders.tables import Table
from morec.errors import SpecError

TINY = torch.finfo(torch.float32).tiny
"""In the place of a length of 0 in a denominator."""


class StartTable(Table):
    """Vectors that stay as they start; they are no parameters, and in no state."""

    def __init__(self, start_N1D: Tensor) -> None:
        super().__init__(start=start_N1D)

    @property
    def weight(self) -> Tensor:
        """The starts, (N1, D)."""
        return self._held["start"]

    def forward(self, items_N: Tensor) -> Tensor:
        """Look the vectors_ND up."""
        vectors_ND: Tensor = self.weight[items_N]
        return vectors_ND


class BoundedEmbedding(StartTable):
    """Start plus a change that trains, at most ``max_distance`` times as long as the start.

    A longer change is projected on that ball wherever it is read (Pembek et al. 2025, arXiv
    2507.19473, with unit starts and 0.5), so that nothing else in training knows of the bound:
    what the optimizer holds may be longer, and has no gradient away from the start. Weight decay
    pulls a vector to its start, not to 0.
    """

    def __init__(self, start_N1D: Tensor, max_distance: float) -> None:
        super().__init__(start_N1D)
        self.max_distance = max_distance
        self.change = nn.Parameter(torch.zeros_like(start_N1D))

    def forward(self, items_N: Tensor) -> Tensor:
        """Look the vectors_ND up."""
        start_ND, change_ND = super().forward(items_N), F.embedding(items_N, self.change)
        bound_N1 = self.max_distance * torch.linalg.vector_norm(start_ND, dim=-1, keepdim=True)
        length_N1 = torch.linalg.vector_norm(change_ND, dim=-1, keepdim=True)
        share_N1 = bound_N1 / torch.maximum(length_N1, bound_N1).clamp(min=TINY)
        return cast(Tensor, start_ND + share_N1 * change_ND)


def random_embedding(num_items: int, dim: int) -> nn.Embedding:
    """A trained vector per item, as in the paper's code: xavier normal."""
    embedding = nn.Embedding(num_items + 1, dim, padding_idx=0)
    # The paper's code initialises the padding row too; here it stays zero and is never read.
    nn.init.xavier_normal_(embedding.weight)
    nn.init.zeros_(embedding.weight[0].detach())
    return embedding


def started_vectors(num_items: int, components_NH: Tensor, dim: int, spec: IdInitSpec) -> nn.Module:
    """Vectors that start from components.

    Random ones are drawn all the same: what is drawn after them starts as in an arm without
    content, so that the two differ in the IDs alone.

    Raises:
        SpecError: there are fewer components than a vector has numbers.
    """
    embedding = random_embedding(num_items, dim)
    start_N1D = _starts(embedding.weight.detach(), components_NH, spec)
    if spec.freeze:
        return StartTable(start_N1D)
    if spec.max_distance is not None:
        return BoundedEmbedding(start_N1D, spec.max_distance)
    with torch.no_grad():
        embedding.weight.copy_(start_N1D)
    return embedding


def _starts(random_N1D: Tensor, components_NH: Tensor, spec: IdInitSpec) -> Tensor:
    """The first components, scaled; the padding's row is 0."""
    dim, width = random_N1D.shape[1], components_NH.shape[1]
    if dim > width:
        raise SpecError(
            f"model.dim: {dim}, but item.id_init gives {width} components, the width of the "
            f"features of {spec.encoder.name!r}; allowed: 1 to {width}"
        )
    starts_ND = components_NH[:, :dim]
    if spec.scale == "unit":
        starts_ND = F.normalize(starts_ND, dim=1)
    else:
        deviation = (2 / sum(random_N1D.shape)) ** 0.5
        starts_ND = starts_ND * (deviation / starts_ND.square().mean().sqrt())
    return torch.cat([starts_ND.new_zeros(1, dim), starts_ND])
