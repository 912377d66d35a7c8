"""The first rows of a table, whatever it is written in, and how it is written."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pandas as pd
import pyarrow as pa

from morec.data.detect.guess import Guess, Question
from morec.data.detect.names import is_named
from morec.data.files.delimited import first_rows
from morec.data.files.headers import names_of
from morec.data.files.likely import CANDIDATES, MARKS, encoding_of
from morec.data.files.packed import check_is_text, first_bytes
from morec.data.files.parquet import parquet_header, read_parquet, type_problems
from morec.data.files.text_format import SEPARATORS, TextFormat, is_parquet, suffix_of
from morec.errors import DataError

NUM_ROWS = 200_000
"""Rows that are looked at."""
NUM_PEEKED = 200
"""Rows from which separator and header are told."""
NUM_EXAMPLE = 60
"""Bytes of a line that are shown."""
WESTERN = "cp1252"
"""What Western European texts are written in that are no UTF-8."""
MAX_CONTROL = 0.01
"""Share of control characters up to which bytes are text."""
NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)
"""A number as pandas reads it: without ``ASCII``, digits of other scripts would match."""


@dataclass(frozen=True)
class Table:
    """A table's first rows."""

    path: Path
    columns: dict[str, pd.Series]
    """Values as text without blanks around them, by column; an empty text is a missing value.
    Columns of a file without a header are called ``1``, ``2``, ..."""
    text: TextFormat | None
    """How it is written; None for Parquet."""
    has_header: bool = True
    is_ragged: bool = False
    """Whether rows have different numbers of fields."""

    @property
    def separator(self) -> str | None:
        """What must be said of the separator, since the name does not say it."""
        known = SEPARATORS.get(suffix_of(self.path))
        return None if self.text is None or self.text.separator == known else self.text.separator

    @property
    def encoding(self) -> str | None:
        """What must be said of the encoding, since it is not UTF-8."""
        return None if self.text is None or self.text.encoding == "utf-8" else self.text.encoding

    def encoding_option(self, prefix: str = "") -> list[Guess | Question]:
        """The option ``encoding``, if one is needed; a question where texts differ by it."""
        if self.encoding is None:
            return []
        odd = _odd_bytes(self.path)
        likely = dict.fromkeys((self.encoding, WESTERN))
        texts = {one: text for one in likely if (text := _decoded(odd, one)) is not None}
        if len(set(texts.values())) > 1 and _is_single_byte(self.encoding):
            examples = ", or ".join(f"{text!r} in {one}" for one, text in texts.items())
            text = f"How is {self.path.name} encoded? {examples}."
            return [Question((f"{prefix}encoding",), tuple((one,) for one in texts), text)]
        why = "by its bytes, which are no UTF-8"
        example = f": {texts[self.encoding]!r}" if texts.get(self.encoding) else ""
        return [Guess(f"{prefix}encoding", self.encoding, why + example)]


def read_table(path: Path) -> Table:
    """Read the first rows of a Parquet file or of a text file with any separator.

    Raises:
        DataError: the file is empty, broken, or neither text nor Parquet.
    """
    if is_parquet(path):
        return Table(path, _parquet_columns(path), None)
    text = _text_format(path)
    rows = first_rows(path, text, NUM_ROWS)
    has_header = _is_header(rows)
    names = names_of(rows[0]) if has_header else list(map(str, range(1, len(rows[0]) + 1)))
    if has_header and len(rows) == 1:
        raise DataError(f"{path.name}: has a header but no rows")
    below = [row for row in rows[has_header:] if len(row) == len(names)]
    columns = zip(*below, strict=True) if below else ([] for _ in names)
    named = {name: _stripped(values) for name, values in zip(names, columns, strict=True)}
    return Table(path, named, text, has_header, len(below) < len(rows) - has_header)


