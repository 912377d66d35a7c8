"""Columns of items' files for templates: every reader's, joined by item id, and what is refused."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from morec.data.dataset import Dataset, load_dataset, open_dataset, save_dataset
from morec.data.readers.table import READERS
from morec.data.text_columns import column_faults, with_columns
from morec.errors import DataError
from tests.morec.data.reader_cases import CASES, TITLES, Case

NAMES = [item for item, _ in TITLES]
TITLE_OF = dict(TITLES)
OFFERED = {
    "files csv": ("title",),
    "sequences": ("title",),
    "mind": ("category", "subcategory", "title", "abstract"),
    "mind in two folders": ("category", "title", "abstract"),
    "hm": ("prod_name",),
    "pairs": ("title",),
    "lists": ("title",),
    "recbole": ("title",),
    "amazon": ("title",),
    "movielens csv": ("title", "genres"),
    "movielens dat": ("title", "genres"),
}
"""Columns of the cases' items."""
FIXED = {"category": "c", "subcategory": "s", "abstract": "x", "genres": "Comedy, Drama"}


def read(case: Case, root: Path, wanted: tuple[str, ...], **options: Any) -> Dataset:
    case.write(root)
    spec = replace(case, options=case.options | options).spec()
    return with_columns(load_dataset(spec, root), spec, root, wanted)


@pytest.mark.parametrize("name", OFFERED)
def test_a_reader_gives_the_columns_of_its_items_by_item(tmp_path: Path, name: str) -> None:
    dataset = read(CASES[name], tmp_path, OFFERED[name])
    assert set(dataset.columns) == set(OFFERED[name])
    for column, values in dataset.columns.items():
        for item, value in zip(dataset.item_names or (), values, strict=True):
            is_number = name.startswith("movielens")
            assert value == FIXED.get(column, TITLE_OF[f"i{item}" if is_number else item])


def test_every_kind_with_a_file_of_items_offers_its_columns() -> None:
    kinds = {str(CASES[name].options["kind"]) for name in OFFERED}
    assert {kind for kind, reader in READERS.own.items() if reader.columns} == kinds


def test_packaged_movielens_has_years_and_genres_beside_titles(tmp_path: Path) -> None:
    dataset = read(CASES["movielens packaged"], tmp_path, ("title", "year", "genres"))
    toy_story = (dataset.item_names or ()).index("1")
    assert {name: values[toy_story] for name, values in dataset.columns.items()} == {
        "title": "Toy Story",
        "year": "1995",
        "genres": "Adventure, Animation, Children, Comedy, Fantasy",
    }


META = [
    {
        "asin": item,
        "title": title,
        "brand": f"b{item}",
        "price": 3.5,
        "categories": [["a", "b"], []],
    }
    for item, title in TITLES
]


@pytest.mark.parametrize("dump", [json.dumps, repr], ids=["2018", "2014"])
def test_fields_of_amazons_meta_data_are_texts_and_lists_are_joined(tmp_path: Path, dump) -> None:
    meta = [{"asin": "i1", "title": "title 1"}, *META, {"asin": "i2", "brand": "a repeated row"}]
    files = CASES["amazon"].files | {"meta.json": "\n".join(map(dump, meta)).encode()}
    case = replace(CASES["amazon"], files=files)
    dataset = read(case, tmp_path, ("brand", "categories", "price"))
    names = list(dataset.item_names or ())
    one, other = names.index("i1"), names.index("i2")
    # Of an item's several rows the first counts, as for titles.
    assert [values[one] for values in dataset.columns.values()] == ["", "", ""]
    assert [values[other] for values in dataset.columns.values()] == ["bi2", "a, b", "3.5"]


def test_an_object_in_a_field_is_refused_with_its_line(tmp_path: Path) -> None:
    meta = [*META, {"asin": "i9", "details": {"a": 1}}]
    files = CASES["amazon"].files | {"meta.json": "\n".join(map(json.dumps, meta)).encode()}
    with pytest.raises(DataError, match=r"meta.json: line 9: details is an object; expected text"):
        read(replace(CASES["amazon"], files=files), tmp_path, ("details",))


def test_rows_of_items_that_nobody_has_shift_nothing(tmp_path: Path) -> None:
    rows = "".join(f"{item},t {item},b {item}\n" for item in ["i99", *reversed(NAMES)])
    files = CASES["files csv"].files | {"b.csv": f"item_id,title,brand\n{rows}".encode()}
    dataset = read(replace(CASES["files csv"], files=files), tmp_path, ("brand",))
    assert dataset.columns["brand"] == tuple(f"b {item}" for item in dataset.item_names or ())
    assert "b i99" not in dataset.columns["brand"]


def test_html_in_a_column_is_replaced_as_in_titles(tmp_path: Path) -> None:
    rows = "".join(f"{item},t,Tom &amp; <b>J</b>{item}\n" for item in NAMES)
    files = CASES["files csv"].files | {"b.csv": f"item_id,title,brand\n{rows}".encode()}
    case = replace(CASES["files csv"], files=files)
    kept, replaced = (read(case, tmp_path, ("brand",), html=html) for html in ("keep", "unescape"))
    first = (kept.item_names or ())[0]
    assert kept.columns["brand"][0] == f"Tom &amp; <b>J</b>{first}"
    assert replaced.columns["brand"][0] == f"Tom & J {first}"


