"""Tables of features and packed tokens: what is looked up, what a checkpoint leaves out."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from morec.encoders.tables import (
    FeatureTable,
    PackedTable,
    Table,
    is_token_of,
    padded,
    placed,
)

FEATURES = np.arange(12, dtype=np.float32).reshape(4, 3)


def packed() -> PackedTable:
    return PackedTable(np.array([10, 11, 12, 13, 14, 15]), np.array([2, 1, 3]))


def test_features_are_looked_up_by_row() -> None:
    found = FeatureTable(FEATURES)(torch.tensor([3, 0, 3]))
    assert found.tolist() == FEATURES[[3, 0, 3]].tolist()


def test_held_data_is_in_no_checkpoint_and_no_buffer() -> None:
    table = FeatureTable(FEATURES)
    assert not table.state_dict()
    assert not list(table.buffers())


def test_held_data_moves_with_the_module() -> None:
    model = torch.nn.Sequential(FeatureTable(FEATURES)).double()
    assert model(torch.tensor([1])).dtype == torch.float64
    assert model.to("meta")(torch.tensor([1], device="meta")).device.type == "meta"


def test_packed_rows_follow_each_other_with_the_slots_of_their_values() -> None:
    values_P, slots_P = packed().packed(torch.tensor([2, 0]))
    assert values_P.tolist() == [13, 14, 15, 10, 11]
    assert slots_P.tolist() == [0, 1, 2, 0, 1]


@given(lengths=st.lists(st.integers(1, 5), min_size=1, max_size=6), more=st.integers(0, 3))
def test_padded_rows_hold_their_tokens_and_the_filling(lengths: list[int], more: int) -> None:
    is_token_NT = is_token_of(torch.tensor(lengths), max(lengths) + more)
    values_P = torch.arange(1, sum(lengths) + 1)
    found, first = padded(values_P, is_token_NT, fill=-7).tolist(), 1
    for row, length in zip(found, lengths, strict=True):
        assert row == [*range(first, first + length), *[-7] * (len(row) - length)]
        first += length


def test_lengths_are_looked_up_by_row() -> None:
    assert packed().lengths_of(torch.tensor([2, 0])).tolist() == [3, 2]


def test_the_width_is_that_of_the_last_dimension_and_the_padded_item_is_one() -> None:
    table = FeatureTable(FEATURES)
    assert table.dim == 3
    assert table.encode_padded_item().tolist() == [[0, 1, 2]]
    states = FeatureTable(np.arange(24, dtype=np.float32).reshape(2, 3, 4))
    assert states.dim == 4
    assert states(torch.tensor([1])).tolist() == [[[12, 13, 14, 15], [16, 17, 18, 19],
                                                   [20, 21, 22, 23]]]  # fmt: skip


class Holder(Table):
    """A table with a module inside."""

    def __init__(self) -> None:
        super().__init__(held=torch.ones(2))
        self.inside = nn.Linear(2, 2)


def test_modules_inside_a_table_move_with_it_unless_asked_otherwise() -> None:
    whole = nn.Sequential(Holder()).double()
    assert whole.get_parameter("0.inside.weight").dtype == torch.float64
    alone = Holder()
    alone._apply(lambda tensor: tensor.double(), recurse=False)
    assert alone._held["held"].dtype == torch.float64
    assert alone.inside.weight.dtype == torch.float32


def test_states_are_packed_padded_and_placed_with_their_width() -> None:
    values = np.arange(12, dtype=np.float32).reshape(6, 2)
    table = PackedTable(values, np.array([2, 1, 3]))
    packed_PH, slots_P = table.packed(torch.tensor([2, 1]))
    assert slots_P.tolist() == [0, 1, 2, 0]
    assert packed_PH.tolist() == [[6, 7], [8, 9], [10, 11], [4, 5]]
    rows = padded(packed_PH, is_token_of(torch.tensor([3, 1]), 3))
    assert rows.tolist() == [[[6, 7], [8, 9], [10, 11]], [[4, 5], [0, 0], [0, 0]]]
    places = torch.tensor([5, 0, 1, 3])
    found = placed(packed_PH, places, (2, 3))
    assert found.tolist() == [[[8, 9], [10, 11], [0, 0]], [[4, 5], [0, 0], [6, 7]]]
    blank = table.blank_item(4)
    assert (blank.shape, blank.dtype, bool(blank.any())) == ((4, 2), torch.float32, False)
    assert packed().blank_item(3).tolist() == [0, 0, 0]
