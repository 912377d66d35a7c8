"""Streams a text file as UTF-8 whose fields are separated by one character, whatever it was."""

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import BinaryIO, cast

import numpy as np

from morec.data.files.text_format import UNIT, TextFormat

BLOCK_BYTES = 1 << 24
"""Bytes of text in memory at a time; no row may be longer."""
MARK = "\ud800"
"""Stands for bytes that are not text in the file's encoding; no text holds it."""
MARKED = "morec-mark"
codecs.register_error(MARKED, lambda error: (MARK, cast(UnicodeDecodeError, error).end))


def utf8_stream(stream: BinaryIO, text: TextFormat, *, errors: str = "strict") -> BinaryIO:
    """Return ``stream`` as UTF-8 with ``text.delimiter`` between fields.

    Reading it raises a ``UnicodeError`` for bytes that are no text; with ``errors=MARKED`` each
    becomes a ``MARK``. Plain UTF-8 is passed on as it is.
    """
    chunks = _chunks(stream)
    is_utf8 = codecs.lookup(text.encoding).name in ("utf-8", "utf-8-sig")
    if is_utf8 and text.delimiter != UNIT:
        return stream
    if not is_utf8:
        chunks = _transcoded(chunks, text.encoding, errors)
    if text.delimiter == UNIT:
        chunks = map(_separated(text.separator), _whole_lines(chunks))
    return _readable(chunks)


def check_quotes(stream: BinaryIO, delimiter: str) -> BinaryIO:
    """Return ``stream`` unchanged; reading it raises a ``csv.Error`` at a quote against RFC 4180.

    A field that begins with a quote ends with one, and quotes in it are doubled. Quotes in a field
    that does not begin with one are text.
    """
    return _readable(_well_quoted(_whole_lines(_chunks(stream)), delimiter.encode()))


class _Chunks(io.RawIOBase):
    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def _readable(chunks: Iterable[bytes]) -> BinaryIO:
    return cast(BinaryIO, io.BufferedReader(_Chunks(chunks)))


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    while chunk := stream.read(BLOCK_BYTES >> 4):
        yield chunk


def _transcoded(chunks: Iterable[bytes], encoding: str, errors: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    for chunk in chunks:
        yield decoder.decode(chunk).encode("utf-8", "surrogatepass")
    yield decoder.decode(b"", final=True).encode("utf-8", "surrogatepass")


def _whole_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        cut = chunk.rfind(b"\n") + 1
        if cut:
            yield rest + chunk[:cut]
            rest = chunk[cut:]
        else:
            rest += chunk
        if len(rest) > BLOCK_BYTES:
            raise csv.Error(f"a line has more than {BLOCK_BYTES:,} bytes")
    yield rest


def _separated(separator: str) -> Callable[[bytes], bytes]:
    if separator == " ":
        return _without_blanks
    plain, unit = separator.encode(), UNIT.encode()
    return lambda lines: lines.replace(plain, unit)


def _without_blanks(lines: bytes) -> bytes:
    # The ``# `` of a header that numpy's ``savetxt`` wrote would otherwise be a field.
    trimmed = re.sub(rb"(?m)^[ \t]*(?:#[ \t]+)?|[ \t]+(?=\r?$)", b"", lines)
    return re.sub(rb"[ \t]+", UNIT.encode(), trimmed)


def _well_quoted(pieces: Iterable[bytes], delimiter: bytes) -> Iterator[bytes]:
    """Pass on whole lines; a quoted field that goes on in the next piece waits for it."""
    rest = b""
    for piece in pieces:
        whole = rest + piece if rest else piece
        end = _end_of_good(whole, delimiter)
        yield whole[:end] if end < len(whole) else whole
        rest = whole[end:]
        if len(rest) > BLOCK_BYTES:
            break
    if rest:
        raise csv.Error("a quoted field does not end")


def _end_of_good(lines: bytes, delimiter: bytes) -> int:
    """Return where the first quoted field begins that is not closed, or the end of ``lines``."""
    if b'"' not in lines or _alternates(lines, delimiter):
        return len(lines)
    match = _good(delimiter).match(lines)
    assert match is not None  # It may be empty.
    return match.end()


def _alternates(lines: bytes, delimiter: bytes) -> bool:
    """Whether every second quote opens a field and the one behind it closes the field.

    A doubled quote closes the field and opens it again. It is the fast answer for most files;
    ``_good`` also knows fields with a quote in their middle.
    """
    characters = np.frombuffer(b"\n" + lines + b"\n", np.uint8)
    quotes = np.flatnonzero(characters == ord('"'))
    is_edge = np.zeros(256, bool)
    is_edge[[*delimiter, *b'\r\n"']] = True
    opens, closes = quotes[::2], quotes[1::2]
    if len(opens) != len(closes):
        return False
    is_again = np.append(False, opens[1:] - closes[:-1] == 1)
    before = characters[opens - 1]
    is_first = is_edge[before] & (before != ord('"'))
    return bool((is_first | is_again).all() and is_edge[characters[closes + 1]].all())


@cache
def _good(delimiter: bytes) -> re.Pattern[bytes]:
    """Return what matches fields up to the first quoted one that does not end as it must."""
    edge = re.escape(delimiter) + rb"\r\n"
    quoted = rb'(?<![^%b])"(?:[^"]++|"")*+"(?=[%b]|\Z)' % (edge, edge)
    return re.compile(rb'(?:[^"]++|%b|(?<=[^%b])")*+' % (quoted, edge))
