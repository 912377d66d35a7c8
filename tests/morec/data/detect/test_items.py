"""Which columns of an items' file hold ids, titles and images."""

from pathlib import Path
from typing import Any

import pandas as pd

from morec.data.detect.guess import Guess
from morec.data.detect.items import guess_items
from morec.data.detect.table import Table

IDS = [f"i{item}" for item in range(8)]
TITLES = [f"a red chair {item}" for item in range(8)]


def options(columns: dict[str, list[str]]) -> dict[str, Any]:
    series = {name: pd.Series(values, dtype="str") for name, values in columns.items()}
    found: dict[str, Any] = {}
    ids = pd.Series(IDS * 3, dtype="str")
    for one in guess_items(Table(Path("b.csv"), series, None), ids, "item_id"):
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
