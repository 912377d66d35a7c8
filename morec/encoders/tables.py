"""What an encoder reads per item: feature rows, or packed rows of varying length.

Row r belongs to item r + 1. Shapes: N items asked for, T tokens, H width.
"""

import math
from collections.abc import Callable, Sequence
from typing import Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from morec.encoders.interface import Encoder
from morec.placement import beside, looked_up


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


class FeatureTable(Table, Encoder):
    """One frozen feature vector per item: the whole encoder of a two-stage trial."""

    def __init__(self, features_NH: npt.NDArray[np.float32]) -> None:
        """Take the features; with a side network they are the states of K layers, (N, K, H)."""
        super().__init__(features=torch.from_numpy(features_NH))
        self.dim = features_NH.shape[-1]

    def forward(self, rows_N: Tensor) -> Tensor:
        """Look the features_NH up."""
        return looked_up(rows_N, self._held["features"])

    def encode_padded_item(self) -> Tensor:
        """One item's features, shape (1, H): nothing is computed."""
        return self._held["features"][:1]


class PackedTable(Table):
    """Token ids or token states of all items, one item after the other, without padding."""

    def __init__(self, values: npt.NDArray[np.generic], lengths: npt.NDArray[np.int64]) -> None:
        """Take ``values`` (all tokens, ...) and the number of tokens of every item."""
        super().__init__(values=torch.from_numpy(values))
        # On the host, wherever the values are: they say how much is read.
        self._lengths = torch.from_numpy(lengths)
        self._starts = torch.from_numpy(np.cumsum(lengths) - lengths)

    def lengths_of(self, rows_N: Tensor) -> Tensor:
        """Number of tokens of every item asked for, on the host."""
        return self._lengths[rows_N]

    def packed(self, rows_N: Tensor) -> tuple[Tensor, Tensor]:
        """The items' values (P, ...), one item after the other, and slots_P in their items.

        The slots are on the host.
        """
        lengths_N = self.lengths_of(rows_N)
        firsts_N = lengths_N.cumsum(0) - lengths_N
        slots_P = torch.arange(int(lengths_N.sum()))
        slots_P = slots_P - firsts_N.repeat_interleave(lengths_N)
        starts_P = self._starts[rows_N].repeat_interleave(lengths_N)
        return looked_up(starts_P + slots_P, self._held["values"]), slots_P

    def blank_item(self, num_tokens: int) -> Tensor:
        """One item of so many zero tokens, (num_tokens, ...)."""
        values = self._held["values"]
        return values.new_zeros((num_tokens, *values.shape[1:]))


def is_token_of(lengths_N: Tensor, width: int) -> Tensor:
    """Which slots of rows padded to ``width`` hold a token, is_token_NT, on the host."""
    return torch.arange(width) < lengths_N[:, None]


def padded(packed: Tensor, is_token_NT: Tensor, fill: int = 0) -> Tensor:
    """Put packed values (P, ...) into rows (N, T, ...), where ``is_token_NT`` says so.

    ``is_token_NT`` is on the host.
    """
    places_P = is_token_NT.flatten().nonzero().squeeze(1)
    return placed(packed, beside(places_P, packed), is_token_NT.shape, fill)


def placed(packed: Tensor, places_P: Tensor, shape: Sequence[int], fill: int = 0) -> Tensor:
    """Put packed values (P, ...) into rows of ``shape`` (N, T).

    A place is counted row after row: ``n * T + t``.
    """
    blank = packed.new_full((math.prod(shape), *packed.shape[1:]), fill)
    return blank.index_copy_(0, places_P, packed).view(*shape, *packed.shape[1:])
