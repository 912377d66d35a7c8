"""Which column plays which role; what fits in two ways is a question."""

from collections.abc import Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from morec.data.detect.columns import guess_interactions, read_times
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
    table = Table(Path("a.csv"), {name: pd.Series(v, dtype="str") for name, v in columns.items()},
                  None)  # fmt: skip
    return guess_interactions(table, [pd.Index(ids)] if ids else [])


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
