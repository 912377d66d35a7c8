"""The blocks of scores add up to the plain formula, in value, gradient and at the extremes."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from morec.losses import blockwise_ce
from morec.losses.blockwise_ce import candidates_ce
from morec.losses.inputs import LossInputs
from tests.morec.losses.loss_cases import Case, case_of

FULL = {"loss": "full_ce"}
USERS = [[1, 2, 3], [4, 5, 1], [6, 7, 6], [8, 2]]


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two positions a block, so that seven positions have a block left over."""
    monkeypatch.setattr(blockwise_ce, "BLOCK_SCORES", {"cpu": 1})
    monkeypatch.setattr(blockwise_ce, "FEWEST_POSITIONS", 2)


def plain_ce(batch: LossInputs, log_weight_U: Tensor, target_offset_P: Tensor) -> Tensor:
    """All scores at once; every row of vectors is a candidate, padding and own items are not."""
    scores_PU = batch.states_PD @ batch.vectors_UD.T + log_weight_U
    targets_P1 = batch.targets_P[:, None]
    target_P1 = (batch.states_PD @ batch.vectors_UD.T).gather(1, targets_P1)
    own_PU = torch.zeros_like(scores_PU, dtype=torch.bool)
    own_PU = own_PU.scatter(1, batch.items_BL1[batch.users_P], True)
    own_PU[:, 0] = True
    scores_PU = scores_PU.masked_fill(own_PU, float("-inf"))
    scores_PU = scores_PU.scatter(1, targets_P1, target_P1 + target_offset_P[:, None])
    return F.cross_entropy(scores_PU, batch.targets_P, reduction="sum") / batch.num_positions


def both(case: Case, seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Value of the blocks and of the plain formula, and the weights that both were given."""
    generator, inputs = torch.Generator().manual_seed(seed), case.inputs()
    log_weight_U = torch.randn(len(inputs.vectors_UD), generator=generator).double()
    offset_P = torch.randn(len(inputs.states_PD), generator=generator).double()
    found = candidates_ce(inputs, None, log_weight_U[1:], offset_P)
    return found, plain_ce(inputs, log_weight_U, offset_P), log_weight_U, offset_P


@pytest.mark.usefixtures("small_blocks")
@settings(max_examples=20, deadline=None)
@given(st.integers(0, 99))
def test_blocks_add_up_to_the_plain_formula(seed: int) -> None:
    case = case_of(USERS, FULL, seed=seed)
    found, expected, *_ = both(case, seed)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)
    gradients = (case.gradients(2 * loss) for loss in (found, expected))
    for got, wanted in zip(*gradients, strict=True):
        torch.testing.assert_close(got, wanted, rtol=0, atol=1e-10)


@pytest.mark.usefixtures("small_blocks")
def test_gradients_are_those_of_finite_differences() -> None:
    case = case_of(USERS, FULL, seed=0)
    inputs = case.inputs()
    weights_C = torch.randn(8).double()
    hidden_PL1 = (case.items_BL1[inputs.users_P] - 1) % 9
    arguments = (torch.randn(7).double().requires_grad_(), inputs.states_PD, case.vectors_UD[1:])
    torch.autograd.gradcheck(
        lambda *of: blockwise_ce._BlockwiseCE.apply(*of, weights_C, hidden_PL1), arguments
    )


def test_some_rows_are_candidates_and_the_others_are_not() -> None:
    case = case_of(USERS, FULL, seed=4)
    inputs, rows_C = case.inputs(), torch.tensor([3, 8, 5])
    zeros_P = torch.zeros(len(inputs.states_PD)).double()
    found = candidates_ce(inputs, rows_C, torch.tensor([0.5, -1.0, 0.0]).double(), zeros_P)
    log_weight_U = torch.full((9,), float("-inf")).double()
    log_weight_U[rows_C] = torch.tensor([0.5, -1.0, 0.0]).double()
    expected = plain_ce(inputs, log_weight_U, zeros_P)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)
    for got, wanted in zip(case.gradients(found), case.gradients(expected), strict=True):
        torch.testing.assert_close(got, wanted, rtol=0, atol=1e-10)


@pytest.mark.parametrize("scale", [1e-4, 300.0])
def test_large_and_small_scores_stay_finite_in_fp32(scale: float) -> None:
    case = case_of(USERS, FULL, seed=2)
    inputs = case.inputs()
    states_PD = (scale * inputs.states_PD).float().detach().requires_grad_()
    small = LossInputs(
        **vars(inputs) | {"states_PD": states_PD, "vectors_UD": case.vectors_UD.float()}
    )
    zeros_U = torch.zeros(9)
    found = candidates_ce(small, None, zeros_U[1:], zeros_U[inputs.targets_P])
    expected = plain_ce(small, zeros_U, zeros_U[inputs.targets_P])
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)
    (gradient,) = torch.autograd.grad(found, states_PD)
    (wanted,) = torch.autograd.grad(expected, states_PD)
    torch.testing.assert_close(gradient, wanted, rtol=1e-5, atol=1e-6)


class LargestTensor(TorchDispatchMode):
    """Remembers the bytes of the largest tensor that an operation wrote."""

    num_bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for tensor in out if isinstance(out, tuple | list) else [out]:
            if isinstance(tensor, Tensor):
                size = tensor.untyped_storage().nbytes()
                self.num_bytes = max(self.num_bytes, size)
        return out


def test_the_scores_of_all_positions_are_never_held_at_once() -> None:
    """Neither forward nor backward: 64 positions x all candidates are the largest tensor."""
    users = [[1 + (31 * u + i) % 9000 for i in range(11)] for u in range(30)]
    case = case_of(users, FULL, seed=0, num_items=9000)
    inputs = case.inputs()
    zeros_U = torch.zeros(9001).double()
    with LargestTensor() as largest:
        loss = candidates_ce(inputs, None, zeros_U[1:], zeros_U[inputs.targets_P])
        loss.backward()
    num_positions = len(inputs.states_PD)
    assert num_positions == 300
    assert largest.num_bytes == 64 * 9001 * 8 < num_positions * 9000 * 8 / 4
