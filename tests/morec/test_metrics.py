from collections.abc import Sequence
from math import log2

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from morec.data.slices import Slicing
from morec.metrics import TargetRanks, evaluation_of, hit_rate, metrics_of, ndcg, rank_targets
from morec.results import SliceMetrics

all_ranks = st.lists(st.integers(1, 40), min_size=1, max_size=30).map(np.array)
cutoffs = st.integers(1, 20)


def ranked(
    scores: list[list[float]],
    targets: list[int],
    histories: list[list[int]],
    candidates: Sequence[int] | None = None,
) -> TargetRanks:
    rows = [row for row, history in enumerate(histories) for _ in history]
    items = [item for history in histories for item in history]
    every = range(1, len(scores[0]) + 1)
    return rank_targets(
        torch.tensor(scores),
        torch.tensor(targets),
        torch.tensor(rows, dtype=torch.long),
        torch.tensor(items, dtype=torch.long),
        torch.tensor([item in (every if candidates is None else candidates) for item in every]),
    )


def rank_by_sorting(
    scores: list[float], target: int, history: list[int], candidates: Sequence[int]
) -> int:
    """The target's place among the candidates, behind everything that scores the same."""
    if target in history:
        return len(scores) + 1
    left = [item for item in {*candidates, target} if item not in history]
    ordered = sorted(left, key=lambda item: (-scores[item - 1], item == target))
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


@given(users(), st.lists(st.integers(1, 8)))
def test_ranks_are_those_of_a_sort_with_ties_before_the_target(case, some: list[int]) -> None:
    for candidates in (range(1, len(case[0][0]) + 1), [i for i in some if i <= len(case[0][0])]):
        expected = [
            rank_by_sorting(scores, target, history, candidates)
            for scores, target, history in zip(*case, strict=True)
        ]
        assert ranked(*case, candidates).ranks_B.tolist() == expected


@given(users(), st.floats(-8, 8).map(lambda shift: round(shift * 4) / 4))
def test_a_shift_of_all_scores_changes_nothing(case, shift: float) -> None:
    scores, targets, histories = case
    shifted = [[score + shift for score in row] for row in scores]
    for before, after in zip(ranked(*case), ranked(shifted, targets, histories), strict=True):
        assert torch.equal(before, after)


def test_items_that_are_no_candidates_neither_outrank_nor_tie() -> None:
    result = ranked([[9.0, 1.0, 1.0, 2.0]], [2], [[]], candidates=[2, 4])
    assert (result.ranks_B.tolist(), result.tied_B.tolist()) == ([2], [0])


def test_the_target_is_a_candidate_even_if_it_is_not_one_of_them() -> None:
    result = ranked([[0.0, 1.0, 1.0, 2.0]], [2], [[]], candidates=[3, 4])
    assert (result.ranks_B.tolist(), result.tied_B.tolist()) == ([3], [1])


def test_a_target_in_its_own_history_is_a_miss_among_any_candidates() -> None:
    for candidates in ([2, 3], [1, 2, 3], []):
        result = ranked([[9.0, 1.0, 1.0]], [1], [[1]], candidates)
        assert result.is_hidden_B.tolist() == [True]
        assert result.ranks_B.tolist() == [4]


def test_all_equal_scores_rank_the_target_last() -> None:
    result = ranked([[1.0] * 5], [2], [[]])
    assert (result.ranks_B.tolist(), result.tied_B.tolist()) == ([5], [4])


def test_masked_items_neither_outrank_nor_tie() -> None:
    result = ranked([[9.0, 1.0, 1.0, 0.0]], [2], [[1, 3]])
    assert (result.ranks_B.tolist(), result.tied_B.tolist()) == ([1], [0])


def test_a_target_in_its_own_history_is_a_miss_behind_all_items() -> None:
    result = ranked([[9.0, 1.0, 1.0]], [1], [[1]])
    assert result.is_hidden_B.tolist() == [True]
    assert (result.ranks_B.tolist(), result.tied_B.tolist()) == ([4], [0])


