"""Controls: what stands in for the contents of items, to tell what a modality's content is worth.

An encoder that was built, or its features, is read at other rows. What many trials share stays as
it is, and no artefact is made anew. Shapes: N items (row r = item r + 1), H encoder width.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from morec.config import EncoderSpec
from morec.encoders.frozen import ENCODE_ITEMS
from morec.encoders.interface import Encoder
from morec.encoders.tables import FeatureTable
from morec.errors import SpecError


class RedirectedEncoder(Encoder):
    """An encoder that gives item r the content of item ``sources_N[r]``."""

    def __init__(self, encoder: Encoder, sources_N: Tensor) -> None:
        super().__init__()
        self._sources_N = sources_N
        self.encoder = encoder
        self.dim = encoder.dim

    def forward(self, rows_N: Tensor) -> Tensor:
        """Encode the items' stand-ins into (N, H)."""
        encoded_NH: Tensor = self.encoder(self._sources_N[rows_N])
        return encoded_NH

    def encode_padded_item(self) -> Tensor:
        """Encode one item of the greatest length, shape (1, H)."""
        return self.encoder.encode_padded_item()

    def lengths_of(self, rows_N: Tensor) -> Tensor | None:
        """Number of tokens of every item's stand-in."""
        return self.encoder.lengths_of(self._sources_N[rows_N])


class Controls:
    """The draws of one trial's controls; all parts that are shuffled swap the same items.

    They come from the seed that torch was given, and torch's random state does not move: the
    weights start as they do without a control.
    """

    def __init__(self, num_items: int) -> None:
        self._random = torch.Generator().manual_seed(torch.initial_seed())
        self._order_N = torch.randperm(num_items, generator=self._random)

    def apply(self, encoder: Encoder, spec: EncoderSpec) -> Encoder:
        """Replace the contents that a built encoder reads, if its specification has a control.

        Raises:
            SpecError: there is no second item to swap with.
        """
        match spec.control:
            case None:
                return encoder
            case "shuffle":
                return RedirectedEncoder(encoder, self._others_N())
            case "noise":
                return self._noise(encoder)
            case "constant":
                return self._constant(encoder, is_frozen=spec.trainable_layers == 0)

    def _others_N(self) -> Tensor:
        """Another row for every row: the next one on a circle through all of them."""
        if len(self._order_N) < 2:
            raise SpecError("control: shuffle swaps contents between items, and there is only one")
        others_N = torch.empty_like(self._order_N)
        others_N[self._order_N] = self._order_N.roll(-1)
        return others_N

    def _noise(self, encoder: Encoder) -> FeatureTable:
        mean_H, deviation_H = _moments(encoder, len(self._order_N))
        shape = (len(self._order_N), *mean_H.shape)
        noise_NH = torch.randn(shape, generator=self._random)
        return FeatureTable((noise_NH * deviation_H + mean_H).numpy())

    def _constant(self, encoder: Encoder, *, is_frozen: bool) -> RedirectedEncoder:
        """The mean of frozen features; of an encoder that trains, one item's content."""
        if not is_frozen:
            return RedirectedEncoder(encoder, self._order_N[:1].expand(len(self._order_N)))
        mean_H, _ = _moments(encoder, len(self._order_N))
        return RedirectedEncoder(
            FeatureTable(mean_H[None].numpy()), torch.zeros_like(self._order_N)
        )


@torch.no_grad()
def _moments(encoder: Encoder, num_items: int) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of every dimension over all items, computed in fp64."""

    def chunks() -> Iterator[Tensor]:
        for rows in torch.split(torch.arange(num_items), ENCODE_ITEMS):
            yield encoder(rows).double()

    mean_H = torch.stack([chunk.sum(0) for chunk in chunks()]).sum(0) / num_items
    squares = [(chunk - mean_H).square().sum(0) for chunk in chunks()]
    deviation_H = (torch.stack(squares).sum(0) / num_items).sqrt()
    return mean_H.float(), deviation_H.float()
