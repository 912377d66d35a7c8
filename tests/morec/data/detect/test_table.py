"""The first rows of a table, and how it is written, are told by its bytes."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morec.data.detect import table as module
from morec.data.detect.table import NUMBER, Table, read_table
from morec.data.files.text_format import TextFormat
from morec.errors import DataError

HEADER = "user_id,item_id,time\n"


def read(folder: Path, content: str | bytes, name: str = "a.csv") -> Table:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_table(path)


def columns_of(table: Table) -> dict[str, list[str]]:
    return {name: values.tolist() for name, values in table.columns.items()}


def separator_of(folder: Path, content: str, name: str = "a.txt") -> str:
    text = read(folder, content, name).text
    assert text is not None
    return text.separator


@given(st.from_regex(NUMBER, fullmatch=True))
def test_pandas_reads_what_is_taken_for_a_number(text: str) -> None:
    pd.to_numeric(pd.Series([text], dtype="str"))


def test_rows_below_a_header_are_columns_of_text_without_blanks(tmp_path: Path) -> None:
    found = read(tmp_path, "user_id, item_id ,time\nu1 , i 1,5\n,é,007\n")
    assert columns_of(found) == {
        "user_id": ["u1", ""],
        "item_id": ["i 1", "é"],
        "time": ["5", "007"],
    }
    assert all(isinstance(values.dtype, pd.StringDtype) for values in found.columns.values())
    assert (found.path, found.text) == (tmp_path / "a.csv", TextFormat(","))
    assert found.has_header
    assert not found.is_ragged


def test_columns_without_a_header_are_numbered_from_one(tmp_path: Path) -> None:
    found = read(tmp_path, "u1,i1,5\nu2,i2,6\n")
    assert columns_of(found) == {"1": ["u1", "u2"], "2": ["i1", "i2"], "3": ["5", "6"]}
    assert not found.has_header
    assert not found.is_ragged


def test_a_single_row_without_a_header_is_a_row(tmp_path: Path) -> None:
    assert columns_of(read(tmp_path, "u1,i1\n")) == {"1": ["u1"], "2": ["i1"]}


@pytest.mark.parametrize(
    ("header", "names"), [(HEADER, ("user_id", "item_id", "time")), ("", ("1", "2", "3"))]
)
def test_rows_of_another_length_are_left_out_and_make_a_table_ragged(
    header: str, names: tuple[str, ...], tmp_path: Path
) -> None:
    found = read(tmp_path, f"{header}u1,i1,5\nu2,i2\nu3,i3,7\n")
    assert list(columns_of(found)) == list(names)
    assert [values[:1] + values[1:] for values in columns_of(found).values()] == [
        ["u1", "u3"], ["i1", "i3"], ["5", "7"],
    ]  # fmt: skip
    assert found.is_ragged


def test_a_table_of_which_no_row_fits_has_empty_columns_of_text(tmp_path: Path) -> None:
    found = read(tmp_path, f"{HEADER}u1,i1\nu2,i2\n")
    assert columns_of(found) == {"user_id": [], "item_id": [], "time": []}
    assert all(isinstance(values.dtype, pd.StringDtype) for values in found.columns.values())
    assert found.is_ragged


def test_only_the_first_rows_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "NUM_ROWS", 3)
    found = read(tmp_path, HEADER + "".join(f"u{row},i,5\n" for row in range(9)))
    assert found.columns["user_id"].tolist() == ["u0", "u1"]


def test_a_header_without_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        read(tmp_path, HEADER)
    assert str(error.value) == "a.csv: has a header but no rows"


def test_bytes_that_are_no_text_stand_for_themselves_as_question_marks(tmp_path: Path) -> None:
    """Reading the file names their line."""
    lines = HEADER.encode() + "ü1,i1,5\n".encode() * 20_000 + b"u2,i\xff,6\n"
    found = read(tmp_path, lines)
    assert found.text == TextFormat(",")
    assert found.columns["user_id"].tolist()[-2:] == ["ü1", "u2"]
    assert found.columns["item_id"].tolist()[-2:] == ["i1", "i?"]


def test_columns_of_parquet_are_text_where_they_are_plain(tmp_path: Path) -> None:
    columns = {
        "user_id": pa.array([7, None, 9]),
        " tags": pa.array([["a"], ["b"], ["c"]]),
        "item_id ": pa.array([" x", "", None]),
    }
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    found = read_table(tmp_path / "a.parquet")
    assert columns_of(found) == {"user_id": ["7", "", "9"], "item_id": ["x", "", ""]}
    assert found.text is None
    assert found.has_header
    assert not found.is_ragged
    assert found.separator is found.encoding is None
    assert found.encoding_option() == []


def test_only_the_first_rows_of_parquet_are_looked_at_in_several_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "NUM_ROWS", 70_000)
    pq.write_table(pa.table({"item_id": pa.array(range(75_000))}), tmp_path / "a.parquet")
    found = read_table(tmp_path / "a.parquet").columns["item_id"]
    assert found.astype(int).tolist() == list(range(70_000))


@pytest.mark.parametrize(
    ("name", "separator", "said"),
    [
        ("a.csv", ",", None),
        ("a.csv", ";", ";"),
        ("a.tsv.gz", "\t", None),
        ("a.tsv", ",", ","),
        ("a.dat", ",", ","),
    ],
)
def test_a_separator_is_said_unless_the_name_says_it(
    name: str, separator: str, said: str | None
) -> None:
    table = Table(Path(name), {}, TextFormat(separator))
    assert table.separator == said
    assert table.encoding is None
    assert Table(Path(name), {}, TextFormat(separator, "gbk")).encoding == "gbk"


@pytest.mark.parametrize(
    ("content", "name", "separator"),
    [
        ("a,b\n1,2\n", "a.csv", ","),
        ("a,b;c;d\n1;2;3\n", "a.csv", ","),  # What the suffix promises, though it is irregular.
        ("a\tb\n1\t2\n", "a.csv", "\t"),
        ("a;b\n1;2\n", "a.csv", ";"),
        ("a;b\n", "a.txt", ";"),
        ("a;b,c\n1;2,3\n", "a.txt", ";"),
        ("a;b|c\n1;2|3|4\n", "a.txt", ";"),
        ("a;b|c\n1;2;3|4\n", "a.txt", "|"),
        ("a::b\n1::2\n", "a.dat", "::"),
        ("a b,c\n1 2,3\n", "a.txt", ","),
        ("\n \na b\n1 2 3\n", "a.txt", " "),
        (" a \nb c\n", "a.txt", "\t"),
        ("a\n1\n", "a.txt", "\t"),
        ("a\n1\n", "a.csv", ","),
        ("a b\n1 2\n", "a.csv", ","),
    ],
)
def test_the_separator_is_the_promised_or_the_most_regular_one(
    content: str, name: str, separator: str, tmp_path: Path
) -> None:
    assert separator_of(tmp_path, content, name) == separator


def test_nine_of_ten_lines_must_have_as_many_separators_as_the_first(tmp_path: Path) -> None:
    assert separator_of(tmp_path, "a;b c\n" * 9 + "a;b;c\n") == ";"
    assert separator_of(tmp_path, "a;b c\n" * 8 + "a;b;c\n") == " "
    assert separator_of(tmp_path, "a;b c\n" * 200 + "a;b;c\n" * 200) == ";"  # Only 200 are read.


@pytest.mark.parametrize(
    ("content", "has_header"),
    [
        ("what,item_id\nx,y\n", True),
        ("what,which\nx,1\ny,2.5e3\n", True),
        ("what,which\n1,x\n2,y\n", True),
        ("what,which\nx,1\ny,two\n", False),
        ("what,which\nx,one\ny,2\n", False),
        ("what,7\nx,1\n", False),
        ("1,2\n3,4\n", False),
        ("what,which\nx,y\n", False),
        ("what,which\nx,1\ny\n", True),
        ("what,which\nx\n", False),
        ("what,which\n" + "x,1\n" * 199 + "x,y\n", True),  # Only 200 are read.
    ],
)
def test_a_header_is_a_known_name_or_text_above_numbers(
    content: str, has_header: bool, tmp_path: Path
) -> None:
    assert read(tmp_path, content).has_header is has_header
