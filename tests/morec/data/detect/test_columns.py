"""Which column plays which role; what fits in two ways is a question."""

from collections.abc import Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from morec.data.detect.columns import (
    guess_interactions,
    listed,
    looks_like_ratings,
    rating_columns,
    read_times,
    share_within,
)
from morec.data.detect.guess import Guess, Question
from morec.data.detect.table import Table
from morec.errors import DataError

NUM = 42
USERS = [f"u{row // 7}" for row in range(NUM)]
ITEMS = [f"i{(3 * (row // 7) + row % 7) % 8}" for row in range(NUM)]
TIMES = [str(1_600_000_000 + 60 * row) for row in range(NUM)]
SPELLINGS = {
    "user": ("user_id", "userId", "USER ID", "customer_id", "CustomerID", "reviewerID", "uid",
             "visitorid", "session_id", "member_id", "user_id_hashed"),
    "item": ("item_id", "itemId", "product_id", "StockCode", "asin", "parent_asin", "movieId",
             "articleID", "sku", "isbn", "business_id", "product_key"),
    "time": ("timestamp", "Time", "created_at", "unixReviewTime", "date", "InvoiceDate", "ts",
             "event_time", "t_dat", "time_of_purchase"),
}  # fmt: skip
PLACES = list(permutations(SPELLINGS))


def options(columns: dict[str, list[str]], ids: Sequence[str] = ()) -> dict[str, Any]:
    """Settled options by key; an open one is the set of its answers."""
    found: dict[str, Any] = {}
    for one in guesses(columns, ids):
        if isinstance(one, Guess):
            found[one.key] = one.value
        else:
            found[" ".join(one.keys)] = set(one.answers)
    return found


def guesses(columns: dict[str, list[str]], ids: Sequence[str] = ()) -> list[Guess | Question]:
    return guess_interactions(table_of(columns), [pd.Index(ids)] if ids else [])


def table_of(columns: dict[str, list[str]]) -> Table:
    series = {name: pd.Series(values, dtype="str") for name, values in columns.items()}
    return Table(Path("a.csv"), series, None)


@pytest.mark.parametrize("turn", range(max(map(len, SPELLINGS.values()))))
def test_common_names_are_known_in_every_spelling_and_place(turn: int) -> None:
    names = {role: found[turn % len(found)] for role, found in SPELLINGS.items()}
    values = {"user": USERS, "item": ITEMS, "time": TIMES}
    roles = PLACES[turn % len(PLACES)]
    assert options({names[role]: values[role] for role in roles}) == {
        f"{role}_column": name for role, name in names.items()
    }


@pytest.mark.parametrize(
    ("role", "name"), [(role, name) for role in ("user", "item") for name in SPELLINGS[role]]
)
def test_one_common_name_tells_users_and_items_apart(role: str, name: str) -> None:
    names = {"user": "a", "item": "b", "time": "c"} | {role: name}
    values = {"user": USERS, "item": ITEMS, "time": TIMES}
    assert options({names[one]: values[one] for one in names}) == {
        f"{one}_column": column for one, column in names.items()
    }


def test_columns_without_telling_names_are_a_question() -> None:
    assert options({"a": USERS, "b": ITEMS, "c": TIMES}) == {
        "user_column item_column": {("a", "b"), ("b", "a")},
        "time_column": "c",
    }


def test_the_ids_of_the_items_answer_it() -> None:
    found = options({"a": USERS, "b": ITEMS, "c": TIMES}, ids=[f"i{item}" for item in range(8)])
    assert found == {"user_column": "a", "item_column": "b", "time_column": "c"}


def test_ids_that_fit_both_columns_do_not_answer_it() -> None:
    users, items = ([name[1:] for name in column] for column in (USERS, ITEMS))
    found = options({"a": users, "b": items, "c": TIMES}, ids=[str(item) for item in range(8)])
    assert found["user_column item_column"] == {("a", "b"), ("b", "a")}


