"""The text encoder of a trial: layers over token ids, or over the states below them.

Shapes: N items asked for, row r = item r + 1; T tokens, H width.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from morec.encoders.interface import Encoder
from morec.encoders.tables import PackedTable, is_token_of, padded
from morec.encoders.text.reading import Reading
from morec.encoders.text.stack import Padded, TransformerStack, WholeEncoder, pool
from morec.placement import beside, looked_up

LENGTH_GROUPS = 8
MIN_GROUP = 8
"""Items are encoded in up to ``LENGTH_GROUPS`` groups, each of ``MIN_GROUP`` or more items."""


class TextEncoder(Encoder):
    """The layers that train, over token ids or over the states below them."""

    def __init__(
        self,
        table: PackedTable,
        stack: TransformerStack | WholeEncoder,
        reading: Reading,
        *,
        max_tokens: int,
        pad_id: int,
    ) -> None:
        super().__init__()
        self.table = table
        self.stack = stack
        self.reading = reading
        self.max_tokens = max_tokens
        self.pad_id = pad_id
        self.dim = stack.dim

    def forward(self, rows_N: Tensor) -> Tensor:
        """Encode items into pooled_NH, each padded only to the longest of its length group.

        An item that is asked for twice is encoded twice.
        """
        lengths_N, order_N = self.table.lengths_of(rows_N).sort()
        embedded = self._embedded(rows_N[order_N])
        groups = lengths_N.tensor_split(min(LENGTH_GROUPS, max(1, len(rows_N) // MIN_GROUP)))
        facts = [torch.stack([group[0], group[-1], group.sum()]) for group in groups]
        shortest, longest, num_tokens = torch.stack(facts).T.tolist()
        parts = torch.split(embedded, num_tokens)
        padded_groups = [
            self._padded(*each) for each in zip(parts, groups, shortest, longest, strict=True)
        ]
        return looked_up(order_N.argsort(), self._pooled_groups(padded_groups))

    def encode_padded_item(self) -> Tensor:
        """Encode one item whose ``max_tokens`` slots are all filled, shape (1, H)."""
        slots_T = torch.arange(self.max_tokens)
        inputs = self.stack.embed(self.table.blank_item(self.max_tokens), slots_T)
        return self._pooled(self.stack(inputs[None], None), None)

    def lengths_of(self, rows_N: Tensor) -> Tensor:
        """Number of tokens of every item."""
        return self.table.lengths_of(rows_N)

    def states(self, rows_N: Tensor) -> Tensor:
        """The last states of the items' tokens, one item after the other, without padding."""
        lengths_N = self.table.lengths_of(rows_N)
        is_token_NT = is_token_of(lengths_N, int(lengths_N.max()))
        inputs = padded(self._embedded(rows_N), is_token_NT, self.pad_id)
        is_token_NT = beside(is_token_NT, inputs)
        states_NTH: Tensor = self.stack(inputs, is_token_NT)
        return states_NTH[is_token_NT]

    def _embedded(self, rows_N: Tensor) -> Tensor:
        """What the layers read of all the items' tokens.

        A single lookup, because each would have a gradient as large as all token vectors.
        """
        return self.stack.embed(*self.table.packed(rows_N))

    def _padded(self, embedded: Tensor, lengths_N: Tensor, shortest: int, longest: int) -> Padded:
        """Items of similar length; items of the same length need no padding."""
        if shortest == longest:
            return embedded.view(len(lengths_N), longest, *embedded.shape[1:]), None
        is_token_NT = is_token_of(lengths_N, longest)
        return padded(embedded, is_token_NT, self.pad_id), beside(is_token_NT, embedded)

    def _pooled_groups(self, groups: Sequence[Padded]) -> Tensor:
        if self.reading.pooling == "cls":
            return self._normalized(self.stack.first_states(groups))
        return torch.cat([self._pooled(self.stack(*group), group[1]) for group in groups])

    def _pooled(self, states_NTH: Tensor, is_token_NT: Tensor | None) -> Tensor:
        return self._normalized(pool(states_NTH, is_token_NT, self.reading.pooling))

    def _normalized(self, pooled_NH: Tensor) -> Tensor:
        return F.normalize(pooled_NH, dim=1) if self.reading.normalizes else pooled_NH
