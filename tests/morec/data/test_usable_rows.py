"""Rows that are no interactions are dropped, each counted under one reason."""

import pandas as pd

from morec.data.interactions import from_rows
from morec.data.usable_rows import usable_rows

NOON = 1_672_574_400
ROWS = pd.DataFrame(
    [
        ("u", "a", NOON, 5.0),
        ("u", None, NOON, 5.0),
        ("u", "b", None, 5.0),
        ("u", "c", 0, 5.0),
        ("u", "d", NOON + 1, None),
        ("u", "e", NOON + 2, 2.5),
        ("u", "f", 253_402_214_400, 1.0),
        ("u", "g", NOON + 3, 3.0),
        (None, "h", None, None),
        ("u", "i", NOON + 4, 3.5),
    ],
    columns=["user", "item", "timestamp", "rating"],
)


def test_a_row_counts_under_the_first_reason_that_applies() -> None:
    usable = usable_rows(ROWS, min_rating=3)
    assert usable.rows["item"].tolist() == ["a", "g", "i"]
    assert usable.timestamps.tolist() == [NOON, NOON + 3, NOON + 4]
    assert usable.ticks_per_s == 1
    assert usable.counts == {
        "rows_read": 10,
        "broken_rows": 2,
        "rows_without_time": 1,
        "rows_with_time_zero_or_negative": 1,
        "rows_with_time_in_far_future": 1,
        "rows_without_rating": 1,
        "rows_below_min_rating": 1,
    }


def test_without_a_smallest_rating_ratings_do_not_matter() -> None:
    usable = usable_rows(ROWS)
    assert usable.rows["item"].tolist() == ["a", "d", "e", "g", "i"]
    assert "rows_without_rating" not in usable.counts


def test_a_repeat_with_a_low_rating_does_not_hide_a_later_one() -> None:
    rows = pd.DataFrame(
        [("u", "a", NOON, 1.0), ("u", "a", NOON + 9, 4.0)],
        columns=["user", "item", "timestamp", "rating"],
    )
    assert from_rows(rows, min_rating=2).timestamps.tolist() == [NOON + 9]


def test_ages_of_items_stay_where_single_times_are_zero() -> None:
    interactions = from_rows(ROWS)
    assert interactions.ticks_per_s == 1
    assert interactions.timestamps.min() == NOON


def test_ties_are_counted_where_times_look_rounded() -> None:
    times = [1_600_000_000] * 4 + [1_610_000_000] * 2
    rows = pd.DataFrame({"user": list("uuuvuu"), "item": list("abcaef"), "timestamp": times})
    assert from_rows(rows).counts["ties_of_times_that_look_rounded"] == 3
    exact = rows.assign(timestamp=[time + 7 * place for place, time in enumerate(times)])
    assert "ties_of_times_that_look_rounded" not in from_rows(exact).counts


def test_missing_ratings_among_whole_numbers_are_counted() -> None:
    rows = ROWS.head(2).assign(item=["a", "b"], rating=pd.array([4, None], dtype="Int64"))
    usable = usable_rows(rows, min_rating=3)
    assert usable.rows["item"].tolist() == ["a"]
    assert usable.counts["rows_without_rating"] == 1