def parquet_case(tmp_path: Path, **columns: Any) -> Case:
    pd.DataFrame({"item_id": NAMES, **columns}).to_parquet(tmp_path / "b.parquet")
    options = {"kind": "files", "interactions": "a.csv", "items": "b.parquet"}
    return Case(options, "", {"a.csv": CASES["files csv"].files["a.csv"]})


def test_lists_and_numbers_of_a_parquet_file_are_texts(tmp_path: Path) -> None:
    lists = [["red", "blue"], [], *[["green"]] * 6]
    case = parquet_case(tmp_path, colours=lists, year=range(1990, 1998), sizes=[[1, 2]] * 8)
    dataset = read(case, tmp_path, ("colours", "year", "sizes"))
    assert dataset.titles is None
    by_item = {
        item: tuple(values[place] for values in dataset.columns.values())
        for place, item in enumerate(dataset.item_names or ())
    }
    assert by_item["i0"] == ("red, blue", "1990", "1, 2")
    assert by_item["i1"] == ("", "1991", "1, 2")


@pytest.mark.parametrize("value", [{"a": 1}, [{"a": 1}], True], ids=["object", "objects", "bool"])
def test_other_types_of_a_parquet_file_are_refused(tmp_path: Path, value: Any) -> None:
    case = parquet_case(tmp_path, odd=[value] * 8)
    with pytest.raises(
        DataError, match=r"b.parquet: column 'odd' holds .*; expected text, numbers"
    ):
        read(case, tmp_path, ("odd",))


def test_the_title_is_that_of_the_data_set_where_no_column_has_the_name(tmp_path: Path) -> None:
    dataset = read(CASES["hm"], tmp_path, ("title", "prod_name"))
    assert set(dataset.columns) == {"prod_name"}
    assert dataset.columns["prod_name"] == dataset.titles
    assert read(CASES["synthetic"], tmp_path, ("title",)).columns == {}


@pytest.mark.parametrize(
    ("name", "wanted", "message"),
    [
        (
            "mind",
            ("title", "abstrat", "categry"),
            "news.tsv: no column 'abstrat' (item.text.template). Did you mean 'abstract'? "
            "Columns found: news, category, subcategory, title, abstract\n"
            "news.tsv: no column 'categry' (item.text.template). Did you mean 'category'? "
            "Columns found: news, category, subcategory, title, abstract",
        ),
        (
            "files tsv",
            ("brand", "size"),
            "item.text.template: dataset {} has no file of items with the columns brand, size; "
            "allowed: {{title}}, if it has titles",
        ),
        (
            "synthetic",
            ("brand",),
            "item.text.template: dataset {} has no file of items with the columns brand; "
            "allowed: {{title}}, if it has titles",
        ),
    ],
)
def test_missing_columns_are_named_at_once_with_those_there_are(
    tmp_path: Path, name: str, wanted: tuple[str, ...], message: str
) -> None:
    case = CASES[name]
    with pytest.raises(DataError) as error:
        read(case, tmp_path, wanted)
    names = {"files tsv": ("a", "files"), "synthetic": ("synthetic", "synthetic")}
    in_reports, kind = names.get(name, ("", ""))
    assert str(error.value) == message.format(in_reports)
    assert "\n".join(column_faults(case.spec(), tmp_path, wanted)) == message.format(kind)


def test_a_missing_title_is_refused_once_the_data_are_read(tmp_path: Path) -> None:
    case = parquet_case(tmp_path, name=NAMES)
    with pytest.raises(DataError, match=r"b.parquet: no column 'title' \(item.text.template\)"):
        read(case, tmp_path, ("title",))
    assert column_faults(case.spec(), tmp_path, ("title",)) == []


def test_columns_that_are_empty_for_every_item_are_refused(tmp_path: Path) -> None:
    case = parquet_case(tmp_path, brand=[" "] * 8, size=[None] * 7 + ["x"], tag=[None] * 8)
    with pytest.raises(DataError) as error:
        read(case, tmp_path, ("brand", "size", "tag"))
    assert str(error.value) == (
        "item.text.template: empty for every item: brand, tag; leave it out of the template"
    )


def test_columns_are_saved_with_a_dataset_and_older_folders_have_none(tmp_path: Path) -> None:
    dataset = read(CASES["mind"], tmp_path, ("category", "abstract"))
    save_dataset(dataset, tmp_path / "saved")
    assert open_dataset(tmp_path / "saved").columns == dataset.columns
    header = json.loads((tmp_path / "saved/dataset.json").read_text())
    del header["fields"]["columns"]
    (tmp_path / "saved/dataset.json").write_text(json.dumps(header))
    assert open_dataset(tmp_path / "saved").columns == {}
