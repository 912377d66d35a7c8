"""A file's name or its options say how it is written; what neither says is asked for."""

import gzip
from pathlib import Path

import pytest

from morec.data.files.text_format import (
    TextFormat,
    is_parquet,
    other_separator,
    suffix_of,
    text_format,
)
from morec.errors import DataError


@pytest.mark.parametrize(
    ("separator", "is_quoted", "delimiter"),
    [
        (",", True, ","),
        (";", True, ";"),
        ("|", True, "|"),
        ("\t", False, "\t"),
        ("\x01", False, "\x01"),
        (" ", False, "\x1f"),
        ("::", False, "\x1f"),
        ("§", False, "\x1f"),
    ],
)
def test_fields_are_separated_by_one_character_once_they_are_streamed(
    separator: str, is_quoted: bool, delimiter: str
) -> None:
    text = TextFormat(separator)
    assert (text.is_quoted, text.delimiter, text.encoding) == (is_quoted, delimiter, "utf-8")


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        ("a.csv", ".csv"),
        ("A.b.TSV", ".tsv"),
        ("a.b.csv.gz", ".csv"),
        ("a.b.TSV.XZ", ".tsv"),
        ("a.zip", ".zip"),
        ("a.csv.zip", ".zip"),
        ("a.gz", ""),
        ("a", ""),
    ],
)
def test_the_suffix_is_that_of_the_unpacked_file(name: str, suffix: str) -> None:
    assert suffix_of(Path("folder.x", name)) == suffix


def test_only_the_suffix_makes_a_parquet_file() -> None:
    names = ("a.parquet", "a.PARQUET", "a.parquet.gz", "parquet")
    assert [is_parquet(Path(name)) for name in names] == [True, True, False, False]


def test_options_win_over_the_suffix() -> None:
    path = Path("a.csv.gz")
    assert text_format(path) == TextFormat(",", "utf-8", "separator", "encoding")
    assert text_format(path, ";", "gbk", prefix="items_") == TextFormat(
        ";", "gbk", "items_separator", "items_encoding"
    )
    assert text_format(Path("a.dat"), "::").separator == "::"


@pytest.mark.parametrize(
    ("name", "content", "found", "likely"),
    [
        ("a.b.json", b"x;y\n", ".json", "';'"),
        ("a", b"x|y\n", "no suffix", "'|'"),
        ("a.b.dat.gz", gzip.compress(b"\nx::y\n", mtime=0), ".dat.gz", "'::'"),
        ("a.dat", b"x\n", ".dat", '"\\t"'),
        ("a.dat", None, ".dat", '"\\t"'),
    ],
)
def test_a_name_that_says_nothing_asks_for_the_option_with_an_example(
    name: str, content: bytes | None, found: str, likely: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as error:
        text_format(tmp_path / name, prefix="items_")
    assert str(error.value) == (
        f"{name}: {found!r} does not say what separates the fields; allowed: .csv, .tsv (also "
        "packed: .csv.gz, .csv.xz, .tsv.gz, .tsv.xz), .parquet, or any name with the option "
        f"`items_separator`, for example `items_separator: {likely}`"
    )


def test_another_separator_is_named_with_its_cure() -> None:
    text = text_format(Path("a.csv"))
    looks = "the fields look separated by"
    assert other_separator(text, "a;b") == f"{looks} ';': give `separator: ';'`"
    assert other_separator(TextFormat(","), "a\tb,c") == f"{looks} '\\t': save it as CSV or TSV"
    assert other_separator(text, "a,b") is None
    assert other_separator(text, "a") is None
