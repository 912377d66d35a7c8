"""Kept lists against ranks by hand, and every way in which they can be wrong."""

from typing import Any

import numpy as np
import pytest

from morec.kept_lists import KeptLists
from morec.metrics import NEVER_FOUND
from morec.packing import pack_integers
from morec.results import Evaluation, TrialResult, pack_ranks
from tests.morec.tiny_trials import tiny_config
from tune_space.commands.audit_lists import kept_items, list_problems, target_problems

RANKS = [2, 7, 1, NEVER_FOUND]
TARGETS = [5, 6, 8, 9]
LISTS = [[4, 5, 3], [1, 2, 3], [8, 1, 0], [1, 2, 3]]
"""Of four users; the last one's target is hidden."""


def kept(lists: list[list[int]] = LISTS, **changes: Any) -> KeptLists:
    fields = {
        "places": 3,
        "num_users": len(lists),
        "packed_targets": pack_integers(TARGETS[: len(lists)]),
        "packed_items": pack_integers(lists),
    }
    return KeptLists(**(fields | changes))


def problems(lists: KeptLists | None, ranks: list[int] = RANKS) -> list[str]:
    result = Evaluation(
        metrics={},
        num_users=len(ranks),
        num_tied=0,
        num_forced_misses=1,
        kept_lists=lists,
        packed_ranks=pack_ranks(np.array(ranks)),
    )
    return list(list_problems(result))


def test_lists_that_have_the_target_at_its_rank_and_nowhere_else_pass() -> None:
    assert problems(kept()) == []
    assert problems(None) == []


def test_lists_of_some_users_are_compared_with_the_ranks_of_these_users() -> None:
    some = {"packed_users": pack_integers([0, 2])}
    own = {"packed_targets": pack_integers([5, 8])}
    assert problems(kept([LISTS[0], LISTS[2]], **some, **own)) == []
    (found,) = problems(kept([LISTS[2], LISTS[0]], **some, **own))
    assert found.startswith("2 kept lists contradict the ranks: in list 0 the target stands at")


@pytest.mark.parametrize(
    ("row", "items", "expected"),
    [
        (0, [5, 4, 3], "at places [1], its rank is 2"),
        (0, [4, 1, 3], "at places [], its rank is 2"),
        (1, [1, 6, 3], "at places [2], its rank is 7"),
        (3, [9, 1, 2], f"at places [1], its rank is {NEVER_FOUND}"),
    ],
)
def test_a_target_at_another_place_is_off(row: int, items: list[int], expected: str) -> None:
    lists = [*LISTS[:row], items, *LISTS[row + 1 :]]
    start = f"1 kept lists contradict the ranks: in list {row} the target stands "
    assert problems(kept(lists)) == [start + expected]


def test_the_first_of_several_lists_with_a_target_at_another_place_is_told() -> None:
    lists = [LISTS[0], [6, 6, 3], [1, 8, 0], [9, 1, 9]]
    (found, _) = problems(kept(lists))
    assert found == (
        "3 kept lists contradict the ranks: in list 1 the target stands at places [1, 2], its "
        "rank is 7"
    )


@pytest.mark.parametrize("items", [[1, 1, 2], [1, 2, 1], [1, 0, 2], [2, 0, 1], [0, 1, 2]])
def test_an_item_twice_or_behind_an_empty_place_is_off(items: list[int]) -> None:
    expected = "1 kept lists name an item twice, or go on behind an empty place"
    assert problems(kept([*LISTS[:3], items])) == [expected]


def test_every_list_with_an_item_twice_or_behind_an_empty_place_counts_once() -> None:
    lists = [LISTS[0], [3, 3, 3], [8, 0, 8], [3, 4, 4]]
    assert problems(kept(lists))[-1] == (
        "3 kept lists name an item twice, or go on behind an empty place"
    )


@pytest.mark.parametrize("items", [[8, 0, 0], [8, 1, 0]])
def test_empty_places_at_the_end_of_a_list_pass(items: list[int]) -> None:
    assert problems(kept([*LISTS[:2], items, LISTS[3]])) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"num_users": 10**18}, f"its kept lists are of {10**18} users; the split has 4"),
        ({"packed_items": "AAAA"}, "its kept lists cannot be unpacked"),
        ({"places": 4}, "its kept lists are 12 numbers, not 16"),
        ({"packed_targets": pack_integers([5])}, "its kept lists are 1 numbers, not 4"),
        ({"packed_users": pack_integers([0, 1, 2])}, "its kept lists are 3 numbers, not 4"),
        (
            {"packed_users": pack_integers([0, 1, 1, 3])},
            "its kept lists are not in the order of the users, each once",
        ),
        (
            {"packed_users": pack_integers([0, 1, 2, 4])},
            "its kept lists have a user 4; the split has 4 users",
        ),
    ],
)
def test_what_can_be_no_lists_is_off(changes: dict[str, Any], expected: str) -> None:
    (found,) = problems(kept(**changes))
    assert found.startswith(expected)


def trial(name: str, targets: list[int], users: list[int]) -> TrialResult:
    """A trial that kept a list of each of these users, who have these targets."""
    lists = kept(
        LISTS[: len(targets)],
        num_users=len(targets),
        packed_users=pack_integers(users),
        packed_targets=pack_integers(targets),
    )
    test = Evaluation(
        metrics={},
        num_users=4,
        num_tied=0,
        num_forced_misses=0,
        kept_lists=lists,
        packed_ranks=pack_ranks(np.array(RANKS)),
    )
    return TrialResult.model_construct(trial_id=name, config=tiny_config(), test=test)


def test_trials_that_mean_other_targets_of_the_same_users_are_named() -> None:
    untested = TrialResult.model_construct(trial_id="u", config=tiny_config(), test=None)
    first, second = trial("a", [5, 6], [0, 1]), trial("b", [8, 9], [2, 3])
    assert first.test is not None
    unkept = first.model_copy(update={"test": first.test.model_copy(update={"kept_lists": None})})
    assert list(target_problems([first, untested, unkept, first, second, second])) == []
    other = trial("c", [5, 7, 8, 1], [0, 1, 2, 3])
    expected = ["c: test: 2 targets are not those of other trials"]
    assert list(target_problems([first, second, other, untested, first, second])) == expected
    assert list(target_problems([untested, unkept, first, second, other])) == expected


def test_every_place_of_every_list_has_a_name() -> None:
    named = kept_items(kept([[4, 5, 3]], packed_users=pack_integers([2])))
    assert named == {
        "place 1 in the list of user 2": 4,
        "place 2 in the list of user 2": 5,
        "place 3 in the list of user 2": 3,
    }
