"""Packed files are read like others, and what is no text is known by its first bytes."""

import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest

from morec.data.files.packed import check_is_text, first_bytes, first_line, open_packed
from morec.errors import DataError

PACK: dict[str, Callable[[bytes], bytes]] = {
    "t.csv": bytes,
    "t.csv.gz": gzip.compress,
    "T.CSV.GZ": gzip.compress,
    "t.tsv.xz": lzma.compress,
    "t.XZ": lzma.compress,
}


@pytest.mark.parametrize("name", PACK)
def test_the_suffix_says_how_a_file_is_packed(name: str, tmp_path: Path) -> None:
    content = b"\xe9," * 50_000
    (tmp_path / name).write_bytes(PACK[name](content))
    with open_packed(tmp_path / name) as stream:
        assert stream.read() == content
    assert first_bytes(tmp_path / name) == content[: 64 * 1024]


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.csv.xz"])
def test_a_broken_or_missing_file_has_no_first_bytes(name: str, tmp_path: Path) -> None:
    assert first_bytes(tmp_path / name) == b""
    content = b"" if name == "t.csv" else b"not packed"
    (tmp_path / name).write_bytes(content)
    assert first_bytes(tmp_path / name) == b""
    assert first_line(tmp_path / name) == ""


def test_the_first_line_is_the_first_that_is_not_empty(tmp_path: Path) -> None:
    (tmp_path / "t").write_bytes(b"\xef\xbb\xbf\n \n a;\xff\nb\n")
    assert first_line(tmp_path / "t") == " a;\ufffd"


@pytest.mark.parametrize(
    ("start", "what"),
    [
        (b"PAR1", "a Parquet file; its name must end with .parquet"),
        (b"\x1f\x8b\x08", "packed by gzip; its name must end with .gz"),
        (b"\xfd7zXZ\0", "packed by xz; its name must end with .xz"),
        (b"BZh9", "packed by bzip2; unpack it first"),
        (b"PK\x03\x04", "a ZIP archive or a spreadsheet; unpack it, or save it as CSV"),
        (b"7z\xbc\xaf\x27", "a 7z archive; unpack it first"),
        (b"\xd0\xcf\x11\xe0", "an old spreadsheet; save it as CSV"),
        (b"\x80\x04\x95", "a pickle; save it as CSV or Parquet"),
    ],
)
def test_a_file_of_another_kind_says_what_it_is(start: bytes, what: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(start + b"...")
    with pytest.raises(DataError) as error:
        check_is_text(tmp_path / "t.csv")
    assert str(error.value) == f"t.csv: this is {what}"


def test_text_is_no_other_kind(tmp_path: Path) -> None:
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(b"a,PAR1\n"))
    check_is_text(tmp_path / "t.csv.gz")
