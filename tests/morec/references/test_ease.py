"""EASE, against ridge regressions solved column by column and loops over histories."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morec.config import Candidates, EvaluationSpec
from morec.data.dataset import Dataset
from morec.data.splits import Split
from morec.references import ease as ease_module
from morec.references.ease import DECAYS, LAMBDAS, ease, item_weights_NN
from morec.references.histories import train_matrix_UN
from morec.references.scored import ReferenceTask
from tests.morec.data.hand_made import datasets, quick, windows_of
from tests.morec.references.loops import (
    assert_best_on_validation,
    drawn_dataset,
    loop_histories,
    renamed,
)


def loop_weights(dataset: Dataset, penalty: float) -> np.ndarray:
    """Column j: the ridge regression of item j on all other items, which keeps the diagonal 0."""
    users = np.zeros((dataset.num_users, dataset.num_items))
    for user, window in enumerate(windows_of(dataset)):
        for item in window[:-2]:
            users[user, item - 1] = 1
    weights = np.zeros((dataset.num_items, dataset.num_items))
    for item in range(dataset.num_items):
        others = [other for other in range(dataset.num_items) if other != item]
        known = users[:, others]
        gram = known.T @ known + penalty * np.eye(len(others))
        weights[others, item] = np.linalg.solve(gram, known.T @ users[:, item])
    return weights


@quick
@given(datasets(), st.sampled_from([0.5, 30.0, 1000.0]))
def test_the_weights_are_those_of_a_ridge_regression_per_item(
    dataset: Dataset, penalty: float
) -> None:
    found = item_weights_NN(train_matrix_UN(dataset), penalty)
    np.testing.assert_allclose(found, loop_weights(dataset, penalty), rtol=1e-9, atol=1e-12)


def loop_scores(dataset: Dataset, split: Split, penalty: float, decay: float) -> list[list[float]]:
    weights, scores = loop_weights(dataset, penalty), []
    for history in loop_histories(dataset, split):
        own = np.zeros(dataset.num_items + 1)
        for steps, item in enumerate(reversed(history)):
            own[1:] += decay**steps * weights[item - 1]
        scores.append(own.tolist())
    return scores


@pytest.mark.parametrize("candidates", ["all", "trained"])
@pytest.mark.parametrize("mask_history", [True, False])
def test_penalty_and_decay_are_the_best_on_validation_and_the_ranks_those_of_loops(
    candidates: Candidates, mask_history: bool
) -> None:
    dataset = drawn_dataset(1)
    spec = EvaluationSpec(
        ks=(2,), select="NDCG@2", candidates=candidates, mask_history=mask_history
    )
    task = ReferenceTask(dataset, spec)
    found = ease(task)
    assert list(found.chosen) == ["lambda", "decay"]
    assert_best_on_validation(found, task, product(LAMBDAS, DECAYS), loop_scores)


@pytest.mark.parametrize("seed", range(3))
def test_other_names_of_the_items_change_nothing(seed: int) -> None:
    dataset, spec = drawn_dataset(seed), EvaluationSpec(ks=(3,), select="HR@3")
    new_ids = (np.random.default_rng(seed).permutation(dataset.num_items) + 1).tolist()
    assert ease(ReferenceTask(renamed(dataset, new_ids), spec)) == ease(
        ReferenceTask(dataset, spec)
    )


def test_too_many_items_are_left_out_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    task = ReferenceTask(drawn_dataset(num_items=15), EvaluationSpec())
    monkeypatch.setattr(ease_module, "MAX_ITEMS", 15)
    assert ease(task).left_out == ""
    monkeypatch.setattr(ease_module, "MAX_ITEMS", 14)
    found = ease(task)
    assert found.left_out == "15 items, and it takes at most 14"
    assert (found.valid, found.test, found.chosen) == ({}, {}, {})
