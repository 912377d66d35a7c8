"""Histories in every form that they come in, and what is wrong with others."""

from typing import Any

import pandas as pd
import pytest

from morec.errors import DataError
from morec.exports.histories import Histories, read_histories

NAMES = ("a", "b", "7")


def plain(found: Histories) -> dict[Any, list[int]]:
    ends = found.offsets_U1.tolist()
    return {
        user: found.item_ids[ends[place] : ends[place + 1]].tolist()
        for place, user in enumerate(found.user_ids)
    }


def test_a_mapping_keeps_the_order_of_users_and_items() -> None:
    found = read_histories({"x": ["b", "a", "b"], 3: ["7"], "none": []}, NAMES)
    assert plain(found) == {"x": [2, 1, 2], 3: [3], "none": []}
    assert list(found.user_ids) == ["x", 3, "none"]
    assert found.without_items() == ["none"] and found.num_unknown == 0


def test_a_table_without_times_is_in_time_order() -> None:
    table = pd.DataFrame({"user_id": [2, 1, 2], "item_id": ["a", "b", "7"], "more": 0})
    assert plain(read_histories(table, NAMES)) == {2: [1, 3], 1: [2]}


def test_equal_times_keep_the_order_of_the_rows() -> None:
    table = pd.DataFrame(
        {"user_id": ["u"] * 4, "item_id": ["7", "a", "b", "a"], "timestamp": [5, 2, 2, 1]}
    )
    assert plain(read_histories(table, NAMES)) == {"u": [1, 1, 2, 3]}


def test_ids_are_matched_as_those_of_a_data_set_are() -> None:
    found = read_histories({"u": [7, 7.0, " a", "A", "c"]}, NAMES)
    assert plain(found) == {"u": [3, 3, 1]}
    assert found.num_unknown == 2


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"userid": ["u"], "item_id": ["a"]}, "no column user_id; found: userid, item_id. Did you"),
        ({"who": ["u"]}, "no column user_id and no column item_id; found: who"),
        ({"user_id": [None], "item_id": ["a"]}, "1 of 1 rows have no user_id"),
        ({"user_id": ["u"], "item_id": ["a"], "timestamp": [None]}, "1 of 1 rows have no timestam"),
        (
            {"user_id": ["u", "u"], "item_id": ["a", "a"], "timestamp": ["1", 2]},
            "column timestamp holds values that have no order among each other",
        ),
    ],
)
def test_what_is_missing_is_said(table: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_histories(pd.DataFrame(table), NAMES)
