"""Multiply-accumulates are counted as by hand; a product without a formula is named."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import flop_registry

from morec.encoders.macs import count_macs


def test_a_linear_layer_is_inputs_times_outputs_per_row() -> None:
    linear = nn.Linear(5, 7)
    assert count_macs(lambda: linear(torch.ones(3, 5))) == (3 * 5 * 7, set())


def test_attention_is_two_products_of_tokens_by_tokens_by_width() -> None:
    states = torch.ones(2, 3, 11, 4)
    macs, uncounted = count_macs(lambda: F.scaled_dot_product_attention(states, states, states))
    assert (macs, uncounted) == (2 * 3 * (2 * 11 * 11 * 4), set())


def recurrent_macs(positions: int, in_dim: int, dim: int) -> int:
    """Two layers of three gates, each of the layer's input and of its state."""
    return positions * 3 * ((in_dim + dim) + (dim + dim)) * dim


def test_a_recurrent_layer_is_its_matrices_at_every_position() -> None:
    gru = nn.GRU(5, 7, 2)
    assert count_macs(lambda: gru(torch.ones(4, 3, 5))) == (recurrent_macs(4 * 3, 5, 7), set())


def test_a_recurrent_layer_counts_the_same_in_one_operation_of_cudnn() -> None:
    """On the meta device, since that operation runs on GPUs only; mode 3 is a GRU."""
    weights = list(nn.GRU(5, 7, 2, device="meta").parameters())
    inputs, state = torch.ones(4, 3, 5, device="meta"), torch.ones(2, 3, 7, device="meta")
    options = (3, 7, 0, 2, False, 0.0, False, False, [], None)
    found = count_macs(
        lambda: torch.ops.aten._cudnn_rnn(inputs, weights, 4, None, state, None, *options)
    )
    assert found == (recurrent_macs(4 * 3, 5, 7), set())


def test_norms_and_activations_count_nothing_and_are_not_named() -> None:
    layers = nn.Sequential(nn.LayerNorm(4), nn.GELU(), nn.Dropout(0.5), nn.Softmax(-1))
    assert count_macs(lambda: layers(torch.ones(3, 4))) == (0, set())


def test_a_product_without_a_formula_is_named() -> None:
    _, uncounted = count_macs(lambda: torch.ones(4).dot(torch.ones(4)))
    assert uncounted == {"dot"}


def test_counting_does_not_change_the_random_state() -> None:
    before = torch.get_rng_state()
    count_macs(lambda: torch.rand(3))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_formula_that_does_not_fit_counts_nothing_and_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object, **__: object) -> int:
        raise AssertionError

    monkeypatch.setitem(flop_registry, torch.ops.aten.mm, refuse)
    # Twice, since two operations that counted one each would be one multiplication.
    linear = nn.Sequential(nn.Linear(5, 7, bias=False), nn.Linear(7, 3, bias=False))
    batches = torch.ones(2, 3, 4), torch.ones(2, 4, 5)
    found = count_macs(lambda: (linear(torch.ones(3, 5)), torch.bmm(*batches)))
    assert found == (2 * 3 * 4 * 5, {"mm"})


def test_a_weight_that_is_handed_to_a_module_as_its_input_is_counted() -> None:
    """As DeBERTa does with its relative positions; torch's tracker of modules fails on it."""
    weight, linear = nn.Parameter(torch.ones(3, 5)), nn.Linear(5, 7)
    assert count_macs(lambda: linear(weight)) == (3 * 5 * 7, set())


def test_counting_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    linear = nn.Linear(5, 7)
    count_macs(lambda: linear(torch.ones(3, 5)))
    assert capfd.readouterr() == ("", "")
