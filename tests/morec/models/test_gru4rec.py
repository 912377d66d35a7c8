"""GRU4Rec against torch's GRU, user by user and without padding."""

import torch
from torch import Tensor, nn

from morec.models.gru4rec import GRU4Rec

DIM, LENGTH = 5, 6
NUM_ITEMS = (6, 3, 1)
USERS = torch.zeros(3, dtype=torch.long)


def torch_gru(model: GRU4Rec, num_layers: int) -> nn.GRU:
    gru = nn.GRU(DIM, DIM, num_layers, dtype=torch.double)
    gru.load_state_dict(model.gru.state_dict())
    return gru


def is_item_BL() -> Tensor:
    return torch.arange(LENGTH) >= LENGTH - torch.tensor(NUM_ITEMS)[:, None]


def test_states_are_those_of_torchs_gru_over_each_users_items_alone() -> None:
    for num_layers in (1, 2):
        model = GRU4Rec(dim=DIM, num_blocks=num_layers, dropout=0.0).double()
        for parameter in model.parameters():
            nn.init.normal_(parameter)
        gru, items_BLD = torch_gru(model, num_layers), torch.randn(3, LENGTH, DIM).double()
        states_BLD = model(items_BLD, is_item_BL(), USERS)
        for row, number in enumerate(NUM_ITEMS):
            read, _ = gru(items_BLD[row, -number:])
            expected = read @ model.output.weight.T + model.output.bias
            torch.testing.assert_close(states_BLD[row, -number:], expected, rtol=0, atol=1e-12)
        last_B1D = model(items_BLD, is_item_BL(), USERS, last_only=True)
        # A processor may round a product of one row otherwise than the same row of many.
        torch.testing.assert_close(last_B1D, states_BLD[:, -1:], rtol=0, atol=1e-12)


def test_every_gate_starts_xavier_normal_and_biases_at_zero() -> None:
    model = GRU4Rec(dim=256, num_blocks=1, dropout=0.0)
    gates = [gate for weight in model.gru.all_weights[0][:2] for gate in weight.chunk(3)]
    for weight in (*gates, model.output.weight):
        assert abs(weight.std().item() - (2 / (256 + 256)) ** 0.5) < 0.001
    assert not any(p.any() for name, p in model.named_parameters() if "bias" in name)


def test_items_are_dropped_and_so_are_states_between_layers() -> None:
    for num_layers, between in ((1, 0.0), (2, 0.3), (3, 0.3)):
        model = GRU4Rec(dim=DIM, num_blocks=num_layers, dropout=0.3)
        assert (model.dropout.p, model.gru.dropout) == (0.3, between)


def test_one_layer_has_two_matrices_a_gate_and_the_output() -> None:
    model = GRU4Rec(dim=DIM, num_blocks=1, dropout=0.1)
    expected = 3 * (2 * DIM**2 + 2 * DIM) + DIM**2 + DIM
    assert sum(parameter.numel() for parameter in model.parameters()) == expected
