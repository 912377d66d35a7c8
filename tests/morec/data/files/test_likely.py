"""What separates fields and how a text is encoded is guessed from what it looks like."""

import codecs
from pathlib import Path

import pytest

from morec.data.files import likely
from morec.data.files.likely import encoding_of, quoted_for_yaml, separator_of_line


@pytest.mark.parametrize(
    ("line", "separator"),
    [
        ("a\tb;c", "\t"),
        ("a;b,c", ";"),
        ("a::b|c", "::"),
        ("a|b,c", "|"),
        ("a b,c", ","),
        ("a b", " "),
        (" a \t\n", None),
        ("", None),
    ],
)
def test_the_first_likely_separator_within_a_line_is_taken(
    line: str, separator: str | None
) -> None:
    assert separator_of_line(line) == separator


def test_a_separator_that_is_known_to_be_wrong_is_not_taken() -> None:
    assert separator_of_line("a;b,c", ";") == ","
    assert separator_of_line("a,b", ",") is None


def test_separators_are_spelled_as_in_a_study() -> None:
    assert [quoted_for_yaml(one) for one in ("\t", ";", " ")] == ['"\\t"', "';'", "' '"]


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (codecs.BOM_UTF16_LE + b"a\0", "utf-16"),
        (codecs.BOM_UTF16_BE + b"\0a", "utf-16"),
        (codecs.BOM_UTF32_LE + b"a\0\0\0", "utf-32"),
        (codecs.BOM_UTF32_BE + b"\0\0\0a", "utf-32"),
        ("aaĀ".encode("utf-16-be") * 8, "utf-16-be"),
        ("Ȁaa".encode("utf-16-le") * 8, "utf-16-le"),
        (b"a,b\n1,2\n", "utf-8"),
    ],
)
def test_a_mark_decides_and_then_where_zeros_stand(
    content: bytes, encoding: str, tmp_path: Path
) -> None:
    (tmp_path / "t").write_bytes(content)
    assert encoding_of(tmp_path / "t") == encoding


def test_an_encoding_is_guessed_from_the_lines_beyond_ascii(tmp_path: Path) -> None:
    line = "电影\x01,北京的春天\n"
    (tmp_path / "t").write_bytes(b"a,b\n" * 20_000 + line.encode("gbk") * 3)
    found = encoding_of(tmp_path / "t")
    assert found is not None
    assert line.encode("gbk").decode(found) == line


def test_only_the_first_lines_beyond_ascii_are_taken_without_control_characters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(likely, "NUM_ODD_LINES", 2)
    monkeypatch.setattr(likely, "LONGEST", 5)
    lines = [b"a\n", b"\xe9\x01b\n", b"b\n", b"\xe8\x1f 456\n", b"\xe7\n"]
    assert likely._odd_lines(lines) == b"\xe9 b \xe8  45"
