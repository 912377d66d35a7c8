"""Which columns of an items' file hold ids, titles and images."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from morec.data.detect.guess import Guess, Question
from morec.data.detect.items import guess_items, link_columns
from morec.data.detect.table import Table
from morec.errors import DataError

IDS = [f"i{item}" for item in range(8)]
TITLES = [f"a red chair {item}" for item in range(8)]


def table(columns: dict[str, list[str]]) -> Table:
    series = {name: pd.Series(values, dtype="str") for name, values in columns.items()}
    return Table(Path("b.csv"), series, None)


def guesses(columns: dict[str, list[str]], ids: list[str] = IDS) -> list[Guess | Question]:
    return list(guess_items(table(columns), pd.Series(ids * 3, dtype="str"), "item_id"))


def options(columns: dict[str, list[str]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in guesses(columns):
        if isinstance(one, Guess):
            found[one.key] = one.value
        else:
            found[" ".join(one.keys)] = set(one.answers)
    return found


def test_the_column_of_the_same_name_needs_no_option() -> None:
    assert options({"item_id": IDS, "title": TITLES}) == {"text_column": "title"}


def test_the_ids_are_found_under_another_name() -> None:
    numbers = [str(item) for item in range(8)]
    assert options({"number": numbers, "code": IDS})["items_item_column"] == "code"
    few = [*IDS[:1], *numbers[1:]]
    assert options({"item_id": few, "sku": IDS})["items_item_column"] == "sku"


def test_an_empty_column_holds_neither_titles_nor_images() -> None:
    assert options({"": [""] * 8, "item_id": IDS, "title": TITLES}) == {"text_column": "title"}


def test_two_columns_with_all_ids_are_a_question() -> None:
    found = options({"code": IDS, "number": IDS})
    assert found["items_item_column"] == {("code",), ("number",)}


def test_two_titles_are_a_question_and_a_description_is_second() -> None:
    columns = {"item_id": IDS, "title": TITLES, "description": [f"{t} of wood" for t in TITLES]}
    assert options(columns)["text_column"] == "title"
    columns["name"] = TITLES
    assert options(columns)["text_column"] == {("title",), ("name",)}


def test_a_title_is_told_by_its_words_where_no_name_tells_it() -> None:
    groups = ["furniture"] * 8
    assert options({"item_id": IDS, "x": TITLES, "group": groups})["text_column"] == "x"
    assert "text_column" not in options({"item_id": IDS, "group": groups})


def test_entities_of_html_are_seen() -> None:
    titles = ["it&#039;s a chair", *TITLES[1:]]
    assert options({"item_id": IDS, "title": titles})["html"] == "unescape"
    titles = ["R&D; a chair & a table", *TITLES[1:]]
    assert "html" not in options({"item_id": IDS, "title": titles})


def test_images_are_names_of_files_and_no_links() -> None:
    files = [f"covers/{item}.JPG" for item in IDS]
    links = [f"https://shop.example/{item}.jpg" for item in IDS]
    assert options({"item_id": IDS, "x": files, "image": links})["image_column"] == "x"
    found = options({"item_id": IDS, "front": files, "back": files})
    assert found["image_column"] == {("front",), ("back",)}


def test_every_guess_says_what_it_is_guessed_from() -> None:
    columns = {
        "number": [str(item) for item in range(8)],
        "code": [*IDS[:6], "x", "y"],
        "label": ["it&#039;s red", *["a chair"] * 7],
        "front": ["", *[f"{item}.png" for item in IDS[1:]]],
    }
    assert guesses(columns) == [
        Guess("items_item_column", "code", "75% of the ids in 'item_id' are in this column"),
        Guess("text_column", "label", "by its values: 2.0 words per value"),
        Guess("html", "unescape", "1 titles have entities of HTML, such as 'it&#039;s red'"),
        Guess("image_column", "front", "names of image files, such as 'i1.png'"),
    ]
    assert guesses({"item_id": IDS, "title": ["", *TITLES[1:]]}) == [
        Guess("text_column", "title", "by its name: 4.0 words per value")
    ]


def test_every_question_says_what_makes_it_one() -> None:
    files = [f"{item}.png" for item in IDS]
    columns = {"a": IDS, "b": IDS, "c": TITLES, "d": TITLES, "e": files, "f": files}
    assert guesses(columns) == [
        Question(
            ("items_item_column",),
            (("a",), ("b",)),
            "Which column of b.csv has the ids in 'item_id'? They fit alike.",
        ),
        Question(
            ("text_column",),
            (("c",), ("d",)),
            "Which column holds the titles? 'c' and 'd' fit equally well.",
        ),
        Question(
            ("image_column",),
            (("e",), ("f",)),
            "Which column has the images? 'e' and 'f' fit equally well.",
        ),
    ]


TEN = [f"i{item}" for item in range(10)]


@pytest.mark.parametrize(
    ("same", "other", "answer"),
    [
        (9, 10, None),
        (7, 10, "code"),
        (2, 4, "code"),  # A fifth better.
        (3, 4, None),
        (0, 1, "code"),
    ],
)
def test_a_column_of_the_same_name_is_left_for_one_that_has_far_more_ids(
    same: int, other: int, answer: str | None
) -> None:
    def first(count: int) -> list[str]:
        return [one if place < count else f"x{place}" for place, one in enumerate(TEN)]

    found = guesses({"item_id": first(same), "code": first(other)}, TEN)
    assert [one.value for one in found if isinstance(one, Guess)] == ([answer] if answer else [])


def test_columns_with_nearly_as_many_ids_fit_alike_and_a_name_decides() -> None:
    one_less, two_less = [*TEN[:9], "x"], [*TEN[:8], "x", "y"]
    found = guesses({"a": TEN, "b": one_less, "c": two_less}, TEN)
    assert [one.answers for one in found if isinstance(one, Question)] == [(("a",), ("b",))]
    (guess,) = guesses({"a": TEN, "sku": one_less, "asin": two_less}, TEN)
    why = "90% of the ids in 'item_id' are in this column"
    assert guess == Guess("items_item_column", "sku", why)


def test_items_without_any_of_the_ids_are_refused_with_three_of_each() -> None:
    ids = ["", "i1", "i1", "i2", "i3", "i4"]
    other = ["x1", "x1", "x2", "x3", "x4"]
    message = (
        "b.csv has none of the items of the interactions: column 'item_id' has ['i1', 'i2', 'i3'], "
        "the items' column {!r} has ['x1', 'x2', 'x3']; give the file of the same items, with ids "
        "written alike"
    )
    for columns, named in (
        ({"title": ["a"] * 5, "sku": other}, "sku"),
        ({"a": other, "b": ["a"] * 5}, "a"),
    ):
        with pytest.raises(DataError) as error:
            guesses(columns, ids)
        assert str(error.value) == message.format(named)


def test_a_column_that_may_have_the_ids_holds_no_titles() -> None:
    assert guesses({"item_id": TITLES}, TITLES) == []
    (guess,) = guesses({"x": TITLES}, TITLES)
    assert isinstance(guess, Guess) and guess.key == "items_item_column"
    (question,) = guesses({"x": TITLES, "y": TITLES}, TITLES)
    assert isinstance(question, Question) and question.keys == ("items_item_column",)


@pytest.mark.parametrize(
    ("values", "is_text"),
    [
        ([""] * 4, False),
        (["red", "", "12", "12"], True),
        (["red", "12", "13", ""], False),
        (["red", "red", "red", "12"], True),
        (["red", "x.png", "", ""], True),
        (["red", "x.png", "y.png", ""], False),
        (["red", "blue", "https://x.example/", ""], False),
    ],
)
def test_titles_are_neither_numbers_nor_files_nor_links(values: list[str], is_text: bool) -> None:
    found = options({"item_id": IDS[:4], "title": values})
    assert ("text_column" in found) is is_text


def test_a_title_without_a_name_has_more_than_one_and_a_half_words() -> None:
    few, more = ["a b", "c"] * 4, ["a b", "c", "d e", "f g"] * 2
    assert options({"item_id": IDS, "x": few}) == {}
    assert options({"item_id": IDS, "x": more}) == {"text_column": "x"}
    assert options({"item_id": IDS, "cover": more}) == {}


def test_entities_without_their_semicolon_are_text() -> None:
    assert "html" not in options({"item_id": IDS, "title": ["a &amp b", *TITLES[1:]]})


@pytest.mark.parametrize(
    ("values", "are_paths"),
    [
        (["a.png", "b.webp", "", ""], True),
        (["a.png", "b.gif", "", ""], False),  # Half of them.
        (["a.png", "b.jpeg", "c", ""], True),
        (["a.png", "http://x.example/b.png", "", ""], False),
        (["a.png.txt", "b", "c", "d"], False),
    ],
)
def test_most_values_of_a_column_of_images_are_names_of_images(
    values: list[str], are_paths: bool
) -> None:
    assert ("image_column" in options({"item_id": IDS[:4], "x": values})) is are_paths


def test_a_column_that_is_called_image_wins_over_other_files() -> None:
    files = [f"{item}.png" for item in IDS]
    assert options({"item_id": IDS, "x": files, "image": files})["image_column"] == "image"


def test_columns_of_links_to_images_have_nothing_else() -> None:
    links = ["http://x.example/a.jpg", "", "https://x.example/b.PNG"]
    columns = {
        "links": links,
        "empty": [""] * 3,
        "pages": ["https://x.example/a"] * 3,
        "files": ["a.png"] * 3,
        "some": [*links[:2], "a.png"],
        "more": links,
    }
    assert link_columns(table(columns)) == ["links", "more"]
