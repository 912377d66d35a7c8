"""Scores of a target's own negatives, gathered or picked block by block, and of shared ones."""

import pytest
import torch
import torch.nn.functional as F

from morec.losses import sampled_scores
from morec.losses.sampled_scores import HIDDEN, negative_scores, own_scores
from tests.morec.losses.loss_cases import case_of


@pytest.mark.parametrize("block", [1, 9, 2**18])
@pytest.mark.parametrize("items_a_negative", [0, 16])
def test_own_scores_are_dot_products_with_their_gradients(
    items_a_negative: int, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampled_scores, "BLOCK_NUMBERS", {"cpu": block})
    monkeypatch.setattr(sampled_scores, "ITEMS_A_NEGATIVE", items_a_negative)
    states_PD = torch.randn(5, 3).double().requires_grad_()
    vectors_UD = torch.randn(4, 3).double().requires_grad_()
    rows_PK = torch.tensor([[1, 1, 2], [0, 3, 1], [2, 2, 2], [3, 0, 1], [1, 2, 3]])
    expected = torch.einsum("pd,pkd->pk", states_PD, F.embedding(rows_PK, vectors_UD))
    found = own_scores(states_PD, vectors_UD, rows_PK)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    torch.autograd.gradcheck(lambda s, v: own_scores(s, v, rows_PK), (states_PD, vectors_UD))


@pytest.mark.parametrize(
    ("num_items", "num_negatives", "way"),
    [(32, 2, "_PickedScores"), (33, 2, "_GatheredScores"), (453, 128, "_PickedScores")],
)
def test_of_few_items_all_are_scored_and_of_many_the_drawn_ones(
    num_items: int, num_negatives: int, way: str
) -> None:
    states_PD = torch.randn(3, 4, requires_grad=True)
    rows_PK = torch.randint(0, num_items, (3, num_negatives))
    scores_PK = own_scores(states_PD, torch.randn(num_items, 4), rows_PK)
    assert type(scores_PK.grad_fn).__name__ == f"{way}Backward"


def test_one_negative_has_the_bits_of_the_plain_formula() -> None:
    """So that trials of the paper's loss keep their numbers."""
    states_PD, vectors_UD = torch.randn(6000, 64), torch.randn(500, 64)
    rows_P = torch.randint(0, 500, (6000,))

    def values_of(is_plain: bool) -> list[torch.Tensor]:
        leaves = [states_PD.clone().requires_grad_(), vectors_UD.clone().requires_grad_()]
        if is_plain:
            scores_P = (leaves[0] * F.embedding(rows_P, leaves[1])).sum(-1)
        else:
            scores_P = own_scores(*leaves, rows_P[:, None])[:, 0]
        return [scores_P.detach(), *torch.autograd.grad(scores_P.sigmoid().sum(), leaves)]

    for found, expected in zip(values_of(False), values_of(True), strict=True):
        assert found.equal(expected)


def test_a_shared_negative_that_its_user_has_trained_on_is_hidden() -> None:
    training = {"loss": "bce", "negatives": 40, "shared_negatives": True}
    case = case_of([[1, 2, 3], [4, 5]], training, seed=0)
    hidden_PM = negative_scores(case.inputs()) == HIDDEN
    for row, position in zip(hidden_PM.tolist(), case.positions(), strict=True):
        assert row == [item in position.own for item in case.shared_M.tolist()]
    assert hidden_PM.any()


def test_negatives_of_each_target_are_scored_without_shared_ones() -> None:
    batch = case_of([[1, 2, 3], [4, 5]], {"loss": "bce", "negatives": 4}, seed=0).inputs()
    gathered_PKD = batch.vectors_UD[batch.negatives_PK]
    expected_PK = torch.einsum("pd,pkd->pk", batch.states_PD, gathered_PKD)
    torch.testing.assert_close(negative_scores(batch), expected_PK)
