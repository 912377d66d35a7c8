from math import log2

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from morec.metrics import TargetRanks, hit_rate, metrics_of, ndcg, rank_targets

all_ranks = st.lists(st.integers(1, 40), min_size=1, max_size=30).map(np.array)
cutoffs = st.integers(1, 20)


def ranked(
    scores: list[list[float]], targets: list[int], histories: list[list[int]]
) -> TargetRanks:
    rows = [row for row, history in enumerate(histories) for _ in history]
    items = [item for history in histories for item in history]
    return rank_targets(
        torch.tensor(scores),
        torch.tensor(targets),
        torch.tensor(rows, dtype=torch.long),
        torch.tensor(items, dtype=torch.long),
    )


def rank_by_sorting(scores: list[float], target: int, history: list[int]) -> int:
    """The target's place among the candidates, behind everything that scores the same."""
    if target in history:
        return len(scores) + 1
    candidates = [item for item in range(1, len(scores) + 1) if item not in history]
    ordered = sorted(candidates, key=lambda item: (-scores[item - 1], item == target))
    return ordered.index(target) + 1


@st.composite
def users(draw: st.DrawFn) -> tuple[list[list[float]], list[int], list[list[int]]]:
    """Scores of few values, so that ties are common; any history, also with the target in it."""
    num_users, num_items = draw(st.integers(1, 4)), draw(st.integers(1, 8))
    some_items = st.integers(1, num_items)
    score = st.sampled_from([-1.5, 0.0, 0.5, 2.0])
    scores = st.lists(score, min_size=num_items, max_size=num_items)
    return (
        draw(st.lists(scores, min_size=num_users, max_size=num_users)),
        draw(st.lists(some_items, min_size=num_users, max_size=num_users)),
        draw(st.lists(st.lists(some_items, max_size=5), min_size=num_users, max_size=num_users)),
    )


@given(users())
def test_ranks_are_those_of_a_sort_with_ties_before_the_target(case):
    scores, targets, histories = case
    expected = [rank_by_sorting(*user) for user in zip(scores, targets, histories, strict=True)]
    assert ranked(*case).ranks_B.tolist() == expected


@given(users(), st.floats(-8, 8).map(lambda shift: round(shift * 4) / 4))
def test_a_shift_of_all_scores_changes_nothing(case, shift: float):
    scores, targets, histories = case
    shifted = [[score + shift for score in row] for row in scores]
    for before, after in zip(ranked(*case), ranked(shifted, targets, histories), strict=True):
        assert torch.equal(before, after)


def test_all_equal_scores_rank_the_target_last():
    result = ranked([[1.0] * 5], [2], [[]])
    assert (result.ranks_B.tolist(), result.tied_B.tolist()) == ([5], [4])


def test_masked_items_neither_outrank_nor_tie():
    result = ranked([[9.0, 1.0, 1.0, 0.0]], [2], [[1, 3]])
    assert (result.ranks_B.tolist(), result.tied_B.tolist()) == ([1], [0])


def test_a_target_in_its_own_history_is_a_miss_behind_all_items():
    result = ranked([[9.0, 1.0, 1.0]], [1], [[1]])
    assert result.is_hidden_B.tolist() == [True]
    assert (result.ranks_B.tolist(), result.tied_B.tolist()) == ([4], [0])


def test_hit_rate_counts_rank_10_but_not_11():
    assert hit_rate(np.array([10]), 10) == 1.0
    assert hit_rate(np.array([11]), 10) == 0.0
    assert hit_rate(np.array([1, 10, 11, 400]), 10) == 2 / 4


def test_ndcg_discounts_by_the_logarithm_of_the_rank():
    assert ndcg(np.array([1]), 10) == 1.0
    assert ndcg(np.array([2]), 10) == pytest.approx(1 / log2(3))
    assert ndcg(np.array([3]), 10) == pytest.approx(1 / log2(4))
    assert ndcg(np.array([10, 11]), 10) == pytest.approx((1 / log2(11) + 0) / 2)


def test_metrics_are_named_after_their_cutoffs():
    assert metrics_of(np.array([2, 30]), (1, 5)) == {
        "HR@1": 0.0,
        "HR@5": 1 / 2,
        "NDCG@1": 0.0,
        "NDCG@5": pytest.approx((1 / log2(3)) / 2),
    }


@given(all_ranks, cutoffs)
def test_ndcg_is_at_most_the_hit_rate(ranks, k: int):
    assert 0 <= ndcg(ranks, k) <= hit_rate(ranks, k) <= 1


@given(all_ranks, cutoffs)
def test_both_grow_with_k(ranks, k: int):
    assert hit_rate(ranks, k) <= hit_rate(ranks, k + 1)
    assert ndcg(ranks, k) <= ndcg(ranks, k + 1)


@given(all_ranks)
def test_at_k_1_both_are_the_share_of_first_places(ranks):
    assert hit_rate(ranks, 1) == ndcg(ranks, 1) == np.mean(ranks == 1)
