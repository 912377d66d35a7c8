"""Raw rows become interactions by rules that count what they drop."""

import numpy as np
import pandas as pd
import pytest

from morec.data.clock import read_clock
from morec.data.interactions import Interactions, from_rows


def rows_of(*rows: tuple[object, object, object]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["user", "item", "timestamp"])


def triples(interactions: Interactions) -> list[tuple[str, str, int]]:
    codes = zip(interactions.user_ids, interactions.item_ids, interactions.timestamps, strict=True)
    return [
        (interactions.user_names[user], interactions.item_names[item], int(time))
        for user, item, time in codes
    ]


def test_rows_stay_in_file_order_and_codes_follow_first_appearance() -> None:
    interactions = from_rows(rows_of(("v", "b", 9), ("u", "a", 3), ("v", "a", 1)))
    assert triples(interactions) == [("v", "b", 9), ("u", "a", 3), ("v", "a", 1)]
    assert interactions.user_names == ["v", "u"]
    assert interactions.item_names == ["b", "a"]


def test_items_are_coded_in_catalogue_order_where_there_is_a_catalogue() -> None:
    interactions = from_rows(rows_of(("u", "b", 1), ("u", "a", 2)), ["a", "b", "c"])
    assert interactions.item_ids.tolist() == [1, 0]
    assert interactions.item_names == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("hole", "rule"),
    [
        ((None, "a", 2), "broken_rows"),
        (("u", None, 2), "broken_rows"),
        ((None, None, None), "broken_rows"),
        (("u", "a", None), "rows_without_time"),
    ],
)
def test_a_row_that_misses_a_value_is_dropped_and_counted(
    hole: tuple[object, ...], rule: str
) -> None:
    interactions = from_rows(rows_of(("u", "b", 1), hole))
    assert triples(interactions) == [("u", "b", 1)]
    assert interactions.counts["rows_read"] == 2
    dropped = {"broken_rows", "rows_without_time"} & {
        name for name, count in interactions.counts.items() if count
    }
    assert dropped == {rule}


def test_a_row_with_an_item_outside_the_catalogue_is_dropped_and_counted() -> None:
    interactions = from_rows(rows_of(("u", "b", 1), ("u", "x", 2)), ["a", "b"])
    assert triples(interactions) == [("u", "b", 1)]
    assert interactions.counts["unknown_item_rows"] == 1


def test_the_earliest_of_repeats_stays_in_any_order_of_the_file() -> None:
    interactions = from_rows(rows_of(("u", "a", 9), ("u", "b", 5), ("u", "a", 1), ("v", "a", 7)))
    assert triples(interactions) == [("u", "b", 5), ("u", "a", 1), ("v", "a", 7)]
    assert interactions.counts["repeated_interactions_dropped"] == 1


def test_kept_repeats_are_counted() -> None:
    rows = rows_of(("u", "a", 1), ("u", "a", 1), ("u", "a", 2))
    interactions = from_rows(rows, repeats="keep")
    assert len(interactions.item_ids) == 3
    assert interactions.counts["repeated_interactions_kept"] == 2


NOON_2023 = 1_672_574_400
"""1 January 2023, 12:00, in seconds from 1970."""


@pytest.mark.parametrize("ticks", [1, 10**3, 10**6, 10**9])
def test_the_range_of_clock_times_gives_their_unit(ticks: int) -> None:
    times = np.array([NOON_2023, NOON_2023 - 30 * 365 * 86_400, NOON_2023 + 1]) * ticks
    assert read_clock(times).ticks_per_s == ticks
    interactions = from_rows(rows_of(("u", "a", int(times[0])), ("u", "b", int(times[1]))))
    assert interactions.ticks_per_s == ticks


@pytest.mark.parametrize(
    "times",
    [
        [],
        [0, 1, 2],
        # As one file numbers its rows from 0, however many there are.
        [0, NOON_2023],
        [20230718, 20230719],
        [20230718093000],
        [NOON_2023, NOON_2023 * 1000],
        [-NOON_2023],
    ],
)
def test_times_that_are_no_clock_times_have_no_unit(times: list[int]) -> None:
    assert read_clock(np.array(times, dtype=np.int64)).ticks_per_s is None
