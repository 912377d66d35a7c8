"""The check of quotes agrees with Python's strict CSV reader."""

import csv
import io
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from morec.data.files import text_stream
from morec.data.files.text_format import TextFormat
from morec.data.files.text_stream import MARK, MARKED, check_quotes, utf8_stream


def is_accepted(text: bytes) -> bool:
    try:
        return check_quotes(io.BytesIO(text), ",").read() == text  # type: ignore[arg-type]
    except csv.Error:
        return False


def is_strict(text: str) -> bool:
    try:
        list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error:
        return False
    return True


@given(st.text(alphabet='",\na', max_size=14))
def test_quotes_are_accepted_where_the_strict_reader_accepts_them(text: str) -> None:
    assert is_accepted(text.encode()) == is_strict(text)


def alternates(text: str) -> bool:
    """Whether every second quote closes the field that the one before it opens, by a loop."""
    is_open = False
    for place in (place for place, letter in enumerate(text) if letter == '"'):
        before, after = text[place - 1 : place], text[place + 1 : place + 2]
        if is_open and after not in ("", ",", "\r", "\n", '"'):
            return False
        if not is_open and before not in ("", ",", "\r", "\n", '"'):
            return False
        is_open = not is_open
    return not is_open


def test_quotes_that_enclose_whole_fields_are_seen_at_once() -> None:
    texts = ["".join(letters) for size in range(6) for letters in product('",\n\ra', repeat=size)]
    texts += ['"a","b,c"\r\n"d""e","""f"""', '"a","b,c"\r\n"d""e", "f"', '"a","b"c,"d"', 'a"","b"']
    wrong = [
        text
        for text in texts
        if text_stream._alternates(text.encode(), b",") is not alternates(text)
    ]
    assert wrong == []


def utf8(content: bytes, text: TextFormat, errors: str = "strict") -> str:
    stream = utf8_stream(io.BytesIO(content), text, errors=errors)
    return stream.read().decode("utf-8", "surrogatepass")


@pytest.mark.parametrize("encoding", ["utf-8", "UTF8", "utf-8-sig"])
def test_plain_utf8_is_passed_on_as_it_is(encoding: str) -> None:
    stream = io.BytesIO(b"a,b\n")
    assert utf8_stream(stream, TextFormat(",", encoding)) is stream


def test_other_texts_become_utf8_with_one_separator() -> None:
    assert utf8("é,b\nc".encode("utf-16"), TextFormat(",", "utf-16")) == "é,b\nc"
    assert utf8("é::b\nc::".encode("gbk"), TextFormat("::", "gbk")) == "é\x1fb\nc\x1f"
    blanks = b" # a \t b \r\n1  2\t\n  # 3 4"
    assert utf8(blanks, TextFormat(" ")) == "a\x1fb\r\n1\x1f2\n3\x1f4"


@pytest.mark.parametrize("end", [b"\xff", b"\xff,1\n", "电".encode("gbk")[:1]])
def test_bytes_that_are_no_text_are_refused_or_marked_also_at_the_end(end: bytes) -> None:
    text = TextFormat(",", "gbk")
    with pytest.raises(UnicodeError):
        utf8("é,".encode("gbk") + end, text)
    assert utf8("é,".encode("gbk") + end, text, MARKED).startswith(f"é,{MARK}")


@pytest.mark.parametrize(("length", "is_read"), [(64, True), (69, False)])
def test_a_line_may_fill_a_block(
    length: int, is_read: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_stream, "BLOCK_BYTES", 64)
    line = b"x" * length + b"\n"
    if is_read:
        assert utf8(line, TextFormat("::")) == line.decode()
    else:
        with pytest.raises(csv.Error, match=r"^a line has more than 64 bytes$"):
            utf8(line, TextFormat("::"))


@pytest.mark.parametrize(("length", "is_read"), [(64, True), (68, False)])
def test_a_quoted_field_may_fill_a_block(
    length: int, is_read: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_stream, "BLOCK_BYTES", 64)
    field = b'"' + b"abc\n" * (length // 4 - 1) + b"ab\n"
    assert len(field) == length
    text = b"abc\n" + field + b'c"\nabc\n'
    assert is_accepted(text) is is_read
