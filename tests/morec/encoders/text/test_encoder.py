"""What a text encoder has its stack read: groups of items of similar length, padded items."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from morec.encoders.tables import PackedTable
from morec.encoders.text.encoder import LENGTH_GROUPS, MIN_GROUP, TextEncoder
from morec.encoders.text.reading import Reading
from morec.encoders.text.stack import Padded, WholeEncoder

PAD = 1000
LENGTHS = np.array([3, 1, 5, 2, 2, 4] * 20)
FIRSTS = np.cumsum(LENGTHS) - LENGTHS
IDS = np.arange(1, LENGTHS.sum() + 1)


class Remembering(WholeEncoder):
    """A state is a token's id and its square; remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(None, 2)
        self.read: list[tuple[list[list[int]], list[list[bool]] | None]] = []
        self.slots: list[int] = []
        self.num_first = 0

    def embed(self, ids_P: Tensor, slots_P: Tensor) -> Tensor:
        self.slots = slots_P.tolist()
        return super().embed(ids_P, slots_P)

    def forward(self, ids_BT: Tensor, is_token_BT: Tensor | None) -> Tensor:
        mask = None if is_token_BT is None else is_token_BT.tolist()
        self.read.append((ids_BT.tolist(), mask))
        return torch.stack([ids_BT, ids_BT**2], dim=2).double()

    def first_states(self, groups: Iterable[Padded]) -> Tensor:
        self.num_first += 1
        return super().first_states(groups)


def encoder_of(pooling: Any = "mean", *, normalizes: bool = False) -> tuple[TextEncoder, Any]:
    stack, table = Remembering(), PackedTable(IDS, LENGTHS)
    reading = Reading(pooling, normalizes, lowercases=True, prompt="")
    return TextEncoder(table, stack, reading, max_tokens=7, pad_id=PAD), stack


def ids_of(row: int) -> list[int]:
    return IDS[FIRSTS[row] : FIRSTS[row] + LENGTHS[row]].tolist()


def by_hand(rows: list[int], pooling: str) -> Tensor:
    states = [torch.tensor([[i, i * i] for i in ids_of(row)], dtype=torch.double) for row in rows]
    pick = {"mean": lambda one: one.mean(0), "cls": lambda one: one[0], "last": lambda one: one[-1]}
    return torch.stack([pick[pooling](one) for one in states])


@pytest.mark.parametrize("num_items", [1, 7, 8, 15, 16, 20, 63, 64, 120])
def test_items_are_read_in_groups_of_similar_length_padded_to_their_longest(
    num_items: int,
) -> None:
    encoder, stack = encoder_of()
    rows_N = torch.randperm(len(LENGTHS), generator=torch.Generator().manual_seed(3))[:num_items]
    rows = rows_N.tolist()
    found = encoder(rows_N)
    torch.testing.assert_close(found, by_hand(rows, "mean"), rtol=0, atol=1e-9)
    num_groups = min(LENGTH_GROUPS, max(1, num_items // MIN_GROUP))
    sizes = [len(part) for part in np.array_split(np.arange(num_items), num_groups)]
    assert [len(ids) for ids, _ in stack.read] == sizes
    shown = []
    for ids, mask in stack.read:
        lengths = [len(one) - one.count(PAD) for one in ids]
        is_padded = min(lengths) < max(lengths)
        assert all(len(one) == max(lengths) for one in ids)
        expected = [[slot < n for slot in range(max(lengths))] for n in lengths]
        assert mask == (expected if is_padded else None)
        shown += [one[:n] for one, n in zip(ids, lengths, strict=True)]
    assert sorted(shown) == sorted(map(ids_of, rows))
    assert list(map(len, shown)) == sorted(LENGTHS[rows].tolist())


@pytest.mark.parametrize("pooling", ["cls", "mean", "last"])
@pytest.mark.parametrize("normalizes", [False, True])
def test_states_are_pooled_and_scaled_to_length_1_where_asked_for(
    pooling: str, normalizes: bool
) -> None:
    encoder, stack = encoder_of(pooling, normalizes=normalizes)
    rows = [5, 0, 5, 3, 17]
    expected = by_hand(rows, pooling)
    expected = F.normalize(expected, dim=1) if normalizes else expected
    torch.testing.assert_close(encoder(torch.tensor(rows)), expected, rtol=0, atol=1e-9)
    assert stack.num_first == (pooling == "cls")


def test_all_tokens_states_are_given_one_item_after_the_other() -> None:
    encoder, stack = encoder_of(normalizes=True)
    ids = ids_of(3) + ids_of(0) + ids_of(1)
    found = encoder.states(torch.tensor([3, 0, 1]))
    assert found.tolist() == [[i, i * i] for i in ids]
    padded = [[*ids_of(3), PAD], ids_of(0), [*ids_of(1), PAD, PAD]]
    mask = [[True, True, False], [True] * 3, [True, False, False]]
    assert stack.read == [(padded, mask)]
    assert stack.slots == [0, 1, 0, 1, 2, 0]


def test_a_padded_item_fills_all_its_slots() -> None:
    encoder, stack = encoder_of()
    assert encoder.encode_padded_item().tolist() == [[0, 0]]
    assert stack.read == [([[0] * 7], None)]
    assert stack.slots == list(range(7))


def test_lengths_and_width_are_known() -> None:
    encoder, stack = encoder_of()
    assert encoder.lengths_of(torch.tensor([2, 1, 2])).tolist() == [5, 1, 5]
    assert (encoder.dim, encoder.max_tokens, encoder.pad_id) == (2, 7, PAD)
    assert encoder.stack is stack