def check_readable(path: Path) -> None:
    """Refuse what cannot be looked at.

    Raises:
        DataError: a file is empty, or holds neither text nor Parquet.
    """
    if is_parquet(path):
        return
    check_is_text(path)
    start = first_bytes(path)
    if not start.strip():
        raise _is_empty(path)
    if not _is_utf16(start) and _share_of_control(start) > MAX_CONTROL:
        raise DataError(
            f"{path.name}: holds bytes that are no text; give CSV, TSV, JSON lines or Parquet"
        )


def _is_utf16(start: bytes) -> bool:
    is_marked = any(start.startswith(mark) for mark in MARKS)
    halves = sorted((start[::2].count(0), start[1::2].count(0)))
    return is_marked or (halves[0] == 0 and 4 * halves[1] >= len(start))


def _share_of_control(start: bytes) -> float:
    control = set(range(32)) - set(b"\t\n\r\f\x1f")
    return sum(byte in control for byte in start) / len(start)


def _is_empty(path: Path) -> DataError:
    return DataError(f"{path.name}: the file is empty; give one with a header and rows")


def _odd_bytes(path: Path) -> bytes:
    """The first line beyond ASCII, as far as an example needs."""
    lines = (line for line in first_bytes(path).splitlines() if not line.isascii())
    return next(lines, b"")[:NUM_EXAMPLE]


def _decoded(line: bytes, encoding: str) -> str | None:
    try:
        return line.decode(encoding).strip()
    except UnicodeDecodeError:
        return None


def _is_single_byte(encoding: str) -> bool:
    return len(bytes(range(0xC0, 0x100)).decode(encoding, "replace")) == 0x40


def _is_utf8(start: bytes) -> bool:
    if _is_utf16(start):
        return False  # Letters of ASCII in two bytes each are valid UTF-8, too.
    try:
        # The last character may be cut.
        start[: start.rfind(b"\n") + 1 or None].decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _text_format(path: Path) -> TextFormat:
    start = first_bytes(path)
    encoding = "utf-8" if _is_utf8(start) else encoding_of(path) or "utf-8"
    lines = start.decode(encoding, "replace").lstrip("\ufeff").splitlines()
    return TextFormat(_separator(path, lines), encoding)


def _separator(path: Path, lines: Sequence[str]) -> str:
    """Return the separator that the suffix promises, if it occurs; else the most regular one."""
    peeked = [line for line in lines if line.strip()][:NUM_PEEKED]
    if not peeked:
        raise _is_empty(path)
    promised = SEPARATORS.get(suffix_of(path))
    if promised and promised in peeked[0]:
        return promised
    regular = [each for each in CANDIDATES if each != " " and _is_regular(each, peeked)]
    if regular:
        return regular[0]
    return promised or (" " if " " in peeked[0].strip() else "\t")


def _is_regular(separator: str, lines: Sequence[str]) -> bool:
    """Whether nearly all lines have as many separators as the first, and at least one."""
    found = Counter(line.count(separator) for line in lines)
    num = lines[0].count(separator)
    return num > 0 and 10 * found[num] >= 9 * len(lines)


def _is_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names columns: by a known name, or as text above numbers."""
    names = names_of(rows[0])
    if any(map(is_named, names)):
        return True
    below = [row for row in rows[1:NUM_PEEKED] if len(row) == len(names)]
    return any(
        not NUMBER.fullmatch(name) and below and all(NUMBER.fullmatch(row[place]) for row in below)
        for place, name in enumerate(names)
    )


def _parquet_columns(path: Path) -> dict[str, pd.Series]:
    names = parquet_header(path)
    plain = [name for name in names if not type_problems(path, {"": name})]
    batches = islice(read_parquet(path, plain), 1 + NUM_ROWS // 65_536)
    table = pa.Table.from_batches(list(batches)).slice(0, NUM_ROWS)
    return {name: _stripped(table[name].cast(pa.string()).to_pylist()) for name in plain}


def _stripped(values: Sequence[str | None]) -> pd.Series:
    return pd.Series([_text(value.strip()) if value else "" for value in values], dtype="str")


def _text(value: str) -> str:
    """The value without marks of bytes that are no text; reading the file names their line."""
    return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
