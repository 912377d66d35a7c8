"""CSV and TSV files stream in batches; every broken file is an error that says where."""

import gzip
import io
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest

from morec.data.files import delimited
from morec.data.files.delimited import first_rows, read_batches
from morec.errors import DataError
from tests.morec.data.endless import Endless

Options = dict[str, object]


def rows_of(path: Path, separator: str = ",", **options: object) -> list[dict[str, object]]:
    batches = read_batches(path, separator, **options)  # type: ignore[arg-type]
    return [row for batch in batches for row in batch.to_pylist()]


def message_of(path: Path, **options: object) -> str:
    with pytest.raises(DataError) as error:
        rows_of(path, **options)
    return str(error.value)


def test_only_empty_values_are_missing(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('a,b\n007,NA\n"",None\n1e5,"x ""y"", z\nw"\n')
    assert rows_of(path) == [
        {"a": "007", "b": "NA"},
        {"a": None, "b": "None"},
        {"a": "1e5", "b": 'x "y", z\nw'},
    ]
    assert rows_of(path, columns=["b"])[0] == {"b": "NA"}


def test_without_quoting_a_quote_is_text(tmp_path: Path) -> None:
    path = tmp_path / "t.tsv"
    path.write_bytes(b'1\t"A\r\n2\tB"\r\n')
    found = rows_of(path, separator="\t", names=("id", "title"), is_quoted=False)
    assert found == [{"id": "1", "title": '"A'}, {"id": "2", "title": 'B"'}]
    assert first_rows(path, "\t", 1, is_quoted=False) == [["1", '"A']]


@pytest.mark.parametrize(("suffix", "pack"), [("gz", gzip.compress), ("xz", lzma.compress)])
def test_long_files_come_in_batches_whether_packed_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, pack: type[bytes]
) -> None:
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 1000)
    text = b"n\n" + b"".join(b"%d\n" % n for n in range(1000))
    plain, packed = tmp_path / "t.csv", tmp_path / f"t.csv.{suffix}"
    plain.write_bytes(text)
    packed.write_bytes(pack(text))
    assert len(list(read_batches(plain, ","))) > 3
    assert rows_of(plain) == rows_of(packed) == [{"n": str(n)} for n in range(1000)]


@pytest.mark.parametrize("options", [{}, {"names": ("a", "b")}])
def test_an_empty_file_says_so(tmp_path: Path, options: Options) -> None:
    (tmp_path / "t.csv").write_text("\n\n")
    assert message_of(tmp_path / "t.csv", **options) == "t.csv: the file is empty"


def test_a_header_without_rows_says_so(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n")
    assert message_of(tmp_path / "t.csv") == "t.csv: has a header but no rows"


@pytest.mark.parametrize(("row", "found"), [("3,4,5", 3), ("3", 1)])
def test_a_row_of_another_length_is_named_with_its_number(
    tmp_path: Path, row: str, found: int
) -> None:
    (tmp_path / "t.csv").write_text(f"a,b\n1,2\n{row}\n")
    assert message_of(tmp_path / "t.csv") == (
        f"t.csv: cannot be read: CSV parse error: Row #3: Expected 2 columns, got {found}: {row}"
    )


def test_text_that_is_not_utf8_is_named_with_its_row(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"a,b\n1,2\n3,\xff\n")
    assert message_of(tmp_path / "t.csv") == (
        "t.csv: cannot be read: In CSV column #1: Row #3: CSV conversion error to string: "
        "invalid UTF8 data"
    )


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_a_first_row_that_is_not_utf8_is_refused(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "t.csv").write_bytes("é,b\n1,2\n".encode(encoding))
    assert message_of(tmp_path / "t.csv") == (
        "t.csv: cannot be read: the first row is no UTF-8 text"
    )


@pytest.mark.parametrize("read", [lambda path: first_rows(path, ",", 1), rows_of])
def test_a_packed_line_without_end_is_refused_before_it_fills_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Callable[[Path], object]
) -> None:
    endless = Endless()
    monkeypatch.setattr(delimited, "open_packed", lambda path: io.BufferedReader(endless))
    with pytest.raises(DataError, match=r"^t.csv.gz: cannot be read: field larger than"):
        read(tmp_path / "t.csv.gz")
    assert endless.num_bytes < 2 * delimited.BLOCK_BYTES
