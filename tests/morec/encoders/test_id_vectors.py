"""Bounded vectors never leave the ball around their start, whatever an optimizer does to them."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch import Tensor

from morec.config import IdInitSpec, TextSpec
from morec.encoders.id_vectors import (
    BoundedEmbedding,
    StartTable,
    random_embedding,
    started_vectors,
)

NUMBERS = st.floats(-1e3, 1e3, allow_subnormal=False)
TABLES = hnp.arrays("float64", (5, 3), elements=NUMBERS)


def table(start: Tensor, change: Tensor, max_distance: float) -> BoundedEmbedding:
    bounded = BoundedEmbedding(start, max_distance)
    bounded.change.data = change
    return bounded


@given(start=TABLES, change=TABLES, max_distance=st.floats(0.01, 10))
def test_no_vector_is_farther_from_its_start_than_the_bound(start, change, max_distance) -> None:
    start, change = torch.from_numpy(start), torch.from_numpy(change)
    found = table(start, change, max_distance)(torch.arange(5)).detach().numpy()
    for vector, begin, step in zip(found, start.numpy(), change.numpy(), strict=True):
        bound, length = max_distance * np.linalg.norm(begin), np.linalg.norm(step)
        # The nearest point of the ball to where the change alone would lead.
        expected = begin + step if length <= bound else begin + step * bound / length
        assert np.abs(vector - expected).max() < 1e-9 * (1 + bound + np.linalg.norm(begin))
        assert np.linalg.norm(vector - begin) <= bound * (1 + 1e-9) + 1e-9


@given(start=TABLES, max_distance=st.floats(0.01, 0.99))
def test_the_cosine_with_the_start_is_at_least_the_papers(start, max_distance) -> None:
    """sqrt(1 - max_distance^2), for the worst direction of a long change."""
    start = torch.from_numpy(start)
    start[start.norm(dim=1) < 1e-6] = 1.0
    change = 1e6 * torch.randn(5, 3, dtype=torch.float64)
    found = table(start, change, max_distance)(torch.arange(5)).detach()
    cosines = torch.cosine_similarity(found, start)
    assert (cosines >= (1 - max_distance**2) ** 0.5 - 1e-9).all()


def test_training_stays_within_the_bound_and_gets_there() -> None:
    torch.manual_seed(0)
    start = torch.cat([torch.zeros(1, 4), torch.randn(6, 4)])
    bounded = BoundedEmbedding(start.clone(), 0.3)
    goal = torch.randn(6, 4) * 10
    adamw = torch.optim.AdamW(bounded.parameters(), lr=0.1, weight_decay=0.0)
    rows = torch.arange(1, 7)
    for _ in range(200):
        adamw.zero_grad()
        (bounded(rows) - goal).square().sum().backward()
        adamw.step()
    distances = (bounded(rows) - start[1:]).norm(dim=1) / start[1:].norm(dim=1)
    torch.testing.assert_close(distances, torch.full((6,), 0.3))
    # The nearest point of each ball to the goal lies on the way there.
    way = torch.nn.functional.normalize(goal - start[1:], dim=1)
    nearest = start[1:] + 0.3 * start[1:].norm(dim=1, keepdim=True) * way
    torch.testing.assert_close(bounded(rows), nearest, rtol=0, atol=1e-2)


def test_a_change_within_the_bound_is_added_as_it_is_with_its_own_gradient() -> None:
    start, change = torch.randn(5, 3).double() + 5, 0.01 * torch.randn(5, 3).double()
    bounded = table(start, change, 0.5)
    found = bounded(torch.tensor([2, 4, 2]))
    assert torch.equal(found, (start + change)[[2, 4, 2]])
    found.sum().backward()
    assert torch.equal(bounded.change.grad[:, 0], torch.tensor([0.0, 0, 2, 0, 1]).double())


def test_a_start_of_zero_stays_and_makes_no_gradient_infinite() -> None:
    bounded = table(torch.zeros(2, 3), torch.tensor([[0.0] * 3, [1.0, 2, 3]]), 0.5)
    found = bounded(torch.tensor([0, 1]))
    assert not found.any()
    found.square().sum().backward()
    assert bounded.change.grad.isfinite().all()


def test_weight_decay_leaves_vectors_without_a_gradient_at_their_start() -> None:
    start = torch.randn(4, 3)
    bounded = BoundedEmbedding(start.clone(), 0.5)
    adamw = torch.optim.AdamW(bounded.parameters(), lr=0.1, weight_decay=0.5)
    bounded(torch.tensor([1])).sum().backward()
    adamw.step()
    found = bounded(torch.arange(4))
    assert torch.equal(found[[0, 2, 3]], start[[0, 2, 3]])
    assert not torch.equal(found[1], start[1])


@pytest.mark.parametrize("options", [{}, {"freeze": True}, {"max_distance": 0.5}])
def test_tables_move_with_their_module_and_their_padding_is_zero(options) -> None:
    spec = IdInitSpec(text=TextSpec(name="minilm"), **options)
    vectors = started_vectors(6, torch.randn(6, 9), 4, spec)
    assert vectors.weight.shape == (7, 4)
    assert vectors.double()(torch.tensor([0, 3])).dtype == torch.float64
    assert not vectors(torch.tensor([0])).any()


def test_a_start_table_gives_its_rows_and_has_no_state() -> None:
    start = torch.randn(5, 3)
    vectors = StartTable(start)
    assert torch.equal(vectors(torch.tensor([4, 0, 4])), start[[4, 0, 4]])
    assert not vectors.state_dict()
    assert not list(vectors.parameters())


def test_random_vectors_are_xavier_normal_with_a_padding_of_zero() -> None:
    weight = random_embedding(400, 600).weight.detach()
    assert weight.shape == (401, 600)
    assert not weight[0].any()
    assert weight[1:].std().item() == pytest.approx((2 / (401 + 600)) ** 0.5, rel=0.02)


def test_the_padding_of_random_vectors_never_gets_a_gradient() -> None:
    embedding = random_embedding(3, 2)
    embedding(torch.tensor([0, 1, 3])).sum().backward()
    assert embedding.weight.grad is not None
    assert embedding.weight.grad.any(1).tolist() == [False, True, False, True]


@pytest.mark.parametrize("scale", ["unit", "random"])
def test_as_many_numbers_as_components_are_all_of_them(scale: str) -> None:
    components = torch.randn(6, 4, generator=torch.Generator().manual_seed(3))
    fields = {"text": {"name": "minilm"}, "scale": scale}
    vectors = started_vectors(6, components, 4, IdInitSpec.model_validate(fields))
    started = vectors(torch.arange(1, 7)).detach()
    ratio = started / components
    torch.testing.assert_close(ratio, ratio[:, :1].expand(6, 4))
    if scale == "unit":
        torch.testing.assert_close(started.norm(dim=1), torch.ones(6))
    else:
        torch.testing.assert_close(started.square().mean().sqrt(), torch.tensor((2 / 11) ** 0.5))
