"""The check of quotes agrees with Python's strict CSV reader."""

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from morec.data.files.text_stream import check_quotes


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
