"""Tables of features and packed tokens: what is looked up, what a checkpoint leaves out."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from morec.encoders.tables import FeatureTable, PackedTable, is_token_of, padded

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
