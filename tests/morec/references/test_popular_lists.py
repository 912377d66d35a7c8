"""Popularity's lists, against a sort of every user's candidates."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morec.config import Candidates, EvaluationSpec
from morec.data.dataset import Dataset
from morec.data.splits import train_popularity_N1
from morec.references import popular_lists as module
from morec.references.popular_lists import popular_lists
from morec.references.popularity import popularity
from morec.references.task import ranking_task
from tests.morec.data.hand_made import dataset_of, datasets, quick
from tests.morec.references.test_popularity_and_chance import loop_tasks, pools


def lists_by_sorting(dataset: Dataset, spec: EvaluationSpec, k: int) -> list[list[int]]:
    """By popularity; of equal ones the target last, the others by id."""
    scores = train_popularity_N1(dataset)
    found = []
    for target, others, is_forced in loop_tasks(dataset, "test", spec):
        left = others if is_forced else others | {target}
        found.append(sorted(left, key=lambda i: (-scores[i], i == target, i))[:k])
    return found


def counts_by_sorting(dataset: Dataset, spec: EvaluationSpec, k: int) -> list[int]:
    counts = [0] * (dataset.num_items + 1)
    for items in lists_by_sorting(dataset, spec, k):
        for item in items:
            counts[item] += 1
    return counts


def counted(dataset: Dataset, spec: EvaluationSpec) -> list[list[int]]:
    ranks_U = popularity(dataset, "test", spec).ranks
    task = ranking_task(dataset, "test", spec)
    return popular_lists(task, train_popularity_N1(dataset), ranks_U, spec.ks).tolist()


@quick
@given(datasets(), pools, st.booleans(), st.integers(1, 6))
def test_counts_are_those_of_sorted_lists(
    dataset: Dataset, candidates: Candidates, mask_history: bool, k: int
) -> None:
    ks = (k, k + 2)
    spec = EvaluationSpec(candidates=candidates, mask_history=mask_history, ks=ks, select=f"HR@{k}")
    assert counted(dataset, spec) == [counts_by_sorting(dataset, spec, one) for one in ks]


def test_users_looked_at_one_by_one_have_the_same_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = dataset_of([[1, 2, 3, 4], [1, 3, 2, 4], [1, 2, 1, 5]], num_items=5)
    spec = EvaluationSpec(ks=(2,), select="HR@2")
    together = counted(dataset, spec)
    monkeypatch.setattr(module, "CELLS", 1)
    assert counted(dataset, spec) == together == [counts_by_sorting(dataset, spec, 2)]


def test_only_test_lists_are_recorded_and_they_are_more_popular_than_the_catalogue(
    tiny_dataset: Dataset,
) -> None:
    spec = EvaluationSpec()
    assert popularity(tiny_dataset, "valid", spec).lists == {}
    lists = popularity(tiny_dataset, "test", spec).lists
    scores = train_popularity_N1(tiny_dataset)
    entries = [item for one in lists_by_sorting(tiny_dataset, spec, 10) for item in one]
    assert lists["mean popularity@10"] == pytest.approx(np.mean(scores[entries]))
    assert lists["mean popularity@10"] > scores[1:].mean()
    assert lists["coverage@10"] == len(set(entries)) / tiny_dataset.num_items
