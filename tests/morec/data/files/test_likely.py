"""What separates fields and how a text is encoded is guessed from what it looks like."""

import codecs
import gzip
import lzma
import random
from pathlib import Path

import pytest

from morec.data.files import likely
from morec.data.files.likely import encoding_of, quoted_for_yaml, separator_of_line
from morec.data.files.packed import BROKEN, NUM_LOOKED, first_bytes, open_packed


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
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(likely, "NUM_ODD_LINES", 2)
    (tmp_path / "t").write_bytes(b"a\n\xe9\x01b\nb\n\xe8\x1f 456\n\xe7\n")
    assert likely._odd_lines(tmp_path / "t") == b"\xe9 b \xe8  456 "


def test_a_long_line_is_read_in_pieces(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(likely, "LONGEST", 4)
    (tmp_path / "t").write_bytes(b"\xe9bcdefgh\xe8")
    assert list(likely._readable(tmp_path / "t")) == [b"\xe9bcd", b"efgh", b"\xe8"]
    assert likely._odd_lines(tmp_path / "t") == b"\xe9bcd\xe8"


@pytest.mark.parametrize("pack", [gzip, lzma])
@pytest.mark.parametrize("damage", [b"", bytes(1000)], ids=["cut off", "overwritten"])
def test_a_file_that_breaks_off_is_guessed_by_what_stands_before(
    pack, damage: bytes, tmp_path: Path
) -> None:
    draw = random.Random(0)
    lines = [f"电影{draw.getrandbits(200)},北京的春天\n".encode("gbk") for _ in range(5000)]
    packed = pack.compress(b"".join(lines))
    path = tmp_path / {gzip: "t.gz", lzma: "t.xz"}[pack]
    path.write_bytes(packed[: len(packed) // 2] + damage)
    assert len(first_bytes(path)) == NUM_LOOKED
    with pytest.raises(BROKEN), open_packed(path) as stream:
        stream.read()
    found = encoding_of(path)
    assert found is not None
    assert lines[0].decode(found) == lines[0].decode("gbk")
