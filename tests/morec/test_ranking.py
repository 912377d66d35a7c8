"""Ranks under full ranking: those of a sort with ties before the target, history masked."""

from collections.abc import Sequence
from math import log2

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from morec.metrics import NEVER_FOUND, metrics_of
from morec.ranking import ROWS_SORTED, TargetRanks, _sorted_columns, rank_targets, top_items


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
        return NEVER_FOUND
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
        assert result.ranks_B.tolist() == [NEVER_FOUND]


def test_all_equal_scores_rank_the_target_last() -> None:
    result = ranked([[1.0] * 5], [2], [[]])
    assert (result.ranks_B.tolist(), result.tied_B.tolist()) == ([5], [4])


def test_masked_items_neither_outrank_nor_tie() -> None:
    result = ranked([[9.0, 1.0, 1.0, 0.0]], [2], [[1, 3]])
    assert (result.ranks_B.tolist(), result.tied_B.tolist()) == ([1], [0])


def test_a_target_in_its_own_history_is_never_found_and_ties_with_nothing() -> None:
    result = ranked([[9.0, 9.0, 1.0]], [1], [[1]])
    assert (result.ranks_B.tolist(), result.tied_B.tolist()) == ([NEVER_FOUND], [0])


def metrics_by_loop(
    scores: list[list[float]], targets: list[int], histories: list[list[int]], k: int
) -> dict[str, float]:
    """HR, NDCG and MRR of sorted lists that hold what may be recommended, cut off at k."""
    hits, gains, places = [], [], []
    for row, target, history in zip(scores, targets, histories, strict=True):
        left = [item for item in range(1, len(row) + 1) if item not in history]
        top = sorted(left, key=lambda item: (-row[item - 1], item == target))[:k]
        hits.append(float(target in top))
        gains.append(1 / log2(top.index(target) + 2) if target in top else 0.0)
        places.append(1 / (top.index(target) + 1) if target in top else 0.0)
    found = {"HR": hits, "NDCG": gains, "MRR": places}
    return {f"{name}@{k}": sum(values) / len(values) for name, values in found.items()}


@given(users())
def test_metrics_at_every_k_up_to_three_catalogues_are_those_of_sorted_lists(case) -> None:
    for k in range(1, 3 * len(case[0][0]) + 1):
        expected = metrics_by_loop(*case, k)
        assert metrics_of(ranked(*case).ranks_B.numpy(), (k,)) == pytest.approx(expected)


def lists(
    scores: list[list[float]],
    targets: list[int],
    histories: list[list[int]],
    candidates: Sequence[int],
    k: int,
) -> tuple[list[list[int]], list[int]]:
    """Every user's list, and the target's rank."""
    rows = [row for row, history in enumerate(histories) for _ in history]
    items = [item for history in histories for item in history]
    every = range(1, len(scores[0]) + 1)
    scores_BN, targets_B = torch.tensor(scores), torch.tensor(targets)
    ranks = rank_targets(
        scores_BN,
        targets_B,
        torch.tensor(rows, dtype=torch.long),
        torch.tensor(items, dtype=torch.long),
        torch.tensor([item in candidates for item in every]),
    )
    return top_items(scores_BN, targets_B, k).tolist(), ranks.ranks_B.tolist()


def list_by_sorting(
    scores: list[float], target: int, history: list[int], candidates: Sequence[int], k: int
) -> list[int]:
    """What is left, by score; of equal ones the target last, then by item id; then empty places."""
    left = [item for item in {*candidates, target} if item not in history]
    best = sorted(left, key=lambda item: (-scores[item - 1], item == target, item))[:k]
    return best + [0] * (min(k, len(scores)) - len(best))


@given(users(), st.lists(st.integers(1, 8)), st.integers(1, 9))
def test_a_list_is_the_head_of_a_sort_and_holds_the_target_where_its_rank_is_at_most_k(
    case, some: list[int], k: int
) -> None:
    for candidates in (range(1, len(case[0][0]) + 1), [i for i in some if i <= len(case[0][0])]):
        found, ranks = lists(*case, candidates, k)
        assert found == [list_by_sorting(*user, candidates, k) for user in zip(*case, strict=True)]
        is_hit = [target in items for target, items in zip(case[1], found, strict=True)]
        assert is_hit == [rank <= k for rank in ranks]


def test_more_users_with_ties_than_are_sorted_at_once_have_the_lists_of_each_alone() -> None:
    num_users = 2 * ROWS_SORTED + 1
    scores = [[1.0, 2.0, 2.0, 2.0, float(user % 3)] for user in range(num_users)]
    targets = [2 + user % 3 for user in range(num_users)]
    found, _ = lists(scores, targets, [[] for _ in scores], range(1, 6), 2)
    alone = [
        lists([row], [target], [[]], range(1, 6), 2)[0][0]
        for row, target in zip(scores, targets, strict=True)
    ]
    assert found == alone


@pytest.mark.parametrize(("scores", "num_sorted"), [([3.0, 1, 2, 1], 0), ([3.0, 2, 2, 1], 1)])
def test_only_scores_with_a_tie_among_the_best_are_sorted_whole(
    scores: list[float], num_sorted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []

    def counted(scores_BN: torch.Tensor, targets_B: torch.Tensor) -> torch.Tensor:
        sizes.append(len(scores_BN))
        return _sorted_columns(scores_BN, targets_B)

    monkeypatch.setattr("morec.ranking._sorted_columns", counted)
    found, _ = lists([scores], [1], [[]], range(1, 5), 2)
    assert sum(sizes) == num_sorted
    assert found == [[1, 3 if num_sorted == 0 else 2]]
