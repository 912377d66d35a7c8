"""Columns of CSV, TSV and Parquet give the same ids and times; wrong columns are named."""

import gzip
import lzma
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from morec.data.files.tables import as_names, as_sortable, as_texts, missing_columns, read_columns
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


def sortable(*values: object) -> list[object]:
    return as_sortable(pd.Series(values, dtype=object), "t.csv: column 'when'").tolist()


def test_whole_numbers_with_missing_values_stay_exact() -> None:
    nanoseconds = 1_700_000_000_000_000_001
    assert sortable(str(nanoseconds), None, "5") == [nanoseconds, pd.NA, 5]


def test_fractions_become_ranks() -> None:
    assert sortable("2.5", "10", "-1") == [1, 2, 0]


@pytest.mark.parametrize(
    "times",
    [
        ("2023-07-18", "2023-07-18 09:30:00", "2022-12-31T23:59:59Z"),
        ("2023-01-01T10:00:00+02:00", "2023-01-01T09:00:00Z", "2023-01-01T07:00:00Z"),
    ],
)
def test_dates_become_microseconds_of_one_time_zone(times: tuple[str, ...]) -> None:
    moments = [datetime.fromisoformat(time) for time in times]
    expected = [moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() for moment in moments]
    assert sortable(*times) == [int(seconds) * 10**6 for seconds in expected]


def test_parquet_dates_sort() -> None:
    dates = pd.Series(pd.to_datetime(["1970-01-02", None, "1970-01-01"]))
    assert as_sortable(dates, "t").tolist() == [24 * 3600 * 10**6, pd.NA, 0]


@pytest.mark.parametrize(
    ("times", "bad"),
    [
        (("1", "2", "soon"), "1 of 3 times are not like the rest"),
        (("2023-01-01", "2023-01-02", "7"), "1 of 3 times are not like the rest"),
        (("inf", "1"), "1 of 2 times are not like the rest"),
    ],
)
def test_times_of_another_kind_are_counted_and_shown(times: tuple[str, ...], bad: str) -> None:
    with pytest.raises(DataError) as error:
        sortable(*times)
    row = next(row for row, time in enumerate(times) if time in ("soon", "7", "inf"))
    assert str(error.value) == (
        f"t.csv: column 'when': {bad}, allowed are numbers or ISO dates "
        f"(2023-07-18, 2023-07-18 09:30:00), not a mixture: {times[row]!r} (row {row + 1})"
    )


def test_numeric_columns_need_not_be_text() -> None:
    assert as_sortable(pd.Series(np.array([3, 1])), "t").tolist() == [3, 1]
    assert as_sortable(pd.Series([0.5, np.nan, 0.25]), "t").tolist() == [1, pd.NA, 0]
