"""The losses against their formulas, position by position, in fp64: values and gradients."""

from dataclasses import replace
from math import log

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from morec.losses.bce import bce
from morec.losses.gbce import beta
from morec.losses.table import LOSSES
from tests.morec.losses.formulas import loss_at, weighted
from tests.morec.losses.loss_cases import Case, case_of, sequences
from tests.morec.tiny_trials import TRAININGS

TWO_USERS = [[1, 2, 3], [4, 5]]
SOFTMAXES = [name for name, training in TRAININGS.items() if training["loss"] == "sampled_ce"]


def loss_of(case: Case) -> torch.Tensor:
    return LOSSES[case.training.loss].compute(case.inputs())


def assert_close(found: object, expected: object) -> None:
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", TRAININGS)
@settings(max_examples=20, deadline=None)
@given(users=sequences(), seed=st.integers(0, 99))
def test_a_loss_is_its_formula_in_value_and_gradient(
    name: str, users: list[list[int]], seed: int
) -> None:
    case = case_of(users, TRAININGS[name], seed=seed)
    found = loss_of(case)
    expected = torch.stack([loss_at(one, TRAININGS[name]) for one in case.positions()]).mean()
    assert_close(found, expected)
    for got, wanted in zip(case.gradients(found), case.gradients(expected), strict=True):
        assert_close(got, wanted)


@pytest.mark.parametrize("name", TRAININGS)
def test_the_shares_of_a_batch_add_up_to_its_loss(name: str) -> None:
    case = case_of([[1, 2, 3], [4, 5], [6, 7, 8]], TRAININGS[name], seed=3)
    whole = case.inputs()
    parts = []
    for rows in (whole.users_P == 1, whole.users_P != 1):
        names = ("states_PD", "targets_P", "negatives_PK", "users_P")
        part = replace(whole, **{name: getattr(whole, name)[rows] for name in names})
        parts.append(LOSSES[case.training.loss].compute(part))
    assert_close(sum(parts), loss_of(case))


@pytest.mark.parametrize("name", TRAININGS)
def test_no_position_is_a_loss_of_zero(name: str) -> None:
    inputs = case_of(TWO_USERS, TRAININGS[name], seed=0).inputs()
    names = ("states_PD", "targets_P", "negatives_PK", "users_P")
    empty = replace(inputs, **{name: getattr(inputs, name)[:0] for name in names})
    assert LOSSES[TRAININGS[name]["loss"]].compute(empty).item() == 0.0


# ---- in-batch cross-entropy


def test_changing_one_negative_of_the_batch_moves_loss_and_gradient() -> None:
    case = case_of(TWO_USERS, TRAININGS["in_batch_ce"], seed=0)
    changed = replace(case, items_BL1=torch.tensor([[1, 2, 3], [0, 6, 5]]))
    changed = replace(changed, popularity_U=case.popularity_U * 0 + 0.2)
    case = replace(case, popularity_U=changed.popularity_U)
    before, after = loss_of(case), loss_of(changed)
    assert abs(before - after) > 1e-3
    assert (case.gradients(before)[1] - changed.gradients(after)[1]).abs().max() > 1e-2


def test_a_more_popular_negative_weighs_less() -> None:
    case = case_of(TWO_USERS, TRAININGS["in_batch_ce"], seed=0)
    popular = case.popularity_U.clone()
    popular[4:6] *= 5
    assert loss_of(replace(case, popularity_U=popular)) < loss_of(case)


def test_a_user_without_others_has_nothing_to_tell_the_target_from() -> None:
    case = case_of([[4, 5], [5, 4]], TRAININGS["in_batch_ce"], seed=0)
    assert loss_of(case).item() == 0.0


# ---- binary cross-entropies


@pytest.mark.parametrize("scale", [0.1, 1.0, 30.0])
def test_bce_is_the_sum_of_the_two_means_of_softplus(scale: float) -> None:
    positive_P, negative_P = ((scale * torch.randn(7)).double().requires_grad_() for _ in range(2))
    expected = (1 + (-positive_P).exp()).log().mean() + (1 + negative_P.exp()).log().mean()
    actual = bce(positive_P, negative_P, 7)
    assert_close(actual, expected)
    for got, wanted in zip(
        torch.autograd.grad(actual, (positive_P, negative_P)),
        torch.autograd.grad(expected, (positive_P, negative_P)),
        strict=True,
    ):
        assert_close(got, wanted)


def test_an_undecided_model_has_twice_log_2() -> None:
    assert bce(torch.zeros(3), torch.zeros(3), 3).item() == pytest.approx(2 * log(2))


@pytest.mark.parametrize("shared", [False, True])
def test_gbce_with_t_0_is_bce_up_to_the_number_of_terms(shared: bool) -> None:
    sampling = {"negatives": 5, "shared_negatives": shared}
    case = case_of(TWO_USERS, {"loss": "gbce", "calibration": 0.0, **sampling}, seed=1)
    plain = replace(case, training=case.training.model_copy(update={"loss": "bce"}))
    assert_close((5 + 1) * loss_of(case), loss_of(plain))


@pytest.mark.parametrize(
    ("calibration", "expected"), [(0.0, 1.0), (1.0, 256 / 3415), (0.75, 0.25 + 0.75 * 256 / 3415)]
)
def test_beta_goes_from_1_to_the_share_of_sampled_items(
    calibration: float, expected: float
) -> None:
    """At ML-1M's 3,416 items and 256 negatives, as in the paper."""
    assert beta(256, 3416, calibration) == pytest.approx(expected, abs=1e-12)


# ---- sampled cross-entropy


@pytest.mark.parametrize("name", SOFTMAXES)
def test_the_gradient_is_that_of_the_weighted_form_of_the_refined_log_q(name: str) -> None:
    """Khrylchenko et al.: -(1 - p) log(e^t / sum of corrected negatives), p without a gradient."""
    case = case_of([[1, 2, 3], [4, 5, 1], [6, 7, 6], [8, 2]], TRAININGS[name], seed=5)
    losses = []
    for position in case.positions():
        negatives = weighted(position, TRAININGS[name])
        total = sum(weight * position.score(j).exp() for j, weight in negatives)
        target = position.score(position.target).exp()
        uncertainty = (1 - target / (target + total)).detach()
        losses.append(-uncertainty * (target / total).log())
    expected = case.gradients(torch.stack(losses).mean())
    for got, wanted in zip(case.gradients(loss_of(case)), expected, strict=True):
        assert_close(got, wanted)


@pytest.mark.parametrize("name", SOFTMAXES)
def test_many_samples_come_to_the_softmax_over_the_catalogue(name: str) -> None:
    """Every item has interactions, so that it is the same sum also by popularity."""
    users = [[1, 2, 3], [4, 5, 1], [6, 7, 6], [8, 2]]
    many = case_of(users, TRAININGS[name] | {"negatives": 20_000}, seed=7)
    full = replace(many, training=many.training.model_copy(update={"loss": "full_ce"}))
    whole = replace(full, shared_M=torch.arange(1, 9))
    assert loss_of(many).item() == pytest.approx(loss_of(whole).item(), rel=0.01)
