"""The first fault of a text file is named with its line and, if there is one, its cure."""

from pathlib import Path

import pytest

from morec.data.files import text_faults
from morec.data.files.text_faults import fault_of, not_text, open_lines, rows_of
from morec.data.files.text_format import TextFormat
from morec.data.files.text_stream import MARK

COMMA, TAB = TextFormat(",", encoding_option="encoding"), TextFormat("\t")
QUOTE = (
    "a field begins with a quote and is not closed by a quote before the next separator: {!r}. In "
    "CSV, quotes enclose a whole field, and a quote within it is written twice"
)
LIMIT = 131_072
"""Characters of a field up to which Python's ``csv`` reads it."""


def written(folder: Path, content: bytes) -> Path:
    (folder / "t.csv").write_bytes(content)
    return folder / "t.csv"


def lines_of(path: Path, text: TextFormat) -> list[str]:
    with open_lines(path, text) as lines:
        return list(lines)


def test_lines_keep_their_ends_and_mark_what_is_no_text(tmp_path: Path) -> None:
    path = written(tmp_path, b"\xef\xbb\xbfa,\xff\r\n\r\nb\n\rc")
    assert lines_of(path, COMMA) == [f"a,{MARK}\r\n", "\r\n", "b\n", "\r", "c"]
    path = written(tmp_path, "é::".encode("gbk") + b"\xff\n")
    (line,) = lines_of(path, TextFormat("::", "gbk"))
    assert line.replace(MARK, "") == "é\x1f\n" != line


def test_long_lines_come_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_faults, "BLOCK_BYTES", 4)
    assert lines_of(written(tmp_path, b"123456789\n1\n"), TAB) == ["1234", "5678", "9\n", "1\n"]


def test_quotes_enclose_fields_of_some_files_and_are_text_in_others() -> None:
    assert list(rows_of(['1;"a;b"c\n'], TextFormat(";"))) == [["1", "a;bc"]]
    assert list(rows_of(['1\t"a\tb"\n'], TAB)) == [["1", '"a', 'b"']]
    assert list(rows_of(["1\x1f2 3\n"], TextFormat("::"))) == [["1", "2 3"]]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b'a,b\n\n1,"2\n\n3"\n', None),
        (b"", None),
        (b'a,b\n\n1,"2\n3"\n4\n', "line 5: 1 fields, expected 2: '4'"),
        (b"a,b,c\n1,2\n", "line 1: 3 fields, expected 2: 'a,b,c'"),
        (b"a,b\n1," + b"2" * 80 + b",3\n", f"line 2: 3 fields, expected 2: '1,{'2' * 58}'"),
        (b'a,b\n1,"x" y\n', "line 2: " + QUOTE.format('1,"x" y')),
        (b'a,b\n1,"x\ny\n', "line 2: " + QUOTE.format('1,"x')),
        (b'a,b\n1,"' + b"x" * 80, "line 2: " + QUOTE.format('1,"' + "x" * 57)),
        (b"a,b\n1," + b"x" * (LIMIT + 1) + b"\n", None),
        (b'a,b\n1,"x\n' + b"y" * (LIMIT + 1) + b'"\n', "line 2: " + QUOTE.format('1,"x')),
    ],
)
def test_a_fault_is_named_with_the_first_line_of_its_row(
    content: bytes, fault: str | None, tmp_path: Path
) -> None:
    assert fault_of(written(tmp_path, content), COMMA, 2) == fault


@pytest.mark.parametrize("row", [b"1,\xff", b'1,"\xff\n2"', b'1,"2\n\xff"', b'1,"2\n\xff\n3"'])
def test_a_row_with_bytes_that_are_no_text_is_named(row: bytes, tmp_path: Path) -> None:
    found = fault_of(written(tmp_path, b'a,b\n1,"2\n3"\n' + row + b"\n"), COMMA, 2)
    assert found is not None
    assert found.startswith("line 4 is no UTF-8 text")


def test_a_line_that_fills_a_block_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_faults, "BLOCK_BYTES", 150_000)
    path = written(tmp_path, b"a\n" + b"x" * 200_000 + b"\n")
    assert fault_of(path, TAB, 1) == "line 2 has more than 150,000 characters"


@pytest.mark.parametrize(
    ("text", "likely", "said"),
    [
        (COMMA, None, "no UTF-8 text"),
        (TextFormat(",", "gbk"), "gbk", "no GBK text"),
        (COMMA, "gbk", "no UTF-8 text; it looks like gbk: give `encoding: gbk`"),
        (TAB, "gbk", "no UTF-8 text; it looks like gbk: save it as UTF-8"),
    ],
)
def test_the_likely_encoding_is_named_if_it_is_another(
    text: TextFormat, likely: str | None, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_faults, "encoding_of", lambda path: likely)
    assert not_text(Path("t.csv"), text) == said
