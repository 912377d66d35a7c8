"""The losses against the paper's definition, slot by slot, in fp64: values and gradients."""

from dataclasses import dataclass
from math import log

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from morec.losses.bce import bce
from morec.losses.in_batch_ce import in_batch_ce
from morec.losses.inputs import LossInputs

DIM = 3
NUM_ITEMS = 6


@dataclass
class Case:
    """A batch before any loss: states, item vectors, left-padded sequences, popularity."""

    states_BLD: Tensor
    vectors_UD: Tensor
    items_BL1: Tensor
    log_popularity_U: Tensor

    @property
    def places(self) -> list[tuple[int, int]]:
        """(user, position) of every target position."""
        real_BL = (self.items_BL1[:, :-1] > 0) & (self.items_BL1[:, 1:] > 0)
        return [(user, position) for user, position in real_BL.nonzero().tolist()]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Ragged sequences with repeats within and across users; at least one target position."""
    length = draw(st.integers(1, 4))
    sequence = st.lists(st.integers(1, NUM_ITEMS), min_size=2, max_size=length + 1)
    sequences = draw(st.lists(sequence, min_size=1, max_size=4))
    padded = [[0] * (length + 1 - len(items)) + items for items in sequences]
    generator = torch.Generator().manual_seed(draw(st.integers(0, 99)))
    popularity_U = torch.rand(NUM_ITEMS + 1, generator=generator).double() + 0.01
    return Case(
        torch.randn(len(padded), length, DIM, generator=generator).double().requires_grad_(),
        torch.randn(NUM_ITEMS + 1, DIM, generator=generator).double().requires_grad_(),
        torch.tensor(padded),
        popularity_U.log(),
    )


def in_batch_ce_by_slots(case: Case) -> Tensor:
    """Every slot of the batch is a column; own items and padding are -1e4, but for the target."""
    columns = case.items_BL1.flatten().tolist()
    length, losses = case.items_BL1.shape[1], []
    for user, position in case.places:
        own, target = set(case.items_BL1[user].tolist()) | {0}, user * length + position + 1
        logits = [
            torch.tensor(-1e4).double()
            if item in own and column != target
            else case.states_BLD[user, position] @ case.vectors_UD[item]
            - case.log_popularity_U[item]
            for column, item in enumerate(columns)
        ]
        losses.append(torch.stack(logits).logsumexp(0) - logits[target])
    return torch.stack(losses).mean()


def in_batch_ce_of(case: Case) -> Tensor:
    users_P, positions_P = (torch.tensor(column) for column in zip(*case.places, strict=True))
    inputs = LossInputs(
        states_PD=case.states_BLD[users_P, positions_P],
        targets_P=case.items_BL1[users_P, positions_P + 1],
        negatives_P=users_P.new_empty(0),
        users_P=users_P,
        items_BL1=case.items_BL1,
        vectors_UD=case.vectors_UD,
        log_popularity_U=case.log_popularity_U,
        num_positions=len(users_P),
    )
    return in_batch_ce(inputs)


def gradients(loss: Tensor, case: Case) -> tuple[Tensor, ...]:
    return torch.autograd.grad(loss, (case.states_BLD, case.vectors_UD), allow_unused=True)


@given(cases())
def test_in_batch_ce_equals_the_loop_over_all_slots_in_value_and_gradient(case: Case) -> None:
    fast, slow = in_batch_ce_of(case), in_batch_ce_by_slots(case)
    torch.testing.assert_close(fast, slow, rtol=0, atol=1e-10)
    for got, expected in zip(gradients(fast, case), gradients(slow, case), strict=True):
        torch.testing.assert_close(got, expected, rtol=0, atol=1e-10)


def two_users() -> Case:
    return Case(
        torch.randn(2, 2, DIM).double().requires_grad_(),
        torch.randn(NUM_ITEMS + 1, DIM).double().requires_grad_(),
        torch.tensor([[1, 2, 3], [0, 4, 5]]),
        torch.zeros(NUM_ITEMS + 1).double(),
    )


def test_changing_one_negative_of_the_batch_moves_loss_and_gradient() -> None:
    case = two_users()
    changed = Case(**vars(case) | {"items_BL1": torch.tensor([[1, 2, 3], [0, 6, 5]])})
    before, after = in_batch_ce_of(case), in_batch_ce_of(changed)
    assert abs(before - after) > 1e-3
    gradient_before, gradient_after = gradients(before, case)[1], gradients(after, changed)[1]
    assert (gradient_before - gradient_after).abs().max() > 1e-2


def test_a_more_popular_negative_weighs_less() -> None:
    case = two_users()
    popular = case.log_popularity_U.clone()
    popular[4:6] = log(5)
    assert in_batch_ce_of(Case(**vars(case) | {"log_popularity_U": popular})) < in_batch_ce_of(case)


def test_a_user_without_others_has_nothing_to_tell_the_target_from() -> None:
    case = Case(**vars(two_users()) | {"items_BL1": torch.tensor([[0, 0, 0], [0, 4, 5]])})
    assert in_batch_ce_of(case).item() == 0.0


@pytest.mark.parametrize("scale", [0.1, 1.0, 30.0])
def test_bce_is_the_sum_of_the_two_means_of_softplus(scale: float) -> None:
    positive_P, negative_P = ((scale * torch.randn(7)).double().requires_grad_() for _ in range(2))
    expected = (1 + (-positive_P).exp()).log().mean() + (1 + negative_P.exp()).log().mean()
    actual = bce(positive_P, negative_P, 7)
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-10)
    for got, wanted in zip(
        torch.autograd.grad(actual, (positive_P, negative_P)),
        torch.autograd.grad(expected, (positive_P, negative_P)),
        strict=True,
    ):
        torch.testing.assert_close(got, wanted, rtol=0, atol=1e-10)


def test_an_undecided_model_has_twice_log_2() -> None:
    assert bce(torch.zeros(3), torch.zeros(3), 3).item() == pytest.approx(2 * log(2))


@given(st.integers(1, 6), st.integers(0, 6))
def test_the_shares_of_a_batch_add_up_to_its_loss(num_first: int, num_second: int) -> None:
    positive_P, negative_P = torch.randn(2, num_first + num_second).double()
    total = num_first + num_second
    shares = [
        bce(positive_P[part], negative_P[part], total)
        for part in (slice(None, num_first), slice(num_first, None))
    ]
    torch.testing.assert_close(sum(shares), bce(positive_P, negative_P, total))
