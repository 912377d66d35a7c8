from math import log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morec.data.dataset import Dataset
from morec.data.references import (
    chance_hit_rate,
    chance_ndcg,
    popularity_ranking,
    popularity_ranks,
)
from morec.data.splits import Split
from tests.morec.data.hand_made import dataset_of, datasets, quick, windows_of

splits: st.SearchStrategy[Split] = st.sampled_from(["valid", "test"])


def loop_tasks(dataset: Dataset, split: Split) -> list[tuple[int, set[int]]]:
    """Every user's target and masked items."""
    from_end = {"valid": 2, "test": 1}[split]
    return [(window[-from_end], set(window[:-from_end])) for window in windows_of(dataset)]


def loop_ranking(dataset: Dataset, split: Split) -> tuple[list[int], int, int]:
    scores = [0] * (dataset.num_items + 1)
    for window in windows_of(dataset):
        for item in window[:-2]:
            scores[item] += 1
    ranks, num_tied, num_forced = [], 0, 0
    for target, history in loop_tasks(dataset, split):
        others = set(range(1, dataset.num_items + 1)) - history - {target}
        higher = sum(scores[item] > scores[target] for item in others)
        equal = sum(scores[item] == scores[target] for item in others)
        forced = target in history
        ranks.append(dataset.num_items + 1 if forced else 1 + higher + equal)
        num_tied += not forced and equal > 0
        num_forced += forced
    return ranks, num_tied, num_forced


@quick
@given(datasets(), splits)
def test_popularity_ranks_are_those_of_a_loop_over_users_and_items(
    dataset: Dataset, split: Split
) -> None:
    ranking = popularity_ranking(dataset, split)
    found = (ranking.ranks_U.tolist(), ranking.num_tied, ranking.num_forced_misses)
    assert found == loop_ranking(dataset, split)
    assert popularity_ranks(dataset, split).tolist() == ranking.ranks_U.tolist()


def test_popularity_ranks_by_hand() -> None:
    # Train lists [1, 2], [1, 3], [1, 2]: scores 1: 3, 2: 2, 3: 1, 4: 0, 5: 0.
    dataset = dataset_of([[1, 2, 3, 4], [1, 3, 2, 4], [1, 2, 1, 5]], num_items=5)
    valid = popularity_ranking(dataset, "valid")
    assert valid.ranks_U.tolist() == [1, 1, 5 + 1]
    assert (valid.num_tied, valid.num_forced_misses) == (0, 1)
    # Left to rank: {4, 5}, {4, 5}, {3, 4, 5}; 4 and 5 share a score of 0.
    test = popularity_ranking(dataset, "test")
    assert test.ranks_U.tolist() == [2, 2, 3]
    assert (test.num_tied, test.num_forced_misses) == (3, 0)


@quick
@given(datasets(), splits, st.integers(1, 15))
def test_chance_is_the_mean_over_every_rank_the_target_could_have(
    dataset: Dataset, split: Split, k: int
) -> None:
    hits, gains = [], []
    for target, history in loop_tasks(dataset, split):
        num_candidates = 0 if target in history else dataset.num_items - len(history)
        ranks = range(1, num_candidates + 1)
        hits.append(np.mean([rank <= k for rank in ranks]) if ranks else 0.0)
        gains.append(np.mean([(rank <= k) / log2(rank + 1) for rank in ranks]) if ranks else 0.0)
    assert chance_hit_rate(dataset, split, k) == pytest.approx(np.mean(hits))
    assert chance_ndcg(dataset, split, k) == pytest.approx(np.mean(gains))


def test_chance_by_hand() -> None:
    dataset = dataset_of([[1, 2, 3, 4]], num_items=10)
    assert chance_hit_rate(dataset, "valid", 2) == pytest.approx(2 / 8)
    assert chance_ndcg(dataset, "valid", 2) == pytest.approx((1 + 1 / log2(3)) / 8)
    assert chance_hit_rate(dataset, "test", 10) == pytest.approx(1.0)
