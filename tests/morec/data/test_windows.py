"""Windows agree with a loop over users; every rule's order and count is checked."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morec.config import FilesSpec
from morec.data.interactions import Interactions, from_rows
from morec.data.windows import Windows, cut_windows
from morec.errors import DataError
from tests.morec.data.hand_made import quick

Row = tuple[int, int, int]

rows = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 9), st.integers(0, 30)), min_size=1, max_size=80
)


def spec_of(
    max_seq_len: int = 20, min_seq_len: int = 3, warm: int = 0, max_users: int | None = None
) -> FilesSpec:
    return FilesSpec(
        kind="files",
        interactions="x.csv",
        max_seq_len=max_seq_len,
        min_seq_len=min_seq_len,
        warm=warm,
        max_users=max_users,
        ties="file",
    )


def interactions_of(triples: list[Row], num_items: int = 10) -> Interactions:
    table = pd.DataFrame(triples, columns=["user", "item", "timestamp"])
    table["item"] = table["item"].astype(str)
    return from_rows(table, [str(item) for item in range(num_items)], repeats="keep")


def users_of(*item_lists: list[int]) -> list[Row]:
    """One user per list; the place in the list is the time."""
    return [
        (user, item, time)
        for user, items in enumerate(item_lists)
        for time, item in enumerate(items)
    ]


def raw_windows(windows: Windows) -> list[list[int]]:
    """Windows in catalogue codes."""
    lists = np.split(windows.item_ids, windows.offsets_U1[1:-1])
    return [windows.kept_items[window - 1].tolist() for window in lists]


def loop_windows(triples: list[Row], spec: FilesSpec) -> list[list[int]]:
    """The rules as a loop over users."""
    totals = Counter(item for _, item, _ in triples)
    histories: dict[int, list[tuple[int, int]]] = {}
    for user, item, time in triples:
        histories.setdefault(user, [])
        if totals[item] >= spec.warm:
            histories[user].append((time, item))
    windows = []
    for history in histories.values():
        if len(history) >= spec.min_seq_len:
            in_time = sorted(history, key=lambda pair: pair[0])
            windows.append([item for _, item in in_time][-(spec.max_seq_len + 3) :])
    return windows


@quick
@given(rows, st.integers(1, 6), st.integers(3, 7), st.integers(0, 6))
def test_windows_are_those_of_a_loop_over_users(
    triples: list[Row], max_seq_len: int, min_seq_len: int, warm: int
) -> None:
    spec = spec_of(max_seq_len, min_seq_len, warm)
    expected = loop_windows(triples, spec)
    if not expected:
        with pytest.raises(DataError, match="no user is left"):
            cut_windows(interactions_of(triples), spec)
        return
    assert raw_windows(cut_windows(interactions_of(triples), spec)) == expected


@quick
@given(rows, st.integers(1, 3), st.integers(0, 4), st.integers(1, 6))
def test_every_interaction_and_item_is_kept_or_counted_as_dropped(
    triples: list[Row], max_seq_len: int, warm: int, max_users: int
) -> None:
    # The option starts at 10 users; the rule does not.
    spec = spec_of(max_seq_len, warm=warm).model_copy(update={"max_users": max_users})
    interactions = interactions_of(triples)
    try:
        windows = cut_windows(interactions, spec)
    except DataError:
        return
    counts = windows.counts
    assert len(windows.offsets_U1) - 1 <= max_users
    assert len(interactions.user_names) == (
        counts["users_below_minimum"] + counts["users_not_drawn"] + len(windows.offsets_U1) - 1
    )
    assert counts["rows_read"] == (
        counts["interactions_dropped_by_warm"]
        + counts["interactions_of_dropped_users"]
        + counts["interactions_of_users_not_drawn"]
        + counts["interactions_outside_windows"]
        + counts["interactions"]
    )
    assert (
        len(windows.kept_items)
        + (
            counts["items_without_interactions"]
            + counts["items_dropped_by_warm"]
            + counts["items_outside_windows"]
        )
        == 10
    )


def test_the_minimum_is_tested_before_the_window_is_cut() -> None:
    triples = users_of([0, 1, 2, 3, 4], [5, 6, 7, 8])
    windows = cut_windows(interactions_of(triples), spec_of(max_seq_len=1, min_seq_len=5))
    assert raw_windows(windows) == [[1, 2, 3, 4]]
    assert windows.counts["users_below_minimum"] == 1
    assert windows.counts["interactions_of_dropped_users"] == 4
    assert windows.counts["items_outside_windows"] == 5
    assert windows.counts["items_without_interactions"] == 1


def test_kept_items_are_numbered_from_1_in_catalogue_order() -> None:
    windows = cut_windows(interactions_of(users_of([9, 2, 5])), spec_of())
    assert windows.kept_items.tolist() == [2, 5, 9]
    assert windows.item_ids.tolist() == [3, 1, 2]
    assert windows.item_ids.dtype == np.int32


def test_ties_in_time_keep_file_order_and_are_counted() -> None:
    triples = [(0, 3, 7), (0, 1, 7), (1, 8, 7), (0, 2, 7), (0, 0, 1), (1, 8, 8), (1, 9, 9)]
    windows = cut_windows(interactions_of(triples), spec_of())
    assert raw_windows(windows) == [[0, 3, 1, 2], [8, 8, 9]]
    assert windows.counts["time_ties"] == 2


def test_warm_counts_once_before_users_are_dropped() -> None:
    # Item 1 reaches 2 only with the user whom the minimum drops afterwards: it stays.
    triples = users_of([0, 1, 2, 3], [0, 2, 3], [1, 9])
    windows = cut_windows(interactions_of(triples), spec_of(warm=2))
    assert raw_windows(windows) == [[0, 1, 2, 3], [0, 2, 3]]
    assert windows.counts["items_dropped_by_warm"] == 1
    assert windows.counts["interactions_dropped_by_warm"] == 1
    assert windows.counts["users_below_minimum"] == 1


def test_the_error_without_users_names_the_rules_that_dropped_them() -> None:
    with pytest.raises(DataError) as error:
        cut_windows(interactions_of(users_of([0, 1], [0, 2])), spec_of(min_seq_len=5, warm=2))
    assert str(error.value) == (
        "dataset files: no user is left with min_seq_len 5 and warm 2: rows_read 4, "
        "items_without_interactions 7, items_dropped_by_warm 2, "
        "items_outside_windows 1, interactions_dropped_by_warm 2, users_below_minimum 2, "
        "interactions_of_dropped_users 2"
    )


@quick
@given(rows, st.integers(0, 6), st.integers(3, 6))
def test_warm_is_the_same_as_a_file_without_the_items_below_n(
    triples: list[Row], warm: int, min_seq_len: int
) -> None:
    """Counted once: what the minimum drops afterwards makes no further item cold."""
    totals = Counter(item for _, item, _ in triples)
    left = [row for row in triples if totals[row[1]] >= warm]
    try:
        expected = raw_windows(cut_windows(interactions_of(left), spec_of(min_seq_len=min_seq_len)))
    except DataError:
        expected = []
    try:
        spec = spec_of(min_seq_len=min_seq_len, warm=warm)
        found = raw_windows(cut_windows(interactions_of(triples), spec))
    except DataError:
        found = []
    # Users are numbered by their first row, which may have been of an item that fell away.
    assert sorted(found) == sorted(expected)


def test_warm_0_and_1_drop_nothing() -> None:
    triples = users_of([0, 1, 2, 3], [4, 5, 6])
    for warm in (0, 1):
        windows = cut_windows(interactions_of(triples), spec_of(warm=warm))
        assert raw_windows(windows) == [[0, 1, 2, 3], [4, 5, 6]]


def many_users(names: Sequence[int]) -> list[Row]:
    """Users of 3 items that identify the user; one user in ten is too short."""
    return [
        (user, item, time)
        for user in names
        for time, item in enumerate(
            [user // 10, 100 + user % 10, 110][: 2 if user % 10 == 0 else 3]
        )
    ]


def drawn_users(triples: list[Row], max_users: int) -> set[tuple[int, ...]]:
    spec = spec_of(max_users=max_users)
    windows = cut_windows(interactions_of(triples, num_items=120), spec)
    return {tuple(window) for window in raw_windows(windows)}


def test_users_are_drawn_of_those_that_are_long_enough() -> None:
    windows = cut_windows(
        interactions_of(many_users(range(200)), num_items=120), spec_of(max_users=50)
    )
    assert len(windows.offsets_U1) - 1 == 50
    assert windows.counts["users_below_minimum"] == 20
    assert windows.counts["users_not_drawn"] == 200 - 20 - 50
    assert windows.counts["interactions_of_users_not_drawn"] == 3 * 130


def test_the_drawn_users_do_not_depend_on_the_order_of_the_rows() -> None:
    names = list(range(200))
    shuffled = np.random.default_rng(0).permutation(names).tolist()
    drawn = drawn_users(many_users(names), 50)
    assert drawn_users(many_users(shuffled), 50) == drawn
    # A draw, not the first of the file.
    assert drawn != drawn_users(many_users(range(60)), 50)
    assert len({window[0] for window in drawn}) > 15


def test_a_draw_of_fewer_users_is_part_of_a_draw_of_more() -> None:
    triples = many_users(range(200))
    assert drawn_users(triples, 20) < drawn_users(triples, 50) < drawn_users(triples, 1000)
    assert len(drawn_users(triples, 1000)) == 180


def test_users_are_drawn_before_items_are_counted_and_after_warm_is() -> None:
    triples = many_users(range(200))
    windows = cut_windows(
        interactions_of(triples, num_items=120), spec_of(max_users=10, warm=10, min_seq_len=3)
    )
    # Every item has 10 interactions in the full data, most have none in ten windows.
    assert windows.counts["items_dropped_by_warm"] == 0
    assert windows.counts["items_outside_windows"] > 0
    assert len(windows.kept_items) == len(np.unique(windows.item_ids))


@quick
@given(rows, st.integers(1, 4), st.integers(0, 3), st.sampled_from([1, 10**3, 10**6, 10**9]))
def test_ages_count_from_the_first_interaction_of_anyone(
    triples: list[Row], max_seq_len: int, warm: int, ticks_per_s: int
) -> None:
    clocked = [(user, item, (1_600_000_000 + time) * ticks_per_s) for user, item, time in triples]
    first: dict[int, int] = {}
    for _, item, time in triples:
        first[item] = min(time, first.get(item, time))
    try:
        windows = cut_windows(interactions_of(clocked), spec_of(max_seq_len, warm=warm))
    except DataError:
        return
    assert windows.ages_s is not None
    histories: dict[int, list[tuple[int, int]]] = {}
    totals = Counter(item for _, item, _ in triples)
    for user, item, time in triples:
        histories.setdefault(user, [])
        if totals[item] >= warm:
            histories[user].append((time, item))
    expected = [
        (time, item)
        for history in histories.values()
        if len(history) >= 3
        for time, item in sorted(history, key=lambda pair: pair[0])[-(max_seq_len + 3) :]
    ]
    assert windows.ages_s.tolist() == [time - first[item] for time, item in expected]
    assert windows.times_s is not None
    assert windows.times_s.tolist() == [1_600_000_000 + time for time, _ in expected]


def test_times_that_are_no_clock_times_give_neither_ages_nor_times() -> None:
    windows = cut_windows(interactions_of(users_of([0, 1, 2])), spec_of())
    assert (windows.ages_s, windows.times_s) == (None, None)
