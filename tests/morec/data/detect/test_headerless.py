"""Files without a header, and lists of items: by which reader and options, or what to write."""

from pathlib import Path

import pandas as pd
import pytest

from morec.data.detect.guess import Detected, Guess
from morec.data.detect.headerless import detect_headerless
from morec.data.detect.table import Table
from morec.data.files.text_format import TextFormat
from morec.errors import DataError

USERS, TIMES = ["u1", "u2", "u3"], ["1600000000", "1600000060", "1600000120"]
IDS = ["i1", "i2", "i3"]
LISTS = ["i1 i2 i3", "i2 i1 i3", "i3 i2 i1"]
TITLES = ["red chair", "blue chair", "green table"]
WRITTEN = ("data/a.csv", "data/b.csv")
A_LIST = "a user and a list of items per row"
ONE_LIST = "no header; a user and a list of items per line, oldest first"
PLACES = "no header; the columns are, by their place, user, item or items"
ADVICE = "write a first line that names the columns, such as user_id,item_id,timestamp"
INTERACTIONS = Guess("interactions", "data/a.csv", "")
TITLED = Guess("titles", "data/b.csv", "")


def table(
    *columns: list[str],
    names: str = "",
    separator: str = ",",
    name: str = "a.csv",
    ragged: bool = False,
) -> Table:
    """With a header if it has names."""
    places = names.split() or list(map(str, range(1, len(columns) + 1)))
    series = [pd.Series(values, dtype="str") for values in columns]
    path, text = Path(name), TextFormat(separator)
    return Table(path, dict(zip(places, series, strict=True)), text, bool(names), ragged)


def items(*columns: list[str], names: str = "", separator: str = ",") -> Table:
    name = "b.tsv" if separator == "\t" else "b.csv"
    return table(*columns, names=names, separator=separator, name=name)


def detected(*tables: Table) -> Detected | None:
    return detect_headerless(tables, WRITTEN[: len(tables)])


def pairs(why: str, *options: Guess, text: bool = False) -> Detected:
    return Detected("pairs", "", options, why, text, False)


def sequences(*options: Guess, text: bool = False) -> Detected:
    return Detected("sequences", "", (Guess("users", "data/a.csv", ""), *options), ONE_LIST,
                    text, False)  # fmt: skip


def message_of(*tables: Table) -> str:
    with pytest.raises(DataError) as error:
        detected(*tables)
    return str(error.value)


def test_a_header_and_a_row_per_interaction_are_read_by_others() -> None:
    log = table(USERS, IDS, names="user_id item_id")
    assert detected(log) is None
    assert detected(log, items(IDS, TITLES, names="item_id title")) is None


@pytest.mark.parametrize("name", ["item_id", "sequence", "Items"])
def test_a_header_above_a_user_and_a_list_makes_pairs(name: str) -> None:
    log = table(USERS, LISTS, names=f"user {name}")
    assert detected(log) == pairs(A_LIST, INTERACTIONS)
    titled = items(IDS, TITLES, names="item_id title")
    assert detected(log, titled) == pairs(A_LIST, INTERACTIONS, TITLED, text=True)


def test_lists_beside_other_columns_or_of_another_name_make_no_pairs() -> None:
    assert detected(table(USERS, LISTS, TIMES, names="user items time")) is None
    assert detected(table(USERS, LISTS, names="user words")) is None
    assert detected(table(LISTS, IDS, names="what which")) is None


def test_pairs_with_a_header_beside_titles_without_one() -> None:
    log = table(USERS, IDS, TIMES, names="User video time")
    expected = pairs("b.csv has no header", INTERACTIONS, TITLED, text=True)
    assert detected(log, items(IDS, TITLES)) == expected


@pytest.mark.parametrize(
    "names", ["who item_id time", "user_id what time", "user uid item_id", "user item asin"]
)
def test_titles_without_a_header_need_one_column_of_users_and_one_of_items(names: str) -> None:
    assert message_of(table(USERS, IDS, TIMES, names=names), items(IDS, TITLES)) == (
        "b.csv: has no header; write a first line that names its columns, such as item_id,title"
    )


def test_columns_without_names_are_told_by_their_places() -> None:
    assert detected(table(USERS, IDS)) == pairs(PLACES, INTERACTIONS)
    found = detected(table(USERS, IDS, TIMES), items(IDS, TITLES))
    assert found == pairs(f"{PLACES}, time", INTERACTIONS, TITLED, text=True)


@pytest.mark.parametrize("num", [1, 4])
def test_other_numbers_of_columns_without_names_are_refused(num: int) -> None:
    assert message_of(table(*[IDS] * num)) == (
        f"a.csv: has no header, and {num} columns whose meaning is open; {ADVICE}"
    )


@pytest.mark.parametrize("third", [["5", "4", "5"], ["red", "blue", "red"]])
def test_a_third_column_without_times_is_refused(third: list[str]) -> None:
    assert message_of(table(USERS, IDS, third)) == (
        f"a.csv: has no header, and its third column ({third[0]!r}) holds no times; {ADVICE}"
    )


