"""Configurations and the trainer know the same losses, and each says truly what it needs."""

from dataclasses import replace

import pytest
import torch

from morec.config.losses import OUR_LOSSES, loss_needs
from morec.losses.inputs import LossInputs
from morec.losses.table import LOSSES

INPUTS = LossInputs(
    states_PD=torch.randn(2, 3),
    targets_P=torch.tensor([1, 2]),
    negatives_P=torch.tensor([3, 4]),
    users_P=torch.tensor([0, 1]),
    items_BL1=torch.tensor([[5, 1], [6, 2]]),
    vectors_UD=torch.randn(7, 3),
    log_popularity_U=torch.zeros(7),
    num_positions=2,
)


def test_the_table_has_the_losses_that_configurations_accept() -> None:
    assert list(LOSSES.own) == list(OUR_LOSSES)
    for name, loss in LOSSES.own.items():
        assert loss.needs == loss_needs(name) == OUR_LOSSES[name]


@pytest.mark.parametrize("name", LOSSES.own)
def test_a_loss_reads_negatives_if_and_only_if_it_says_so(name: str) -> None:
    loss = LOSSES[name]
    other = replace(INPUTS, negatives_P=torch.tensor([5, 6]))
    depends = not torch.equal(loss.compute(INPUTS), loss.compute(other))
    assert depends == loss.needs.negatives


@pytest.mark.parametrize("name", LOSSES.own)
def test_a_loss_looks_at_other_users_items_if_and_only_if_it_says_so(name: str) -> None:
    loss = LOSSES[name]
    other = replace(INPUTS, items_BL1=torch.tensor([[3, 1], [4, 2]]))
    depends = not torch.equal(loss.compute(INPUTS), loss.compute(other))
    assert depends == loss.needs.shared_items == loss.needs.histories
