"""Dropout drops what it should, as often as it should, and torch's random state decides what."""

import pytest
import torch
from torch import nn

from morec.dropout import STEPS, Dropout, dropout, quick_dropout

NUMBER = 400_001
"""Not a multiple of the numbers that a draw gives."""


@pytest.mark.parametrize("probability", [0.1, 0.2, 0.5, 0.9])
def test_as_many_are_dropped_as_asked_and_the_rest_is_scaled(probability: float) -> None:
    torch.manual_seed(0)
    dropped = dropout(torch.ones(NUMBER, dtype=torch.double), probability)
    share = float((dropped == 0).double().mean())
    deviation = (probability * (1 - probability) / NUMBER) ** 0.5
    assert abs(share - probability) < 4 * deviation
    (kept,) = dropped[dropped != 0].unique().tolist()
    assert kept == pytest.approx(1 / (1 - probability), rel=1 / STEPS / (1 - probability))


@pytest.mark.parametrize("lag", [1, 2, 3, 4])
def test_neighbours_are_dropped_independently(lag: int) -> None:
    """Four numbers come of one draw: each of the 64 bits has to be random."""
    torch.manual_seed(1)
    is_dropped = (dropout(torch.ones(NUMBER), 0.5) == 0).double()
    both = float((is_dropped[:-lag] * is_dropped[lag:]).mean())
    assert abs(both - 0.25) < 4 * (0.25 * 0.75 / NUMBER) ** 0.5
    for place in range(4):
        assert abs(float(is_dropped[place::4].mean()) - 0.5) < 4 * (0.25 / (NUMBER // 4)) ** 0.5


def test_the_gradient_is_dropped_and_scaled_alike() -> None:
    torch.manual_seed(2)
    values = torch.randn(1000, dtype=torch.double, requires_grad=True)
    dropped = dropout(values, 0.3)
    (gradient,) = torch.autograd.grad(dropped.sum(), values)
    torch.testing.assert_close(gradient * values, dropped)
    assert 200 < int((gradient == 0).sum()) < 400


def test_torchs_random_state_alone_says_what_is_dropped() -> None:
    values = torch.ones(10, 33)
    torch.manual_seed(3)
    state = torch.get_rng_state()
    first, second = dropout(values, 0.5), dropout(values, 0.5)
    assert first.shape == values.shape
    assert not torch.equal(first, second)
    torch.set_rng_state(state)
    assert torch.equal(dropout(values, 0.5), first)
    assert torch.equal(dropout(values, 0.5), second)


def test_nothing_is_drawn_where_nothing_can_be_dropped() -> None:
    values, state = torch.ones(5), torch.get_rng_state()
    assert dropout(values, 0.0) is values
    assert Dropout(0.5).eval()(values) is values
    assert torch.equal(torch.get_rng_state(), state)


def test_the_least_and_the_greatest_probability_stay_finite() -> None:
    values = torch.ones(1000)
    assert torch.equal(dropout(values, 0.1 / STEPS), values)
    assert dropout(values, 1 - 0.1 / STEPS).isfinite().all()


def test_bf16_stays_bf16() -> None:
    assert dropout(torch.ones(8, dtype=torch.bfloat16), 0.5).dtype == torch.bfloat16


def test_a_librarys_modules_drop_as_ours_do_with_the_probabilities_they_had() -> None:
    library = nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.Dropout(0.3)), nn.Dropout2d(0.2))
    quick_dropout(library)
    inner = library[1][0]
    assert isinstance(inner, Dropout)
    assert inner.p == 0.3
    assert type(library[2]) is nn.Dropout2d
    torch.manual_seed(4)
    found = inner(torch.ones(50))
    torch.manual_seed(4)
    assert torch.equal(found, dropout(torch.ones(50), 0.3))