def test_hit_rate_counts_rank_10_but_not_11() -> None:
    assert hit_rate(np.array([10]), 10) == 1.0
    assert hit_rate(np.array([11]), 10) == 0.0
    assert hit_rate(np.array([1, 10, 11, 400]), 10) == 2 / 4


def test_ndcg_discounts_by_the_logarithm_of_the_rank() -> None:
    assert ndcg(np.array([1]), 10) == 1.0
    assert ndcg(np.array([2]), 10) == pytest.approx(1 / log2(3))
    assert ndcg(np.array([3]), 10) == pytest.approx(1 / log2(4))
    assert ndcg(np.array([10, 11]), 10) == pytest.approx((1 / log2(11) + 0) / 2)


def test_metrics_are_named_after_their_cutoffs() -> None:
    assert metrics_of(np.array([2, 30]), (1, 5)) == {
        "HR@1": 0.0,
        "HR@5": 1 / 2,
        "NDCG@1": 0.0,
        "NDCG@5": pytest.approx((1 / log2(3)) / 2),
    }


@given(all_ranks, cutoffs)
def test_ndcg_is_at_most_the_hit_rate(ranks, k: int) -> None:
    assert 0 <= ndcg(ranks, k) <= hit_rate(ranks, k) <= 1


@given(all_ranks, cutoffs)
def test_both_grow_with_k(ranks, k: int) -> None:
    assert hit_rate(ranks, k) <= hit_rate(ranks, k + 1)
    assert ndcg(ranks, k) <= ndcg(ranks, k + 1)


@given(all_ranks)
def test_at_k_1_both_are_the_share_of_first_places(ranks) -> None:
    assert hit_rate(ranks, 1) == ndcg(ranks, 1) == np.mean(ranks == 1)


# ---- the record


def test_a_record_holds_ranks_metrics_and_counts() -> None:
    record = evaluation_of(np.array([2, 30]), iter((1, 5)), (), num_tied=1, num_forced_misses=2)
    assert record.ranks.tolist() == [2, 30]
    assert record.metrics == metrics_of(np.array([2, 30]), (1, 5))
    assert (record.num_users, record.num_tied, record.num_forced_misses) == (2, 1, 2)
    assert record.slices == {}


def test_slices_are_the_metrics_of_their_users_in_the_order_of_the_labels() -> None:
    popularity = Slicing("popularity", ("new", "cold", "head"), np.array([2, 0, 2, 2]))
    history = Slicing("history", ("3-4", "5-9"), np.array([0, 0, 1, 1]))
    ranks_U = np.array([1, 7, 3, 20])
    slicings = (popularity, history)
    record = evaluation_of(ranks_U, iter((5,)), slicings, num_tied=0, num_forced_misses=0)
    expected = {
        "popularity": {"new": [7], "head": [1, 3, 20]},
        "history": {"3-4": [1, 7], "5-9": [3, 20]},
    }
    assert record.slices == {
        dimension: {
            label: SliceMetrics(num_users=len(ranks), metrics=metrics_of(np.array(ranks), (5,)))
            for label, ranks in parts.items()
        }
        for dimension, parts in expected.items()
    }
    assert list(record.slices["popularity"]) == ["new", "head"]


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 3)), min_size=1), cutoffs)
def test_slices_weighted_by_their_users_add_up_to_the_whole(users, k: int) -> None:
    ranks_U, codes_U = (np.array(column) for column in zip(*users, strict=True))
    slicing = Slicing("some", ("a", "b", "c", "d"), codes_U)
    record = evaluation_of(ranks_U, (k,), (slicing,), num_tied=0, num_forced_misses=0)
    parts = record.slices["some"].values()
    assert sum(part.num_users for part in parts) == len(users)
    for name, value in record.metrics.items():
        total = sum(part.num_users * part.metrics[name] for part in parts)
        assert total / len(users) == pytest.approx(value)
