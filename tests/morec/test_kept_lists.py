"""Which lists are kept, from whatever batches and workers they come."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morec.kept_lists import KEPT_LISTS, PLACES, KeptLists, ListKeeper, users_kept
from morec.results import Evaluation


def test_all_users_are_kept_up_to_the_limit_and_so_many_drawn_above_it() -> None:
    assert users_kept(5, 5).tolist() == [0, 1, 2, 3, 4]
    drawn = users_kept(1_000, 100)
    assert len(set(drawn.tolist())) == 100
    assert drawn.tolist() == sorted(drawn)
    assert users_kept(1_000, 100).tolist() == drawn.tolist()
    # Of a uniform draw: the mean is 499.5, its deviation 289 / 10 * sqrt(0.9).
    assert abs(drawn.mean() - 499.5) < 4 * 27.4


@given(
    st.integers(1, 30), st.integers(1, 40), st.integers(1, 7), st.integers(1, 3), st.integers(2, 14)
)
def test_lists_are_those_of_their_users_whatever_the_batches_and_workers(
    num_users: int, limit: int, batch: int, num_workers: int, width: int
) -> None:
    items_UK = 1 + np.arange(num_users * width).reshape(num_users, width)
    targets_U = 7 * np.arange(num_users) + 3
    keepers = [ListKeeper(num_users, limit) for _ in range(num_workers)]
    for number, first in enumerate(range(0, num_users, batch)):
        rows = slice(first, first + batch)
        keepers[number % num_workers].add(first, targets_U[rows], items_UK[rows])
    busy = [keeper.rows for keeper in keepers]
    kept = keepers[0].joined(busy)
    users = users_kept(num_users, limit)
    assert kept.users_V.tolist() == users.tolist()
    assert kept.targets_V.tolist() == targets_U[users].tolist()
    assert kept.items_VK.tolist() == items_UK[users, :PLACES].tolist()
    assert (kept.packed_users == "") == (num_users <= limit)
    assert KeptLists.model_validate_json(kept.model_dump_json()) == kept


def test_lists_of_the_largest_study_take_less_than_600_kb_of_a_record() -> None:
    """Random items of a catalogue of a million, the worst that zlib can meet."""
    draw = np.random.default_rng(0)
    keeper = ListKeeper(KEPT_LISTS, KEPT_LISTS)
    items_UK = draw.integers(1, 10**6, (KEPT_LISTS, PLACES))
    keeper.add(0, items_UK[:, 0], items_UK)
    assert len(keeper.joined([keeper.rows]).model_dump_json()) < 600_000


def test_a_record_without_lists_is_read_as_before() -> None:
    plain = {"metrics": {}, "num_users": 1, "num_tied": 0, "num_forced_misses": 0}
    text = json.dumps(plain | {"packed_ranks": ""})
    assert Evaluation.model_validate_json(text).kept_lists is None


@pytest.mark.parametrize("cut", ["packed_items", "packed_targets"])
def test_lists_that_were_cut_off_are_an_error(cut: str) -> None:
    keeper = ListKeeper(2, 2)
    keeper.add(0, np.array([1, 2]), np.array([[1, 2], [2, 1]]))
    kept = keeper.joined([keeper.rows])
    broken = kept.model_copy(update={cut: getattr(kept, cut)[:-8]})
    with pytest.raises(Exception, match=r"the text was cut off"):
        _ = broken.items_VK, broken.targets_V
