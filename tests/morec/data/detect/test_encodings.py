"""How a text is encoded is told by its bytes; what is no text at all is refused."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from morec.data.detect import table as module
from morec.data.detect.guess import Guess, Question
from morec.data.detect.table import Table, check_readable, read_table
from morec.data.files.text_format import TextFormat
from morec.errors import DataError

BY_BYTES = "by its bytes, which are no UTF-8"


def read(folder: Path, content: bytes, name: str = "a.csv") -> Table:
    (folder / name).write_bytes(content)
    return read_table(folder / name)


def encoding_of(table: Table) -> str:
    assert table.text is not None
    return table.text.encoding


@pytest.mark.parametrize(
    "content",
    [
        "user_id,item_id\nu,é\n",
        "user_id,item_id\nu,é",
        "user_id,item_id\né,i",
        "ü,é",
        "user_id,item_id\n" + "é,é\n" * 15_000,
        "user_id,item_id,title\n" + "é,é,\n" * 15_000,
    ],
)
def test_utf8_is_known_wherever_the_bytes_that_are_looked_at_end(
    content: str, tmp_path: Path
) -> None:
    table = read(tmp_path, content.encode())
    assert encoding_of(table) == "utf-8"
    assert table.encoding is None
    assert table.encoding_option() == []


@pytest.mark.parametrize("text", ["ü", "ü\n", "ü\nu", "u\né", "ü\né"])
def test_the_last_character_behind_the_last_line_may_be_cut(text: str) -> None:
    assert module._is_utf8(text.encode())
    assert module._is_utf8(text.encode()[:-1]) is (text != "ü")
    assert not module._is_utf8(b"\xff" + text.encode())


def test_a_line_longer_than_what_is_looked_at_may_be_cut_within_a_character(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.csv").write_bytes(b"user_id,item_id\nu1," + "é".encode() * 40_000)
    table = read_table(tmp_path / "a.csv")
    assert table.columns["item_id"].tolist() == ["é" * 40_000]


def test_texts_that_differ_by_a_likely_encoding_are_a_question(tmp_path: Path) -> None:
    line = b"i1," + "Привет, мир".encode("cp1251")
    (tmp_path / "a.csv").write_bytes(line + b"\n")
    table = Table(tmp_path / "a.csv", {}, TextFormat(",", "cp1251"))
    assert table.encoding_option("items_") == [
        Question(
            ("items_encoding",),
            (("cp1251",), ("cp1252",)),
            "How is a.csv encoded? 'i1,Привет, мир' in cp1251, or "
            f"{line.decode('cp1252')!r} in cp1252.",
        )
    ]


def test_the_example_is_the_first_sixty_bytes_of_the_first_line_beyond_ascii(
    tmp_path: Path,
) -> None:
    line = "é" + "0123456789" * 7
    content = f"user_id,item_id\nu,i\n{line}\nü\n".encode("cp1252")
    (tmp_path / "a.csv").write_bytes(content)
    table = Table(tmp_path / "a.csv", {}, TextFormat(",", "cp1252"))
    assert table.encoding_option() == [Guess("encoding", "cp1252", f"{BY_BYTES}: {line[:60]!r}")]


def test_encodings_that_read_the_same_text_are_no_question(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("é,\n".encode("latin-1"))
    table = Table(tmp_path / "a.csv", {}, TextFormat(",", "latin-1"))
    assert table.encoding_option() == [Guess("encoding", "latin-1", f"{BY_BYTES}: 'é,'")]


def test_an_encoding_of_many_bytes_is_guessed_though_another_reads_it(tmp_path: Path) -> None:
    line = "推荐系统,研究".encode("gb18030")
    line.decode("cp1252")
    (tmp_path / "a.csv").write_bytes(line + b"\n")
    table = Table(tmp_path / "a.csv", {}, TextFormat(",", "gb18030"))
    assert table.encoding_option() == [Guess("encoding", "gb18030", f"{BY_BYTES}: '推荐系统,研究'")]


def test_an_encoding_that_another_cannot_be_is_guessed(tmp_path: Path) -> None:
    line = "Ѓ,é".encode("cp1251", "replace") + b"\x81"
    with pytest.raises(UnicodeDecodeError):
        line.decode("cp1252")
    (tmp_path / "a.csv").write_bytes(line + b"\n")
    table = Table(tmp_path / "a.csv", {}, TextFormat(",", "cp1251"))
    shown = line.decode("cp1251")
    assert table.encoding_option() == [Guess("encoding", "cp1251", f"{BY_BYTES}: {shown!r}")]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_text_of_two_bytes_per_letter_needs_no_mark(encoding: str, tmp_path: Path) -> None:
    table = read(tmp_path, "user_id,item_id\nu1,i1\n".encode(encoding))
    assert table.encoding == encoding
    assert {name: values.tolist() for name, values in table.columns.items()} == {
        "user_id": ["u1"],
        "item_id": ["i1"],
    }
    assert table.encoding_option() == [Guess("encoding", encoding, BY_BYTES)]


def test_an_example_that_the_encoding_cannot_read_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"\x81\x8d\n")
    table = Table(tmp_path / "a.csv", {}, TextFormat(",", "ascii"))
    assert table.encoding_option() == [Guess("encoding", "ascii", BY_BYTES)]


def problem_of(folder: Path, content: bytes, name: str = "a.csv") -> str | None:
    (folder / name).write_bytes(content)
    try:
        check_readable(folder / name)
    except DataError as error:
        return str(error)
    return None


@pytest.mark.parametrize(
    "content",
    [
        b"a b\tc\r\n\f\x1f" * 10,
        b"x" * 99 + b"\0",
        "a,b\n".encode("utf-16"),
        "a,b\n".encode("utf-16-le") * 9,
        "a,b\n".encode("utf-16-be") * 9,
        "推荐系统".encode("utf-16"),
        "a,推荐".encode("utf-16-le"),
        "a,推荐".encode("utf-16-be"),
        "a,b\n".encode("utf-32"),
    ],
)
def test_text_may_be_looked_at(content: bytes, tmp_path: Path) -> None:
    assert problem_of(tmp_path, content) is None


@pytest.mark.parametrize(
    "content",
    [
        b"x" * 98 + b"\0\1",
        b"x" * 48 + b"\x1b" * 2,
        b"ab\0\0" * 9,
        b"a\0b\0" + bytes(range(33, 53)),
        "aaaaaaaaa推荐系统推荐系统推荐系".encode("utf-16-le"),
    ],
)
def test_more_than_one_control_character_in_a_hundred_is_no_text(
    content: bytes, tmp_path: Path
) -> None:
    assert problem_of(tmp_path, content) == (
        "a.csv: holds bytes that are no text; give CSV, TSV, JSON lines or Parquet"
    )


def test_other_kinds_of_files_and_empty_ones_are_named(tmp_path: Path) -> None:
    assert problem_of(tmp_path, b"PAR1") == (
        "a.csv: this is a Parquet file; its name must end with .parquet"
    )
    empty = "a.csv: the file is empty; give one with a header and rows"
    assert problem_of(tmp_path, b"") == problem_of(tmp_path, b" \n\r\n\t") == empty
    pq.write_table(pa.table({"a": [1]}), tmp_path / "a.parquet")
    check_readable(tmp_path / "a.parquet")
    with pytest.raises(DataError) as error:
        read(tmp_path, b"\xef\xbb\xbf\n\n")
    assert str(error.value) == empty
