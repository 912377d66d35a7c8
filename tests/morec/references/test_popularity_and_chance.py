"""Ranks by popularity and expectations under chance, against loops over users and items."""

from math import log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morec.config import Candidates, EvaluationSpec
from morec.data.dataset import Dataset
from morec.data.splits import Split
from morec.metrics import NEVER_FOUND, per_user
from morec.references.chance import chance
from morec.references.popularity import popularity
from tests.morec.data.hand_made import dataset_of, datasets, quick, windows_of
from tests.morec.references.loops import loop_ranks, loop_tasks, pools, splits


def loop_ranking(
    dataset: Dataset, split: Split, spec: EvaluationSpec
) -> tuple[list[int], int, int]:
    scores = [0] * (dataset.num_items + 1)
    for window in windows_of(dataset):
        for item in window[:-2]:
            scores[item] += 1
    return loop_ranks(dataset, split, spec, [scores] * dataset.num_users)


@quick
@given(datasets(), splits, pools, st.booleans())
def test_popularity_ranks_are_those_of_a_loop_over_users_and_items(
    dataset: Dataset, split: Split, candidates: Candidates, mask_history: bool
) -> None:
    spec = EvaluationSpec(candidates=candidates, mask_history=mask_history)
    ranking = popularity(dataset, split, spec)
    found = (ranking.ranks.tolist(), ranking.num_tied, ranking.num_forced_misses)
    assert found == loop_ranking(dataset, split, spec)


def test_popularity_ranks_by_hand() -> None:
    # Train lists [1, 2], [1, 3], [1, 2]: scores 1: 3, 2: 2, 3: 1, 4: 0, 5: 0.
    dataset = dataset_of([[1, 2, 3, 4], [1, 3, 2, 4], [1, 2, 1, 5]], num_items=5)
    valid = popularity(dataset, "valid", EvaluationSpec())
    assert valid.ranks.tolist() == [1, 1, NEVER_FOUND]
    assert (valid.num_tied, valid.num_forced_misses) == (0, 1)
    # Left to rank: {4, 5}, {4, 5}, {3, 4, 5}; 4 and 5 share a score of 0.
    test = popularity(dataset, "test", EvaluationSpec())
    assert test.ranks.tolist() == [2, 2, 3]
    assert (test.num_tied, test.num_forced_misses) == (3, 0)


@quick
@given(datasets(), splits, st.integers(1, 40), pools, st.booleans())
def test_chance_is_the_mean_over_every_rank_the_target_could_have(
    dataset: Dataset, split: Split, k: int, candidates: Candidates, mask_history: bool
) -> None:
    spec = EvaluationSpec(
        ks=(k,), select=f"HR@{k}", candidates=candidates, mask_history=mask_history
    )
    for name, value in chance(dataset, split, spec).items():
        by_user = [
            0.0 if is_masked else np.mean(per_user(name, range(1, len(others) + 2)))
            for _, others, is_masked in loop_tasks(dataset, split, spec)
        ]
        assert value == pytest.approx(np.mean(by_user))


def test_chance_by_hand() -> None:
    dataset = dataset_of([[1, 2, 3, 4]], num_items=10)
    at_2 = EvaluationSpec(ks=(2, 10), select="HR@10")
    assert chance(dataset, "valid", at_2)["HR@2"] == pytest.approx(2 / 8)
    assert chance(dataset, "valid", at_2)["NDCG@2"] == pytest.approx((1 + 1 / log2(3)) / 8)
    assert chance(dataset, "test", at_2)["HR@10"] == pytest.approx(1.0)


def test_without_a_masked_history_favourites_are_found_by_popularity_and_chance() -> None:
    # Train lists [1, 2], [1, 3]: scores 1: 2, 2: 1, 3: 1, 4: 0. Both test targets are repeats.
    dataset = dataset_of([[1, 2, 4, 1], [1, 3, 4, 3]], num_items=4)
    open_spec = EvaluationSpec(ks=(1, 9), select="HR@1", mask_history=False)
    ranking = popularity(dataset, "test", open_spec)
    assert (ranking.ranks.tolist(), ranking.num_forced_misses) == ([1, 3], 0)
    assert chance(dataset, "test", open_spec)["HR@1"] == pytest.approx(1 / 4)
    assert chance(dataset, "test", open_spec)["HR@9"] == 1
    masked = EvaluationSpec(ks=(1, 9), select="HR@1")
    assert popularity(dataset, "test", masked).metrics["HR@9"] == 0
    assert chance(dataset, "test", masked)["HR@9"] == 0


def test_with_trained_candidates_a_new_target_is_ranked_against_them_and_itself() -> None:
    # Train lists [1, 2] and [3, 5]; the test targets are 4, which is new, and 2.
    dataset = dataset_of([[1, 2, 6, 4], [3, 5, 1, 2]], num_items=9)
    ranking = popularity(dataset, "test", EvaluationSpec(candidates="trained"))
    # Of the first user, 3 and 5 rank above 4; of the second, only 2 does.
    assert ranking.ranks.tolist() == [3, 1]
    spec = EvaluationSpec(ks=(1,), select="HR@1", candidates="trained")
    assert chance(dataset, "test", spec)["HR@1"] == pytest.approx((1 / 3 + 1) / 2)
