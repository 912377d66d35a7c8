"""Names of columns lose what tools wrote around them; what is missing or double is named."""

import pytest

from morec.data.files.headers import column_problems, format_names, format_role, names_of


@pytest.mark.parametrize(
    "row",
    [
        ["user_id", "item_id"],
        [" user_id", "item_id \t"],
        ["\u00a0user_id\u200b", "\ufeffitem_id\u00a0"],
        ["# user_id", "item_id"],
        ["#user_id", "item_id"],
        ["user_id:token", "item_id:token_seq"],
        ["\ufeff# user_id:float", " item_id:float_seq "],
    ],
)
def test_what_stands_around_a_name_is_no_part_of_it(row: list[str]) -> None:
    assert names_of(row) == ["user_id", "item_id"]


def test_other_marks_are_part_of_a_name() -> None:
    row = ["#", "item #", "a:b", ":token", "user id", ""]
    assert names_of(row) == row


def test_a_column_that_is_there_once_is_no_problem() -> None:
    assert column_problems(["a", "b", "b"], {"x": "a"}) == []


def test_columns_of_one_name_are_named_with_their_places() -> None:
    assert column_problems(["a", "b", "a", "a"], {"dataset.item_column": "a"}) == [
        "3 columns are named 'a' (dataset.item_column): columns 1, 3 and 4"
    ]


def test_of_many_columns_the_three_nearest_are_named() -> None:
    names = [f"feature {number}" for number in range(3000)] + ["item_id", "items", "item_name"]
    assert column_problems(names, {"dataset.item_column": "itemid"}) == [
        "no column 'itemid' (dataset.item_column). Did you mean 'item_id'? "
        "Columns found: 3,003; the nearest are item_id, items, item_name"
    ]


def test_up_to_twenty_columns_are_all_named() -> None:
    names = [f"x{number}" for number in range(20)]
    assert column_problems(names, {"o": "q"}) == [
        f"no column 'q' (o). Columns found: {', '.join(names)}"
    ]
    assert format_names(names) == ", ".join(names)
    assert format_names([*names, "more", "most"]) == f"{', '.join(names)} and 2 more"


def test_columns_of_a_role_are_counted_and_named() -> None:
    header = ["user", "uid", "x"]
    assert format_role("user", ["user", "uid"], header) == (
        "2 user columns (user, uid) in the header user, uid, x"
    )
    assert format_role("item", [], header) == "no item columns in the header user, uid, x"


def test_the_nearest_of_many_columns_need_not_be_near() -> None:
    names = [f"{number}" for number in range(21)]
    (problem,) = column_problems(names, {"o": "item"})
    assert problem.startswith("no column 'item' (o). Columns found: 21; the nearest are ")
    assert len(problem.partition("nearest are ")[2].split(", ")) == 3
