import numpy as np
import torch

from morec.encoders.tables import FeatureTable, PackedTable

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


def test_padded_rows_hold_their_tokens_and_a_mask() -> None:
    values, is_token = packed().padded(torch.tensor([2, 1]), width=3)
    assert is_token.tolist() == [[True, True, True], [True, False, False]]
    assert values[is_token].tolist() == [13, 14, 15, 12]


def test_the_last_row_can_be_padded_beyond_the_data() -> None:
    values, is_token = packed().padded(torch.tensor([2]), width=9)
    assert values[is_token].tolist() == [13, 14, 15]


def test_lengths_are_looked_up_by_row() -> None:
    assert packed().lengths_of(torch.tensor([2, 0])).tolist() == [3, 2]
