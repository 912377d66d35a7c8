"""Finds what is wrong with a text file, and in which line: a second pass, after reading failed."""

import csv
import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from morec.data.files.likely import encoding_of
from morec.data.files.packed import open_packed
from morec.data.files.text_format import TextFormat
from morec.data.files.text_stream import BLOCK_BYTES, MARK, MARKED, utf8_stream

NUM_SHOWN = 60
"""Characters of a line in an error."""


@contextmanager
def open_lines(path: Path, text: TextFormat) -> Iterator[Iterator[str]]:
    """Open the lines with ``text.delimiter`` between fields; bytes that are no text are marked.

    A line comes in pieces of 16 MB: a small packed file may hold one line that fills the memory.
    """
    with (
        open_packed(path) as stream,
        utf8_stream(stream, text, errors=MARKED) as utf8,
        io.TextIOWrapper(utf8, encoding="utf-8-sig", errors=MARKED, newline="") as decoded,
    ):
        yield iter(partial(decoded.readline, BLOCK_BYTES), "")


def rows_of(
    lines: Iterable[str], text: TextFormat, *, is_strict: bool = False
) -> Iterator[list[str]]:
    """Split lines into fields, as ``text`` says; ``is_strict`` refuses quotes against RFC 4180."""
    return csv.reader(
        lines,
        delimiter=text.delimiter,
        quoting=csv.QUOTE_MINIMAL if text.is_quoted else csv.QUOTE_NONE,
        strict=is_strict,
    )


def fault_of(path: Path, text: TextFormat, num_fields: int) -> str | None:
    """Return the first fault with its line, counted from 1; None if there is none to be seen.

    A fault is a row with more or fewer than ``num_fields``, a quoted field that does not end, a
    line that is too long, or one that is no text.
    """
    with open_lines(path, text) as lines:
        numbered = _Numbered(lines)
        rows = rows_of(numbered, text, is_strict=text.is_quoted)
        while True:
            numbered.begin()
            try:
                row = next(rows, None)
            except csv.Error as error:
                return _broken(numbered, error)
            if row is None:
                return None
            if MARK in numbered.text:
                return f"line {numbered.line} is {not_text(path, text)}"
            if row and len(row) != num_fields:
                shown = text.separator.join(row)[:NUM_SHOWN]
                return f"line {numbered.line}: {len(row)} fields, expected {num_fields}: {shown!r}"


def not_text(path: Path, text: TextFormat) -> str:
    """Say that a line is no text of the encoding, and which encoding is likely."""
    likely = encoding_of(path)
    is_new = likely is not None and likely != text.encoding
    if not is_new:
        return f"no {text.encoding.upper()} text"
    cure = (
        f"give `{text.encoding_option}: {likely}`" if text.encoding_option else "save it as UTF-8"
    )
    return f"no {text.encoding.upper()} text; it looks like {likely}: {cure}"


class _Numbered:
    """Counts lines, and keeps those of the row that is being read."""

    line: int
    """The number of the row's first line."""
    text: str
    """The beginning of the row."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._last = 0

    def begin(self) -> None:
        self.line, self.text = self._last + 1, ""

    @property
    def num_lines(self) -> int:
        """Lines of the row."""
        return self._last - self.line + 1

    def __iter__(self) -> "_Numbered":
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._last += 1
        if MARK in line or not self.text:
            self.text = line
        return line


def _broken(rows: _Numbered, error: csv.Error) -> str | None:
    if "field limit" not in str(error) or rows.num_lines > 1:
        return (
            f"line {rows.line}: a field begins with a quote and is not closed by a quote before "
            f"the next separator: {rows.text[:NUM_SHOWN].rstrip()!r}. In CSV, quotes enclose a "
            "whole field, and a quote within it is written twice"
        )
    if len(rows.text) >= BLOCK_BYTES:
        return f"line {rows.line} has more than {BLOCK_BYTES:,} characters"
    return None
