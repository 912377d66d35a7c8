"""Configurations and the trainer know the same losses, and each says truly what it needs."""

from dataclasses import fields, replace

import pytest
import torch

from morec.config import LossNeeds, TrainingSpec
from morec.config.losses import LOSS_OPTIONS, OUR_LOSSES, loss_needs, losses_with
from morec.losses.inputs import LossInputs
from morec.losses.table import LOSSES


def inputs_of(loss: str, **options: object) -> LossInputs:
    needs = OUR_LOSSES[loss]
    shared = [1, 2, 3, 4, 5, 6] if needs.catalogue or options.get("shared_negatives") else []
    return LossInputs(
        states_PD=torch.linspace(-1, 1, 6).view(2, 3),
        targets_P=torch.tensor([1, 2]),
        negatives_PK=torch.tensor([[3], [4]]),
        shared_M=torch.tensor(shared, dtype=torch.long),
        users_P=torch.tensor([0, 1]),
        items_BL1=torch.tensor([[5, 1], [6, 2]]),
        vectors_UD=torch.linspace(-2, 3, 21).view(7, 3).sin(),
        log_popularity_U=torch.tensor([1.0, 0.1, 0.2, 0.05, 0.15, 0.2, 0.3]).log(),
        num_positions=2,
        num_items=6,
        training=TrainingSpec(loss=loss, **options),
    )


def depends(loss: str, inputs: LossInputs, other: LossInputs) -> bool:
    compute = LOSSES[loss].compute
    return not torch.equal(compute(inputs), compute(other))


def test_the_table_has_the_losses_that_configurations_accept() -> None:
    assert list(LOSSES.own) == list(OUR_LOSSES)
    for name, loss in LOSSES.own.items():
        assert loss.needs == loss_needs(name) == OUR_LOSSES[name]


@pytest.mark.parametrize("name", LOSSES.own)
def test_a_loss_reads_negatives_if_and_only_if_it_says_so(name: str) -> None:
    inputs = inputs_of(name)
    other = replace(inputs, negatives_PK=torch.tensor([[5], [6]]))
    assert depends(name, inputs, other) == OUR_LOSSES[name].negatives


@pytest.mark.parametrize("name", LOSSES.own)
def test_a_loss_looks_at_what_users_trained_on_if_and_only_if_it_says_so(name: str) -> None:
    inputs = inputs_of(name, **({"negatives_by": "popularity"} if name == "sampled_ce" else {}))
    other = replace(inputs, items_BL1=torch.tensor([[3, 1], [4, 2]]))
    assert depends(name, inputs, other) == OUR_LOSSES[name].histories


OTHER_VALUES = {
    "negatives": 5,
    "shared_negatives": True,
    "negatives_by": "popularity",
    "calibration": 0.25,
}


@pytest.mark.parametrize("option", LOSS_OPTIONS)
@pytest.mark.parametrize("name", LOSSES.own)
def test_an_option_changes_a_loss_or_its_negatives_if_and_only_if_the_loss_reads_it(
    name: str, option: str
) -> None:
    """bce's number of negatives shows in the draws alone."""
    reads = option in OUR_LOSSES[name].options
    assert (name in losses_with(option)) == reads
    if (name, option) != ("bce", "negatives"):
        options = {option: OTHER_VALUES[option]}
        other = inputs_of(name, **options) if reads else inputs_of(name)
        if not reads:
            training = other.training.model_copy(update=options)
            other = replace(other, training=training)
        assert depends(name, inputs_of(name), other) == reads


def test_needs_are_nothing_by_default() -> None:
    nothing = LossNeeds()
    assert not any(getattr(nothing, field.name) for field in fields(nothing))


def test_one_negative_of_each_target_can_be_read_as_a_row_of_them() -> None:
    """The losses of installed packages draw one."""
    inputs = inputs_of("bce")
    assert inputs.negatives_P.tolist() == [3, 4]
    none = replace(inputs, negatives_PK=torch.empty(2, 0, dtype=torch.long))
    assert none.negatives_P.shape == (0,)
