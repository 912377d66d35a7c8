"""Columns of CSV, TSV and Parquet give the same ids and times; wrong columns are named."""

import gzip
import lzma
from pathlib import Path

import pandas as pd
import pytest

from morec.data.files.tables import (
    as_names,
    as_texts,
    check_columns,
    columns_of,
    missing_columns,
    read_columns,
    read_rows,
)
from morec.data.files.text_format import TextFormat
from morec.data.files.times import TimeColumn
from morec.errors import DataError


def message_of(path: Path) -> str:
    with pytest.raises(DataError) as error:
        missing_columns(path, {"dataset.item_column": "item"})
        read_columns(path, ["item"])
    return str(error.value)


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.csv.gz", "t.tsv.xz", "T.CSV"])
def test_text_files_read_by_suffix(tmp_path: Path, name: str) -> None:
    separator = "," if "csv" in name.lower() else "\t"
    content = f"item{separator}title\n007{separator}None\nNA{separator}\n".encode()
    pack = {"gz": gzip.compress, "xz": lzma.compress}.get(name.split(".")[-1], bytes)
    (tmp_path / name).write_bytes(pack(content))
    table = read_columns(tmp_path / name, ["item", "title"])
    assert as_names(table["item"]).tolist() == ["007", "NA"]
    assert as_texts(table["title"]) == ("None", "")