def test_one_role_that_is_open_is_asked_for_alone() -> None:
    shops = [f"s{row % 3}" for row in range(NUM)]
    found = options({"who": USERS, "item_id": ITEMS, "shop": shops, "timestamp": TIMES})
    assert found == {
        "user_column": {("who",), ("shop",)},
        "item_column": "item_id",
        "time_column": "timestamp",
    }


def test_the_only_column_left_is_taken() -> None:
    prices = [f"{row}.95" for row in range(NUM)]
    found = options({"who": USERS, "item_id": ITEMS, "price": prices, "timestamp": TIMES})
    assert found["user_column"] == "who"


def test_two_names_of_one_role_are_a_question() -> None:
    parents = [name.replace("i", "p") for name in ITEMS]
    columns = {"user_id": USERS, "asin": ITEMS, "parent_asin": parents, "timestamp": TIMES}
    assert options(columns)["item_column"] == {("asin",), ("parent_asin",)}
    assert options(columns, ids=parents)["item_column"] == "parent_asin"


def test_times_that_differ_in_order_are_a_question_and_others_are_not() -> None:
    days = [f"2020-09-{13 + row // 20}" for row in range(NUM)]
    columns = {"user_id": USERS, "item_id": ITEMS, "date": days, "timestamp": TIMES}
    assert options(columns)["time_column"] == "timestamp"
    columns["date"] = days[::-1]
    assert options(columns)["time_column"] == {("date",), ("timestamp",)}


def test_without_times_the_order_is_a_question() -> None:
    found = options({"user_id": USERS, "item_id": ITEMS})
    assert found["order"] == {("file",), ("none",)}


def test_a_duration_is_no_time() -> None:
    lasting = [str(row) for row in range(NUM)]
    found = options({"user_id": USERS, "item_id": ITEMS, "watch_time": lasting})
    assert found["order"] == {("file",), ("none",)}
    found = options({"user_id": USERS, "item_id": ITEMS, "timestamp": lasting})
    assert found["time_column"] == "timestamp"


