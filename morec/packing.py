"""Whole numbers as text: little-endian, zlib, base64; how records keep ranks and lists."""

import base64
import zlib

import numpy as np
import numpy.typing as npt

from morec.errors import DataError

Ints = npt.NDArray[np.uint32]
MAX_NUMBERS = 2**28
"""So many are unpacked at most: a few bytes of zlib may stand for any number of zeros."""


def pack_integers(values: npt.ArrayLike) -> str:
    """Pack numbers of 0 to 2 ** 32 - 1 as uint32; the shape is not kept."""
    data = np.asarray(values).astype("<u4").tobytes()
    return base64.b64encode(zlib.compress(data, 9)).decode("ascii")


def unpack_integers(packed: str, count: int | None = None) -> Ints:
    """What ``pack_integers`` packed, flat; ``count`` numbers, where it is known how many.

    Raises:
        DataError: the text was not packed so, was cut off, or holds another number of numbers.
    """
    limit = MAX_NUMBERS if count is None else min(count, MAX_NUMBERS)
    stream = zlib.decompressobj()
    try:
        # One number more than wanted shows that there are more, whatever is behind it.
        data = stream.decompress(base64.b64decode(packed), 4 * limit + 4)
        found = np.frombuffer(data, dtype="<u4")
    except (zlib.error, ValueError) as error:
        raise DataError(f"cannot be unpacked: {error}") from error
    if len(found) > limit:
        raise DataError(f"are more than {limit:,} numbers")
    if not stream.eof:
        raise DataError("cannot be unpacked: the text was cut off")
    if count is not None and len(found) != count:
        raise DataError(f"are {len(found):,} numbers, not {count:,}")
    return found