def test_parquet_ids_with_missing_values_stay_whole_numbers(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pd.DataFrame({"item": pd.array([31, None], dtype="Int64")}).to_parquet(path)
    names = as_names(read_columns(path, ["item"])["item"])
    assert names.dropna().tolist() == ["31"]
    assert names.isna().tolist() == [False, True]
    assert missing_columns(path, {"dataset.item_column": "item"}) == []


def test_a_byte_order_mark_is_not_part_of_the_first_column(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("item\n1\n", encoding="utf-8-sig")
    assert missing_columns(tmp_path / "t.csv", {"dataset.item_column": "item"}) == []


def test_a_missing_column_names_the_nearest_and_all_columns(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("itm,title\n1,2\n")
    wanted = {"dataset.item_column": "item", "dataset.time_column": "when"}
    assert missing_columns(tmp_path / "t.csv", wanted) == [
        "t.csv: no column 'item' (dataset.item_column). Did you mean 'itm'? "
        "Columns found: itm, title",
        "t.csv: no column 'when' (dataset.time_column). Columns found: itm, title",
    ]


def test_an_empty_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "t.csv").touch()
    assert message_of(tmp_path / "t.csv") == "t.csv: the file is empty"


def test_a_header_without_rows_says_so(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("item\n")
    assert message_of(tmp_path / "t.csv") == "t.csv: has a header but no rows"


@pytest.mark.parametrize(
    ("name", "found"), [("t.json", ".json"), ("t", "no suffix"), ("t.parquet.gz", ".parquet.gz")]
)
def test_an_unknown_name_asks_for_the_separator(tmp_path: Path, name: str, found: str) -> None:
    pack = gzip.compress if name.endswith(".gz") else bytes
    (tmp_path / name).write_bytes(pack(b"item;title\n1;2\n"))
    assert message_of(tmp_path / name) == (
        f"{name}: {found!r} does not say what separates the fields; allowed: .csv, .tsv (also "
        "packed: .csv.gz, .csv.xz, .tsv.gz, .tsv.xz), .parquet, or any name with the option "
        "`separator`, for example `separator: ';'`"
    )


@pytest.mark.parametrize(
    ("header", "separator", "spelled"),
    [("item;title", ";", "';'"), ("item\ttitle", "\t", '"\\t"'), ("item::title", "::", "'::'")],
)
def test_a_file_with_another_separator_names_it(
    tmp_path: Path, header: str, separator: str, spelled: str
) -> None:
    (tmp_path / "t.csv").write_text(f"{header}\n1\n")
    assert message_lines(tmp_path / "t.csv") == [
        f"t.csv: no column 'item' (dataset.item_column). Columns found: {header}",
        f"t.csv: the fields look separated by {separator!r}: give `separator: {spelled}`",
    ]


def message_lines(path: Path) -> list[str]:
    return missing_columns(path, {"dataset.item_column": "item"})


def test_quotes_are_text_in_tsv(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_text('item\ttitle\n1\t"Alien\n2\tBrazil\n3\t"Cube\n')
    table = read_columns(tmp_path / "t.tsv", ["item", "title"])
    assert as_texts(table["title"]) == ('"Alien', "Brazil", '"Cube')


@pytest.mark.parametrize("name", ["t.csv.gz", "t.csv.xz", "t.parquet"])
def test_broken_bytes_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\xff\xfe\x80broken")
    assert message_of(tmp_path / name).startswith(f"{name}: cannot be read: ")


def test_a_truncated_packed_file_is_refused(tmp_path: Path) -> None:
    whole = gzip.compress(b"item\n" + b"".join(b"%d\n" % n for n in range(1000)))
    (tmp_path / "t.csv.gz").write_bytes(whole[:-20])
    assert message_of(tmp_path / "t.csv.gz").startswith("t.csv.gz: cannot be read: ")


def test_columns_are_read_once_each_with_the_numbers_of_their_lines(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b,c\n1,x,7\n2,y,8\n")
    table = read_columns(tmp_path / "t.csv", ["c", "a", "c"], ["c"])
    assert table.columns.tolist() == ["c", "a"]
    assert table.index.tolist() == [2, 3]
    assert (table["c"].tolist(), table["a"].tolist()) == ([7, 8], ["1", "2"])
    table.to_parquet(tmp_path / "t.parquet")
    table = read_columns(tmp_path / "t.parquet", ["a", "a"], ["a"])
    assert table.columns.tolist() == ["a"]
    assert table.index.tolist() == [1, 2]
    assert table["a"].tolist() == [1, 2]


def test_a_format_that_is_given_wins_over_the_suffix(tmp_path: Path) -> None:
    path, text = tmp_path / "t.csv", TextFormat(";", separator_option="separator")
    path.write_text("item;a,b\n1;2\n")
    assert columns_of(path, text) == ["item", "a,b"]
    assert columns_of(path) == ["item;a", "b"]
    assert missing_columns(path, {"o": "item"}, text) == []
    assert read_columns(path, ["a,b"], text=text)["a,b"].tolist() == ["2"]
    assert missing_columns(path, {"o": "item"}) == [
        "t.csv: no column 'item' (o). Did you mean 'item;a'? Columns found: item;a, b"
    ]


def test_every_problem_of_parquet_is_named(tmp_path: Path) -> None:
    pd.DataFrame({"a": [True], "b": ["x"]}).to_parquet(tmp_path / "t.parquet")
    assert columns_of(tmp_path / "t.parquet") == ["a", "b"]
    assert missing_columns(tmp_path / "t.parquet", {"o": "c", "p": "a"}) == [
        "t.parquet: no column 'c' (o). Columns found: a, b",
        "t.parquet: column 'a' (p) holds bool; expected one text, number or date a row",
    ]


def test_a_known_layout_names_every_column_that_it_lacks(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("u,i\n1,2\n")
    check_columns({tmp_path / "a.csv": ["i", "u"]}, "hm")
    with pytest.raises(DataError) as error:
        check_columns({tmp_path / "a.csv": ["u", "time"], tmp_path / "b.csv": ["title"]}, "hm")
    assert str(error.value) == (
        "a.csv: no column 'time' (dataset kind hm). Columns found: u, i\n"
        "b.csv: no column 'title' (dataset kind hm). Columns found: u, i"
    )


def rows_of(path: Path, *columns: str | TimeColumn | None, **options: object) -> dict[str, object]:
    table = read_rows(path, *columns, **options)  # type: ignore[arg-type]
    assert table.index.tolist() == list(range(2, 2 + len(table)))
    return table.to_dict("list")


def test_interactions_are_read_from_named_columns(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("what,day,who,stars,at\n007,01021970,u,4.5,9\n8,02011970,7,,3\n")
    ids = {"user": ["u", "7"], "item": ["007", "8"]}
    assert rows_of(path, "who", "what", None) == {**ids, "timestamp": [0, 1]}
    assert rows_of(path, "who", "what", "at") == {**ids, "timestamp": [9, 3]}
    day = 86_400 * 10**6
    found = rows_of(path, "who", "what", TimeColumn("day", "%d%m%Y"), rating="stars")
    rating = found.pop("rating")
    assert found == {**ids, "timestamp": [31 * day, day]}
    assert str(rating) == "[4.5, nan]"
    path.write_text("what;who\n1;2\n")
    assert rows_of(path, "who", "what", None, text=TextFormat(";")) == {
        "user": ["2"],
        "item": ["1"],
        "timestamp": [0],
    }


def test_what_is_no_time_and_no_rating_is_named_with_its_column(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("u,i,t,r\na,b,soon,good\n")
    for time, rating, said in (
        ("t", None, "t.csv: column 't': 1 of 1 times cannot be read: 'soon' (line 2)"),
        (None, "r", "t.csv: column 'r': ratings that are no numbers: 'good'"),
    ):
        with pytest.raises(DataError) as error:
            read_rows(path, "u", "i", time, rating=rating)
        assert str(error.value).startswith(said)


def test_names_and_texts_keep_their_rows() -> None:
    values = pd.Series([7, None, 8, 7], index=[4, 2, 9, 1], dtype="Int64")
    names = as_names(values)
    assert names.index.tolist() == [4, 2, 9, 1]
    assert names.cat.categories.tolist() == ["7", "8"]
    assert names.cat.codes.tolist() == [0, -1, 1, 0]
    texts = pd.Series([" a ", None, "b c"]).astype("category")
    assert as_texts(texts) == ("a", "", "b c")
