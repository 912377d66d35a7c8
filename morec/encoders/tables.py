"""What an encoder reads per item: feature rows, or packed rows of varying length.

Row r belongs to item r + 1. Shapes: N items asked for, T tokens, H width.
"""

from collections.abc import Callable
from typing import Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn


class Table(nn.Module):
    """A module whose data moves with it but is no part of it.

    Hundreds of megabytes of frozen features belong neither into a checkpoint nor into the buffers
    that data-parallel training sends around at every step, so they are not registered.
    """

    def __init__(self, **held: Tensor) -> None:
        super().__init__()
        self._held = held

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        self._held = {name: fn(tensor) for name, tensor in self._held.items()}
        return super()._apply(fn, recurse)  # type: ignore[no-untyped-call, no-any-return]


class FeatureTable(Table):
    """One frozen feature vector per item: the whole encoder of a two-stage trial."""

    def __init__(self, features_NH: npt.NDArray[np.float32]) -> None:
        super().__init__(features=torch.from_numpy(features_NH))
        self.dim = features_NH.shape[1]

    def forward(self, rows_N: Tensor) -> Tensor:
        """Look the features_NH up."""
        return self._held["features"][rows_N]

    def encode_padded_item(self) -> Tensor:
        """One item's features, shape (1, H): nothing is computed."""
        return self._held["features"][:1]


class PackedTable(Table):
    """Token ids or token states of all items, one behind the other, without padding."""

    def __init__(self, values: npt.NDArray[np.generic], lengths: npt.NDArray[np.int64]) -> None:
        """Take ``values`` (all tokens, ...) and the number of tokens of every item."""
        ends = np.cumsum(lengths)
        super().__init__(
            values=torch.from_numpy(values),
            starts=torch.from_numpy(ends - lengths),
            lengths=torch.from_numpy(lengths),
        )

    def lengths_of(self, rows_N: Tensor) -> Tensor:
        """Number of tokens of every item asked for."""
        return self._held["lengths"][rows_N]

    def padded(self, rows_N: Tensor, width: int) -> tuple[Tensor, Tensor]:
        """The values (N, width, ...) and is_token_NT; what stands in padding slots is arbitrary."""
        slots_T = torch.arange(width, device=rows_N.device)
        is_token_NT = slots_T < self.lengths_of(rows_N)[:, None]
        places_NT = self._held["starts"][rows_N][:, None] + slots_T
        return self._held["values"][places_NT * is_token_NT], is_token_NT

    def blank_item(self, width: int) -> Tensor:
        """One item of ``width`` zero tokens, shape (1, width, ...)."""
        values = self._held["values"]
        return values.new_zeros((1, width, *values.shape[1:]))
