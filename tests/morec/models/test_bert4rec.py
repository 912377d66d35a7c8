"""BERT4Rec against torch's own transformer layers, and what it hides."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from morec.models.bert4rec import BERT4Rec
from morec.models.sasrec import LAYER_NORM_EPS
from tests.morec.models.torch_layers import disturb, torch_layer

DIM, LENGTH, HEADS, BLOCKS = 16, 6, 2, 2
USERS = torch.zeros(1, dtype=torch.long)


def bert4rec(dim: int = DIM, mask_share: float = 0.2) -> BERT4Rec:
    return BERT4Rec(
        dim=dim,
        max_seq_len=LENGTH,
        num_blocks=BLOCKS,
        num_heads=HEADS,
        dropout=0.0,
        mask_share=mask_share,
    )


def states_by_torch(model: BERT4Rec, seen: list[Tensor]) -> Tensor:
    """One user alone: what is seen, the last slots' positions, torch's layers, the head."""
    slots = torch.stack(seen)
    placed = slots + model.positions.weight[-len(slots) :]
    states = F.layer_norm(placed, (DIM,), model.norm.weight, model.norm.bias, LAYER_NORM_EPS)[None]
    for block in model.blocks:
        states = torch_layer(block, "gelu")(states)
    dense, _, norm = model.head
    inner = F.gelu(states[0] @ dense.weight.T + dense.bias)
    return F.layer_norm(inner, (DIM,), norm.weight, norm.bias, LAYER_NORM_EPS)


def test_states_are_those_of_torchs_layers_over_each_users_items_and_the_mask() -> None:
    model = bert4rec().double()
    disturb(model)
    items_BLD, num_items = torch.randn(3, LENGTH, DIM).double(), (LENGTH, 3, 1)
    is_item_BL = torch.arange(LENGTH) >= LENGTH - torch.tensor(num_items)[:, None]
    states_BLD = model(items_BLD, is_item_BL, USERS)
    for row, number in enumerate(num_items):
        seen = [*items_BLD[row, -number:], model.mask.weight[0]]
        expected = states_by_torch(model, seen)[1:]
        torch.testing.assert_close(states_BLD[row, -number:], expected, rtol=0, atol=1e-12)
    last_B1D = model(items_BLD, is_item_BL, USERS, last_only=True)
    torch.testing.assert_close(last_B1D, states_BLD[:, -1:], rtol=0, atol=1e-12)


@pytest.mark.parametrize("targets", [{0}, {2, 4}, {0, 3, 5}])
def test_training_hides_the_targets_and_shows_all_else_the_last_item_too(targets: set[int]) -> None:
    model = bert4rec().double()
    disturb(model)
    items_BL1D = torch.randn(2, LENGTH + 1, DIM).double()
    is_item_BL1 = torch.arange(LENGTH + 1) >= torch.tensor([[0], [LENGTH - 3]])
    is_target_BT = torch.tensor([[slot in targets for slot in range(LENGTH)]] * 2)
    is_target_BT &= is_item_BL1[:, :-1]
    states_BTD = model.train_states(items_BL1D, is_item_BL1, is_target_BT, USERS)
    for row, number in enumerate((LENGTH + 1, 4)):
        seen = list(items_BL1D[row])
        for target in is_target_BT[row].nonzero().flatten().tolist():
            seen[target + 1] = model.mask.weight[0]
        expected = states_by_torch(model, seen[-number:])[1:]
        torch.testing.assert_close(states_BTD[row, 1 - number :], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("mask_share", [0.2, 0.6])
def test_an_epoch_hides_the_share_asked_for(mask_share: float) -> None:
    samples = bert4rec(mask_share=mask_share).train_samples(np.ones((3, LENGTH + 1), np.int32))
    assert samples.target_share == mask_share
    assert samples.is_target_ST.all()


def test_parameters_are_sasrecs_a_slot_a_mask_and_a_head() -> None:
    model = bert4rec()
    per_block = 12 * DIM**2 + 9 * DIM
    sasrec = BLOCKS * per_block + (LENGTH + 1) * DIM + 2 * DIM
    expected = sasrec + DIM + (DIM**2 + DIM + 2 * DIM)
    assert sum(parameter.numel() for parameter in model.parameters()) == expected


def test_weights_start_xavier_normal_and_biases_at_zero() -> None:
    model = bert4rec(dim=256)
    for weight in (model.head[0].weight, model.mask.weight):
        expected = (2 / sum(weight.shape)) ** 0.5
        assert weight.std().item() == pytest.approx(expected, rel=0.2)
    assert not model.head[0].bias.any()
