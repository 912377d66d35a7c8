"""The paper's SASRec user encoder (Kang and McAuley 2018, as released by Yuan et al. 2023).

Only attention itself runs on padded rows, which costs little. Everything else runs on packed
states: those of all users' items, one after the other, without padding.
Shapes: B users, L positions, Q of them that ask, P items of all users, D width, H heads, K = D / H.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from morec.attention import attention
from morec.config import RecommenderSpec, SASRecSpec
from morec.config.models import TransformerSpec
from morec.dropout import Dropout
from morec.encoders.tables import placed
from morec.models.user_encoder import UserEncoder, xavier_normal
from morec.placement import beside

Activation = Callable[[Tensor], Tensor]
LAYER_NORM_EPS = 1e-6
BF16_ROWS = 64
"""In bf16 a CPU compiles every product for its shape. A number of items that no batch before had
would take as long as the step itself; multiples of this many come again."""
MASKED = -1e9
"""Added to the attention score of a hidden key. Finite, so that the row of a padded query, where
every key is hidden, becomes uniform instead of NaN; the loss never reads such a row."""


class SASRec(UserEncoder):
    """Post-LN transformer over item vectors; position is the absolute slot of a left-padded row.

    As in the paper's code: projections without bias, ReLU, no sqrt(D) scaling, no last LN,
    xavier-normal weights. With D = 512 and L = 20 it has 6,311,936 parameters.
    """

    spec: ClassVar[type[RecommenderSpec]] = SASRecSpec
    activation: Activation = staticmethod(F.relu)
    """Between the layers of a block's feed-forward part."""
    is_causal: ClassVar[bool] = True
    """Whether an item sees only itself and the items before it."""

    def __init__(
        self, *, dim: int, max_seq_len: int, num_blocks: int, num_heads: int, dropout: float
    ) -> None:
        super().__init__(dim)
        self.positions = nn.Embedding(max_seq_len, dim)
        self.norm = nn.LayerNorm(dim, eps=LAYER_NORM_EPS)
        self.dropout = Dropout(dropout)
        self.blocks = nn.ModuleList(
            Block(dim, num_heads, dropout, self.activation) for _ in range(num_blocks)
        )
        self.apply(xavier_normal)

    @classmethod
    def build(cls, spec: TransformerSpec, *, num_users: int, max_seq_len: int) -> Self:
        """The model as specified; it does not depend on the number of users."""
        return cls(max_seq_len=max_seq_len, **spec.model_dump(exclude={"kind"}))

    def forward(
        self, items_BLD: Tensor, is_item_BL: Tensor, users_B: Tensor, *, last_only: bool = False
    ) -> Tensor:
        """Let every position attend to itself and the items before it; or to all items.

        Slots count from the left end of a row padded to ``max_seq_len``. The last item is thus
        always in the last slot, also where columns of padding are left out.
        """
        first = len(self.positions.weight) - items_BLD.shape[1]
        packing = Packing.of(is_item_BL, items_BLD, is_causal=self.is_causal)
        placed_PD = packing.packed(items_BLD) + self.positions(first + packing.slots_P)
        states_PD = self.dropout(self.norm(placed_PD))
        for block in self.blocks[:-1]:
            states_PD = block(states_PD, packing)
        states_PD = self.blocks[-1](states_PD, packing, last_only=last_only)
        return states_PD[:, None] if last_only else packing.padded(states_PD)


@dataclass(frozen=True)
class Packing:
    """Which slots of a padded batch are items; a row's last slot always counts as one.

    So do as many slots of padding as ``_multiple`` asks for. No item attends to them.
    """

    slots_P: Tensor
    """Each item's slot in its row."""
    places_P: Tensor
    """Each item's slot in the batch, row after row."""
    last_B: Tensor
    """The index among the P items of each row's last one."""
    mask_1BLL: Tensor
    """Added to every head's attention scores."""

    @classmethod
    def of(cls, is_item_BL: Tensor, items_BLD: Tensor, *, is_causal: bool = True) -> "Packing":
        """Find the items, and which items each of them may attend to.

        ``is_item_BL`` is on the host; what is found is where ``items_BLD`` is.
        """
        length = is_item_BL.shape[1]
        is_kept_BL = _kept(is_item_BL, _multiple(items_BLD.device))
        rows_P, slots_P = is_kept_BL.nonzero(as_tuple=True)
        last_B = is_kept_BL.sum(1).cumsum(0) - 1
        mask_1BLL = _attention_mask(beside(is_item_BL, items_BLD), is_causal=is_causal)
        places_P = rows_P * length + slots_P
        slots_P, places_P, last_B = (beside(one, items_BLD) for one in (slots_P, places_P, last_B))
        return cls(slots_P, places_P, last_B, mask_1BLL)

    def packed(self, padded_BLX: Tensor) -> Tensor:
        """The items' rows, one after the other: (B, L, ...) to (P, ...)."""
        return padded_BLX.flatten(0, 1).index_select(0, self.places_P)

    def padded(self, packed_PX: Tensor) -> Tensor:
        """Undo ``packed``: (P, ...) to (B, L, ...), with zeros on padding."""
        return placed(packed_PX, self.places_P, self._shape)

    def split(self, packed_PX: Tensor, num_heads: int) -> Tensor:
        """Rows of ``num_heads`` parts of K numbers, padded, head by head: (H, B, L, K)."""
        num_rows, length = self._shape
        parts = packed_PX.view(len(packed_PX) * num_heads, -1)
        places = self._places_of_heads(num_heads)
        padded = placed(parts, places, (num_heads * num_rows, length))
        return padded.view(num_heads, num_rows, length, -1)

    def joined(self, heads_HBLK: Tensor) -> Tensor:
        """Undo ``split``: (H, B, L, K) to (P, H * K)."""
        places = self._places_of_heads(len(heads_HBLK))
        parts = heads_HBLK.flatten(0, 2).index_select(0, places)
        return parts.view(len(self.places_P), -1)

    @property
    def _shape(self) -> tuple[int, int]:
        """B and L."""
        return len(self.last_B), self.mask_1BLL.shape[-1]

    def _places_of_heads(self, num_heads: int) -> Tensor:
        """Each item's slot in each head's padded batch, item after item."""
        num_rows, length = self._shape
        first_H = torch.arange(num_heads, device=self.places_P.device) * num_rows * length
        return (self.places_P[:, None] + first_H).flatten()