def test_ids_in_the_range_of_clocks_stay_ids() -> None:
    users = [str(1_500_000_000 + row // 7) for row in range(NUM)]
    found = options({"user_id": users, "item_id": ITEMS, "visited": TIMES})
    assert found == {"user_column": "user_id", "item_column": "item_id", "time_column": "visited"}


def test_a_user_column_with_gaps_is_still_the_user_column() -> None:
    users = [name if row % 4 else "" for row, name in enumerate(USERS)]
    found = options({"CustomerID": users, "StockCode": ITEMS, "InvoiceDate": TIMES})
    assert found["user_column"] == "CustomerID"


def test_a_date_that_can_be_read_in_two_ways_is_a_question() -> None:
    columns = {"user_id": USERS, "item_id": ITEMS, "date": ["03/04/2020"] * NUM}
    assert options(columns)["time_format"] == {("%d/%m/%Y",), ("%m/%d/%Y",)}
    columns["date"] = ["03/24/2020"] * NUM
    assert options(columns)["time_format"] == "%m/%d/%Y"


@pytest.mark.parametrize(
    ("values", "unit"),
    [
        (["1600000000", ""], "seconds from 1970"),
        (["1600000000000"], "milliseconds from 1970"),
        (["1600000000.5"], "seconds from 1970"),
        (["2020-09-13", "2020-09-13T12:26:40Z", "NULL"], "ISO dates"),
        (["20200913"], "whole numbers that are no clock times: an order"),
    ],
)
def test_the_unit_of_times_is_told_by_their_values(values: list[str], unit: str) -> None:
    times = read_times(pd.Series(values, dtype="str"))
    assert times is not None
    assert times.unit == unit


@pytest.mark.parametrize("values", [["", "NULL"], ["0.5"], ["red", "blue"], ["9" * 30]])
def test_what_is_no_time_is_none(values: list[str]) -> None:
    assert read_times(pd.Series(values, dtype="str")) is None


def test_a_table_without_two_columns_of_ids_is_refused() -> None:
    with pytest.raises(DataError, match=r"a.csv: no two columns can be the user and the item"):
        options({"user_id": USERS, "timestamp": TIMES})


SECONDS = "its values: seconds from 1970"
BY_NAME = "by its name and " + SECONDS
TOLD = "by its name or its ids, which the items have"
REST = "the only other column of ids"


def test_every_guess_says_what_it_is_guessed_from() -> None:
    assert guesses({"time_of_day": TIMES, "sku": ITEMS, "user_id": USERS, "x": TIMES}) == [
        Guess("user_column", "user_id", "by its name"),
        Guess("item_column", "sku", TOLD),
        Guess("time_column", "time_of_day", BY_NAME),
    ]
    assert guesses({"x": TIMES, "sku": ITEMS, "y": USERS}) == [
        Guess("user_column", "y", REST),
        Guess("item_column", "sku", TOLD),
        Guess("time_column", "x", f"by {SECONDS}"),
    ]
    assert guesses({"uid": USERS, "y": ITEMS, "ts": TIMES})[:2] == [
        Guess("user_column", "uid", "by its name"),
        Guess("item_column", "y", REST),
    ]


def test_every_question_says_what_makes_it_one() -> None:
    names = ["a", "b", "c", "d"]
    columns = dict(zip(names, ([f"{name}{row % 9}" for row in range(NUM)] for name in names),
                       strict=True))  # fmt: skip
    pairs = tuple(permutations(names, 2))[:6]
    roles = "Which column is the user and which the item? 'a', 'b', 'c' and 'd' fit equally well."
    order = (
        "No column holds times. file: a user's rows are in the order of time; none: they are in no "
        "order, so that a random interaction of each user is tested."
    )
    assert guesses(columns) == [
        Question(("user_column", "item_column"), pairs, roles),
        Question(("order",), (("file",), ("none",)), order),
    ]
    shops = [f"s{row % 3}" for row in range(NUM)]
    assert guesses({"who": USERS, "sku": ITEMS, "shop": shops, "ts": TIMES[::-1], "t": TIMES}) == [
        Question(
            ("user_column",),
            (("who",), ("shop",)),
            "Which column is the user? 'who' and 'shop' fit equally well.",
        ),
        Guess("item_column", "sku", TOLD),
        Question(
            ("time_column",),
            (("ts",), ("t",)),
            "Which column is the time? 'ts' and 't' fit equally well and differ in order.",
        ),
    ]


def test_how_times_are_written_is_said_with_the_first_of_them() -> None:
    ids = {"user_id": ["u", "v"], "item_id": ["i", "j"]}
    found = guesses({**ids, "date": ["02/01/2023", "13/01/2023"]})
    assert found[2:] == [
        Guess("time_column", "date", "by its name and its values: dates like 02/01/2023"),
        Guess("time_format", "%d/%m/%Y", "by values like '02/01/2023'"),
    ]
    found = guesses({**ids, "date": ["02/01/2023", "03/01/2023"]})
    text = "How are times written? '02/01/2023' can be read in 2 ways."
    assert found[3:] == [Question(("time_format",), (("%d/%m/%Y",), ("%m/%d/%Y",)), text)]
    assert [one.key for one in guesses({**ids, "date": ["2023-01-02"] * 2})[2:]] == ["time_column"]  # type: ignore[union-attr]


def test_columns_of_times_and_of_ratings_are_neither_users_nor_items() -> None:
    rated = [str(row % 5) for row in range(NUM)]
    columns = {"a": USERS, "b": ITEMS, "stars": rated, "seen": TIMES, "date": TIMES}
    assert [one.keys for one in guesses(columns) if isinstance(one, Question)] == [
        ("user_column", "item_column")
    ]
    assert options(columns)["user_column item_column"] == {("a", "b"), ("b", "a")}
    columns["date"] = TIMES[::-1]
    columns["timestamp"] = TIMES
    assert options(columns)["user_column item_column"] == {("a", "b"), ("b", "a")}


def test_plain_numbers_may_be_ids() -> None:
    numbers = [str(row // 7) for row in range(NUM)]
    assert options({"a": numbers, "item_id": ITEMS, "t": TIMES})["user_column"] == "a"


def test_the_finest_of_columns_in_one_order_is_the_time() -> None:
    def order(*columns: list[int]) -> Any:
        dates = {
            f"{'tsr'[place]}{place}": [str(pd.Timestamp(day, unit="D").date()) if day else ""
                                       for day in column]
            for place, column in enumerate(columns)
        }  # fmt: skip
        ids = {"user_id": [f"u{row}" for row in range(len(columns[0]))]}
        ids["item_id"] = [f"i{row}" for row in range(len(columns[0]))]
        return options({**ids, **dates})["time_column"]

    days = [400, 401, 402, 403, 404, 405]
    assert order([400, 400, 403, 403, 404, 404], days) == "s1"
    assert order(days, [400, 0, 402, 400, 404, 404]) == {("t0",), ("s1",)}
    assert order(days, [400, 0, 402, 0, 404, 404]) == "t0"
    assert order(days, [400, 400, 401, 401, 402, 402], [402, 402, 401, 401, 400, 400]) == {
        ("t0",), ("s1",), ("r2",),
    }  # fmt: skip
    groups = [500 - row // 8 for row in range(400)]
    within = [600 - 2 * (row // 8) + (row % 8 > 3) for row in range(400)]
    assert order(groups, [one // 2 for one in within]) == "t0"


def test_a_column_that_may_be_both_is_the_item_where_another_is_the_user() -> None:
    both, other = USERS, ITEMS
    assert options({"user_item": both, "x": other, "t": TIMES}) == {
        "user_column item_column": {("user_item", "x"), ("x", "user_item")},
        "time_column": "t",
    }
    found = options({"user_item": both, "item_key": other, "t": TIMES})
    assert found["item_column"] == "item_key"
    found = options({"user_item": both, "user_key": other, "t": TIMES})
    assert (found["user_column"], found["item_column"]) == ("user_key", "user_item")


def test_ids_of_the_items_tell_among_columns_that_are_not_the_user() -> None:
    shops = [f"s{row % 3}" for row in range(NUM)]
    columns = {"user_id": USERS, "x": shops, "y": ITEMS, "t": TIMES}
    assert options(columns)["item_column"] == {("x",), ("y",)}
    assert options(columns, ids=[*USERS, "i1", "i2", "i3"])["item_column"] == "y"
    found = guess_interactions(table_of(columns), [pd.Index(["x"]), pd.Index(ITEMS)])
    assert found[1] == Guess("item_column", "y", TOLD)


@pytest.mark.parametrize(("num_known", "is_open"), [(10, True), (9, True), (8, False)])
def test_columns_of_which_nearly_as_many_are_items_fit_alike(num_known: int, is_open: bool) -> None:
    a, b = ([f"{name}{row}" for row in range(10)] for name in "ab")
    found = options({"user_id": [f"u{row}" for row in range(10)], "a": a, "b": b},
                    ids=[*a, *b[:num_known]])  # fmt: skip
    assert found["item_column"] == ({("a",), ("b",)} if is_open else "a")


@pytest.mark.parametrize(
    ("values", "may_be"),
    [
        (["a", "b", *"cdefghi", ""], True),
        ([*"abcdefgh", ""], False),
        (["a"] * 5, False),
        (["a", "b"] * 5, True),
        (["1.5", "2.0", "3"], True),
        (["1.5", "-.25", "3.75"], False),
        (["a b", "c"], True),
        (["a b", "c d", "e", "f g"], False),
    ],
)
def test_ids_are_filled_and_of_several_values_and_few_words(
    values: list[str], may_be: bool
) -> None:
    ids = {"user_id": [f"u{row}" for row, _ in enumerate(values)]}
    ids["what"] = [f"i{row}" for row, _ in enumerate(values)]
    assert options({**ids, "x": values})["item_column"] == (
        {("what",), ("x",)} if may_be else "what"
    )


@pytest.mark.parametrize(
    ("values", "are_ratings"),
    [
        (["1", "2.5", "", "1"], True),
        (["5", "5"], True),
        (["", ""], False),
        ([], False),
        (["-1", "0", "100"], True),
        (["-2", "0"], False),
        (["5", "101"], False),
        (["5", "good"], False),
        (["５", "4"], False),  # a digit of another script, which pandas does not read
        (list(map(str, range(21))), True),
        (list(map(str, range(22))), False),
    ],
)
def test_ratings_are_few_small_numbers(values: list[str], are_ratings: bool) -> None:
    assert looks_like_ratings(pd.Series(values, dtype="str")) is are_ratings


def test_columns_of_ratings_have_such_a_name_and_ratings() -> None:
    columns = {"x": ["1"], "stars": ["5"], "rating": ["good"], "user_rating": ["4"]}
    assert rating_columns(table_of(columns)) == ["stars", "user_rating"]


NAN = float("nan")
DAY = 86_400 * 1e6


@pytest.mark.parametrize(
    ("values", "unit", "order", "formats", "is_clock"),
    [
        (["1600000000", "", "1600000001.5"], "seconds from 1970",
         [1_600_000_000, NAN, 1_600_000_001.5], (), True),
        (["7", "NULL", "-5"], "whole numbers that are no clock times: an order", [7, NAN, -5], (),
         False),
        (["1970-01-02T02:00:00+02:00", "NaN", "1970-01-03", "1970-01-01T12:00:00Z"], "ISO dates",
         [DAY, NAN, 2 * DAY, DAY / 2], (), True),
        (["02/01/1970", r"\N", "13/01/1970"], "dates like 02/01/1970", [DAY, NAN, 12 * DAY],
         ("%d/%m/%Y",), True),
        (["", "02/01/1970", "04/03/1970"], "dates like 02/01/1970", [NAN, DAY, 62 * DAY],
         ("%d/%m/%Y", "%m/%d/%Y"), True),
        (["02/Jan/1970:02:00:00 +0200", "03/Jan/1970:00:00:00 +0000"],
         "dates like 02/Jan/1970:02:00:00 +0200", [DAY, 2 * DAY], ("%d/%b/%Y:%H:%M:%S %z",), True),
        (["1970-01-02"] + [f"1970-02-{day:02}" for day in range(1, 19)] + ["soon"],
         "dates like 1970-01-02", [DAY, *[DAY * day for day in range(31, 49)], NAN],
         ("%Y-%m-%d",), True),
        ([f"1970-01-{day:02}" for day in range(1, 26)] + ["soon"], "ISO dates",
         [*[DAY * day for day in range(25)], NAN], (), True),
    ],
)  # fmt: skip
def test_times_are_sortable_numbers(
    values: list[str], unit: str, order: list[float], formats: tuple[str, ...], is_clock: bool
) -> None:
    times = read_times(pd.Series(values, dtype="str"))
    assert times is not None
    assert times.order.astype(float).fillna(-1e99).tolist() == [
        -1e99 if one != one else one for one in order
    ]
    assert (times.unit, times.is_clock) == (unit, is_clock)
    assert (times.format, times.other_formats) == (formats[0] if formats else None, formats[1:])


@pytest.mark.parametrize("values", [["5", str(2**63)], ["-1e19", "5"], ["1", "0.5"], ["5", "red"]])
def test_one_value_that_is_no_time_makes_a_column_of_none(values: list[str]) -> None:
    assert read_times(pd.Series(values, dtype="str")) is None


def test_the_share_of_names_is_that_of_different_values() -> None:
    values = pd.Series(["a", "a", "a", "b", "", ""], dtype="str")
    assert share_within(values, pd.Index(["a", "x"])) == 0.5
    assert share_within(values, pd.Index(["a", "b", "x"])) == 1
    assert share_within(values[4:], pd.Index([""])) == 0


def test_names_are_listed_with_quotes() -> None:
    assert [listed(names) for names in (["a"], ["a", "b"], ["a", "b", "c"])] == [
        "'a'", "'a' and 'b'", "'a', 'b' and 'c'",
    ]  # fmt: skip
