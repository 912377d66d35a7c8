"""ItemKNN, against loops over pairs of items and over histories."""

from itertools import product
from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morec.config import Candidates, EvaluationSpec
from morec.data.dataset import Dataset
from morec.data.splits import Split
from morec.references import dense_ranking
from morec.references.histories import train_matrix_UN
from morec.references.item_knn import DECAYS, NEIGHBOURS, item_knn, nearest
from morec.references.scored import ReferenceTask
from tests.morec.data.hand_made import datasets, quick
from tests.morec.references.loops import (
    assert_best_on_validation,
    drawn_dataset,
    loop_histories,
    renamed,
    together,
)


def loop_nearest(dataset: Dataset, number: int) -> np.ndarray:
    """Row i: similarities of item i to its nearest items; equally near ones all count."""
    both, users = together(dataset)
    items = range(dataset.num_items)
    found = np.zeros((dataset.num_items, dataset.num_items))
    for one in items:
        near = [
            both[one, other] / (sqrt(users[one] * users[other]) + 10) if other != one else 0.0
            for other in items
        ]
        least = sorted(near, reverse=True)[min(number, len(near)) - 1]
        for other in items:
            found[one, other] = near[other] if near[other] >= least else 0
    return found


@quick
@given(datasets(), st.integers(1, 14))
def test_neighbours_are_those_of_a_loop_over_pairs(dataset: Dataset, number: int) -> None:
    found = nearest(train_matrix_UN(dataset), number).toarray()
    np.testing.assert_allclose(found, loop_nearest(dataset, number), rtol=1e-12)


def loop_scores(dataset: Dataset, split: Split, number: int, decay: float) -> list[list[float]]:
    near, scores = loop_nearest(dataset, number), []
    for history in loop_histories(dataset, split):
        own = [0.0] * (dataset.num_items + 1)
        for item in range(1, dataset.num_items + 1):
            for steps, past in enumerate(reversed(history)):
                own[item] += decay**steps * near[item - 1, past - 1]
        scores.append([float(np.float32(value)) for value in own])
    return scores


@pytest.mark.parametrize("candidates", ["all", "trained"])
@pytest.mark.parametrize("mask_history", [True, False])
def test_neighbours_and_decay_are_the_best_on_validation_and_the_ranks_those_of_loops(
    candidates: Candidates, mask_history: bool
) -> None:
    dataset = drawn_dataset(2, num_items=25)
    spec = EvaluationSpec(
        ks=(3,), select="NDCG@3", candidates=candidates, mask_history=mask_history
    )
    task = ReferenceTask(dataset, spec)
    found = item_knn(task)
    assert list(found.chosen) == ["neighbours", "decay"]
    assert_best_on_validation(found, task, product(NEIGHBOURS, DECAYS), loop_scores)


@pytest.mark.parametrize("seed", range(3))
def test_other_names_of_the_items_change_nothing(seed: int) -> None:
    dataset, spec = drawn_dataset(seed), EvaluationSpec(ks=(3,), select="HR@3")
    new_ids = (np.random.default_rng(seed).permutation(dataset.num_items) + 1).tolist()
    assert item_knn(ReferenceTask(renamed(dataset, new_ids), spec)) == item_knn(
        ReferenceTask(dataset, spec)
    )


def test_too_many_scores_are_left_out_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dense_ranking, "MAX_SCORES", 1)
    found = item_knn(ReferenceTask(drawn_dataset(), EvaluationSpec()))
    assert found.left_out == "40 users times 15 items are more than 1 scores"
