"""Opens files, packed or not, and looks at their first bytes."""

import gzip
import lzma
import zlib
from pathlib import Path
from typing import BinaryIO, cast

from morec.errors import DataError

PACKED = (".gz", ".xz")
MAGIC = {
    b"PAR1": "a Parquet file; its name must end with .parquet",
    b"\x1f\x8b": "packed by gzip; its name must end with .gz",
    b"\xfd7zXZ": "packed by xz; its name must end with .xz",
    b"BZh": "packed by bzip2; unpack it first",
    b"PK\x03\x04": "a ZIP archive or a spreadsheet; unpack it, or save it as CSV",
    b"7z\xbc\xaf": "a 7z archive; unpack it first",
    b"\xd0\xcf\x11\xe0": "an old spreadsheet; save it as CSV",
    b"\x80\x04\x95": "a pickle; save it as CSV or Parquet",
}
"""First bytes of files that are no text, and what to do with them."""
BROKEN = (OSError, EOFError, zlib.error, lzma.LZMAError)
"""What reading a damaged file raises, packed or not."""
NUM_LOOKED = 1 << 16
"""Bytes of a file that are looked at to tell how it is written."""


def open_packed(path: Path) -> BinaryIO:
    """Open ``path`` for reading, unpacking ``.gz`` and ``.xz``."""
    match path.suffix.lower():
        case ".gz":
            return cast(BinaryIO, gzip.open(path))
        case ".xz":
            return cast(BinaryIO, lzma.open(path))
    return path.open("rb")


def first_bytes(path: Path) -> bytes:
    """Return the first 64 KB, or less of a file that is shorter or broken."""
    try:
        with open_packed(path) as stream:
            return stream.read(NUM_LOOKED)
    except BROKEN:
        return b""


def first_line(path: Path) -> str:
    """Return the first line that is not empty, as far as it is text."""
    lines = first_bytes(path).decode("utf-8-sig", "replace").splitlines()
    return next((line for line in lines if line.strip()), "")


def check_is_text(path: Path) -> None:
    """Refuse files that are no text by their first bytes.

    Raises:
        DataError: names what the file is.
    """
    start = first_bytes(path)
    for magic, what in MAGIC.items():
        if start.startswith(magic):
            raise DataError(f"{path.name}: this is {what}")