def test_items_before_users_are_refused_where_the_titles_tell() -> None:
    assert message_of(table(IDS, USERS), items(IDS, TITLES)) == (
        "a.csv: has no header, and its first column has the ids of b.csv; the first is to be the "
        "user: write a first line with names"
    )
    expected = pairs(PLACES, INTERACTIONS, TITLED, text=True)
    assert detected(table(IDS, USERS), items(IDS, TITLES, names="id title")) == expected
    assert detected(table(IDS, IDS), items(IDS, TITLES)) == expected
    assert detected(table(USERS, USERS), items(IDS, TITLES)) == expected


def test_lists_behind_a_user_are_no_items_before_users() -> None:
    expected = pairs(PLACES, INTERACTIONS, TITLED, text=True)
    assert detected(table(IDS, LISTS), items(IDS, TITLES)) == expected


def test_a_user_and_a_list_make_sequences() -> None:
    assert detected(table(USERS, LISTS, separator="\t", name="a.tsv")) == sequences()


@pytest.mark.parametrize(
    ("columns", "has_text"), [([IDS], False), ([IDS, TITLES], True), ([IDS, TITLES, TITLES], True)]
)
def test_sequences_may_have_titles_in_a_plain_tsv(columns: list[list[str]], has_text: bool) -> None:
    found = detected(table(USERS, LISTS), items(*columns, separator="\t"))
    assert found == sequences(Guess("items", "data/b.csv", ""), text=has_text)


def test_lists_beside_other_titles_make_pairs() -> None:
    log = table(USERS, LISTS, separator="\t", name="a.tsv")
    expected = pairs(PLACES, INTERACTIONS, TITLED, text=True)
    assert detected(log, items(IDS, TITLES)) == expected
    assert detected(log, items(IDS, TITLES, names="id title", separator="\t")) == expected
    assert detected(log, items(IDS, *[TITLES] * 3, separator="\t")) == expected
    stored = Table(Path("b.parquet"), items(IDS, TITLES).columns, None, has_header=False)
    assert detected(log, stored) == expected


@pytest.mark.parametrize(
    ("columns", "ragged", "are_lists"),
    [
        ([USERS, IDS], False, True),
        ([USERS, IDS, TIMES], False, False),
        ([USERS, IDS, TIMES], True, True),
        ([USERS, IDS, TIMES, IDS], False, True),
    ],
)
def test_blanks_separate_the_items_of_lists_but_for_three_columns(
    columns: list[list[str]], ragged: bool, are_lists: bool
) -> None:
    found = detected(table(*columns, separator=" ", name="a.txt", ragged=ragged))
    said = Guess("separator", " ", "by the first lines")
    assert found == (sequences() if are_lists else pairs(f"{PLACES}, time", INTERACTIONS, said))


@pytest.mark.parametrize(
    ("values", "are_lists"),
    [
        (["a b", "a"], False),  # One and a half words a row.
        (["a b", "a b", "b"], True),
        (["a b", "b a"], True),
        (["a b c", "d a"], True),  # Four of five words differ.
        (["a b c", "d e f a a a a"], True),
        (["a b c d", "e f a"], False),
        (["a b c", "d e f"], False),
    ],
)
def test_lists_have_several_words_that_occur_again(values: list[str], are_lists: bool) -> None:
    found = detected(table([f"u{row}" for row in range(len(values))], values))
    assert found == (sequences() if are_lists else pairs(PLACES, INTERACTIONS))


def test_two_files_need_one_separator() -> None:
    log = table(USERS, IDS, separator=";")
    said = Guess("separator", ";", "by the first lines")
    expected = pairs(PLACES, INTERACTIONS, TITLED, said, text=True)
    assert detected(log, items(IDS, TITLES, separator=";")) == expected
    assert message_of(log, items(IDS, TITLES)) == (
        "a.csv and b.csv: have no common separator; save both as .csv or both as .tsv"
    )
    tsv = items(IDS, TITLES, separator="\t")
    assert detected(table(USERS, IDS), tsv) == pairs(PLACES, INTERACTIONS, TITLED, text=True)


@pytest.mark.parametrize("values", [IDS, LISTS])
def test_the_encoding_is_that_of_the_first_file_that_needs_one(
    values: list[str], tmp_path: Path
) -> None:
    by_bytes = "by its bytes, which are no UTF-8"
    tables = []
    for name, encoding, word in (("a.csv", "utf-8", ""), ("b.tsv", "gbk", "推荐系统")):
        (tmp_path / name).write_text(f"{word}\n", encoding=encoding)
        separator = "\t" if name == "b.tsv" else ","
        columns = [USERS, values] if name == "a.csv" else [IDS, TITLES]
        made = table(*columns, separator=separator)
        tables.append(Table(tmp_path / name, made.columns, TextFormat(separator, encoding), False))
    found = detected(*tables)
    assert found is not None
    said = Guess("encoding", "gbk", f"{by_bytes}: '推荐系统'")
    assert found.options[2:] == (said,)
