"""A damaged data file is read as a dataset or raises a ``DataError``."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from morec.data.dataset import load_dataset
from morec.errors import DataError
from tests.fuzz.mutations import damaged, fuzzed
from tests.morec.data.reader_cases import CASES, Case, write_files

NAMES = [name for name, case in CASES.items() if case.files]
SNIPPETS = [
    *(
        b",",
        b"\t",
        b"::",
        b"\n",
        b"\r\n",
        b"\r",
        b'"',
        b"''",
        b"\x00",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
    ),
    *(b"9" * 30, b"-1", b"1e400", b"nan", b"NULL", b"2020-13-40", b"9999-99-99T99", b"inf"),
    *(b"{" * 3000, b"[" * 100_000, b"{}", b"null", b'{"asin": 1}', b"'", b"\\ud800", b"\\u0000"),
    *(b"(" * 200, b"9**9**9", b"__import__('os')", b"-" * 5000 + b"1", b"../../etc/passwd", b"/"),
    *(b";", b"|", b" ", b"# ", b":token", b":float_seq", "\u00a0".encode(), "\u200b".encode()),
    *(
        b'"a""',
        b'",',
        b',"',
        b'\n"',
        b"\x1f",
        b"\x1f\x8b",
        b"PAR1",
        b"\x80\x81",
        ";\n".encode("utf-16"),
    ),
    *(b" " * 50, b"u0", b"i1", b"timestamp", b"user_id", b"\xed\xa0\x80", "\u2028é".encode()),
]


def test_an_image_with_a_name_too_long_for_any_is_a_data_error(tmp_path: Path) -> None:
    """Found by the test below."""
    case = CASES["images"]
    case.write(tmp_path)
    name = "c.csv"
    write_files(tmp_path, {name: case.files[name].replace(b"i1.png", b"-" * 5000 + b"1.png")})
    with pytest.raises(DataError, match="File name too long"):
        load_dataset(case.spec(), tmp_path)


def write_damaged(case: Case, root: Path, data: st.DataObject) -> None:
    """Write the files of a case, one of them damaged."""
    file = data.draw(st.sampled_from(list(case.files)))
    case.write(root)
    write_files(root, {file: data.draw(damaged([case.files[file]], SNIPPETS))})


SEPARATORS = [",", ";", "\t", "|", "::", " ", "§", "\x01", "\x1f", "u", "\rx", "\ufeff", "0"]
ENCODINGS = [
    *("utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32", "latin-1", "cp1252", "gbk", "gb18030"),
    *("big5", "shift-jis", "iso2022-jp", "euc-kr", "utf-7", "idna", "punycode", "unicode-escape"),
]
WITH_KEYS = ["files csv", "files blanks", "files utf16", "pairs", "recbole", "sequences"]


@pytest.mark.parametrize("name", WITH_KEYS)
@fuzzed(30)
@given(data=st.data())
def test_any_separator_and_encoding_give_data_or_a_data_error(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    case, root = CASES[name], tmp_path_factory.getbasetemp() / f"{name} keys"
    keys = {"encoding": st.sampled_from(ENCODINGS)}
    if name != "sequences":
        keys["separator"] = st.sampled_from(SEPARATORS) | st.text(max_size=2)
    drawn = {key: data.draw(values) for key, values in keys.items()}
    file = data.draw(st.sampled_from(list(case.files)))
    whole = [case.files[file]]
    if data.draw(st.booleans()):
        whole = [
            text.decode("utf-16" if b"\0" in text else "utf-8").encode(ENCODINGS[3])
            for text in whole
        ]
    case.write(root)
    write_files(root, {file: data.draw(damaged(whole, SNIPPETS))})
    try:
        load_dataset(replace(case, options={**case.options, **drawn}).spec(), root)
    except (DataError, ValidationError) as error:
        assert str(error).strip()


@pytest.mark.parametrize("name", NAMES)
@fuzzed(30)
@given(data=st.data())
def test_a_damaged_file_is_data_or_a_data_error(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    case, root = CASES[name], tmp_path_factory.getbasetemp() / name
    write_damaged(case, root, data)
    try:
        load_dataset(case.spec(), root)
    except DataError as error:
        assert str(error).strip()