def _multiple(device: torch.device) -> int:
    """What P is a multiple of, or else all slots."""
    return BF16_ROWS if device.type == "cpu" and torch.is_autocast_enabled("cpu") else 1


def _kept(is_item_BL: Tensor, multiple: int) -> Tensor:
    """The items, each row's last slot, and the first slots of padding up to a multiple."""
    is_kept_BL = is_item_BL.clone()
    is_kept_BL[:, -1] = True
    if num_spare := -int(is_kept_BL.sum()) % multiple:
        is_kept_BL.view(-1)[(~is_kept_BL).flatten().nonzero()[:num_spare, 0]] = True
    return is_kept_BL


class Block(nn.Module):
    """LN(x + Drop(attention(x))), then LN(x + Drop(feed-forward(x)))."""

    def __init__(
        self, dim: int, num_heads: int, dropout: float, activation: Activation = F.relu
    ) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.activation = activation
        self.query_key_value = nn.ModuleList(nn.Linear(dim, dim, bias=False) for _ in range(3))
        self.output = nn.Linear(dim, dim, bias=False)
        self.attention_norm = nn.LayerNorm(dim, eps=LAYER_NORM_EPS)
        self.inner = nn.Linear(dim, 4 * dim)
        self.outer = nn.Linear(4 * dim, dim)
        self.feed_forward_norm = nn.LayerNorm(dim, eps=LAYER_NORM_EPS)
        self.dropout = Dropout(dropout)

    def forward(self, states_PD: Tensor, packing: Packing, *, last_only: bool = False) -> Tensor:
        """Apply the block; with ``last_only``, to each row's last item alone: (B, D)."""
        queried = states_PD[packing.last_B] if last_only else states_PD
        attended = self._attend(queried, states_PD, packing, last_only=last_only)
        queried = self.attention_norm(queried + self.dropout(attended))
        fed = self.dropout(self.outer(self.activation(self.inner(queried))))
        return cast(Tensor, self.feed_forward_norm(queried + fed))

    def _attend(
        self, queried: Tensor, states_PD: Tensor, packing: Packing, *, last_only: bool
    ) -> Tensor:
        """Attention of the items ``queried``, all or each row's last, to those they may see."""
        q_HBQK, k_HBLK, v_HBLK = self._projected(queried, states_PD, packing, last_only=last_only)
        heads_HBQK = attention(
            q_HBQK,
            k_HBLK,
            v_HBLK,
            mask=packing.mask_1BLL[..., -q_HBQK.shape[2] :, :].to(q_HBQK.dtype),
            dropout_p=self.dropout.p if self.training else 0.0,
            scale=1.0,
        )
        if last_only:
            return cast(Tensor, self.output(heads_HBQK[:, :, 0].transpose(0, 1).flatten(1)))
        return cast(Tensor, self.output(packing.joined(heads_HBQK)))

    def _projected(
        self, queried: Tensor, states_PD: Tensor, packing: Packing, *, last_only: bool
    ) -> Sequence[Tensor]:
        """Scaled queries, keys and values, head by head, each (H, B, Q or L, K)."""
        query, *others = [cast(Tensor, one.weight) for one in self.query_key_value]
        query = query * (len(query) // self.num_heads) ** -0.5
        if last_only:
            q_BHK = F.linear(queried, query).view(len(queried), self.num_heads, -1)
            both_PX = _joined_linear(states_PD, others)
            k_HBLK, v_HBLK = packing.split(both_PX, 2 * self.num_heads).chunk(2)
            return q_BHK.transpose(0, 1)[:, :, None], k_HBLK, v_HBLK
        all_PX = _joined_linear(states_PD, [query, *others])
        return packing.split(all_PX, 3 * self.num_heads).chunk(3)


def _joined_linear(states_PD: Tensor, weights: Sequence[Tensor]) -> Tensor:
    """Several layers without biases as one product, which is quicker than one product each."""
    return F.linear(states_PD, torch.cat(list(weights)))


def _attention_mask(is_item_BL: Tensor, *, is_causal: bool) -> Tensor:
    length = is_item_BL.shape[1]
    is_seen_LL = torch.ones(length, length, dtype=torch.bool, device=is_item_BL.device)
    if is_causal:
        is_seen_LL = is_seen_LL.tril()
    is_seen_1BLL = is_seen_LL & is_item_BL[None, :, None, :]
    return torch.where(is_seen_1BLL, 0.0, MASKED)
