"""Guesses how a text file is written, for errors that name the cure; nothing is read by a guess."""

import codecs
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path

import charset_normalizer

from morec.data.files.packed import BROKEN, first_bytes, open_packed

CANDIDATES = ("\t", ";", "::", "|", ",", " ")
"""Separators that are looked for; one earlier in the list wins."""
MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""Byte order marks. That of UTF-32 begins with that of UTF-16."""
NUM_ODD_LINES = 2000
"""Lines with characters beyond ASCII from which an encoding is guessed."""
LONGEST = 1 << 16
"""Bytes of a line that are read at once: a small packed file may hold one that fills the memory."""


def separator_of_line(line: str, other_than: str = "") -> str | None:
    """Return what separates the fields of ``line``; None if nothing likely does."""
    found = [each for each in CANDIDATES if each != other_than and each in line.strip()]
    return found[0] if found else None


def encoding_of(path: Path) -> str | None:
    """Return the likely encoding of a file that is no UTF-8 text; a byte order mark decides."""
    start = first_bytes(path)
    marked = [encoding for mark, encoding in MARKS.items() if start.startswith(mark)]
    if marked:
        return marked[0]
    if b"\0" in start:
        is_big = start[::2].count(0) > start[1::2].count(0)
        return "utf-16-be" if is_big else "utf-16-le"
    guess = charset_normalizer.from_bytes(_odd_lines(path)).best()
    return guess.encoding.replace("_", "-") if guess else None


def quoted_for_yaml(separator: str) -> str:
    """Return ``separator`` as a study file spells it."""
    return '"\\t"' if separator == "\t" else f"'{separator}'"


def _odd_lines(path: Path) -> bytes:
    """Join the lines beyond ASCII: the others say nothing, and may fill the file's beginning."""
    odd = islice((line for line in _readable(path) if not line.isascii()), NUM_ODD_LINES)
    return b"".join(re.sub(rb"[\x00-\x1f]", b" ", line) for line in odd)


def _readable(path: Path) -> Iterator[bytes]:
    """Lines, long ones in pieces, up to where a damaged file breaks off: a guess needs no more."""
    with suppress(*BROKEN), open_packed(path) as stream:
        yield from iter(partial(stream.readline, LONGEST), b"")
