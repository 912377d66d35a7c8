"""Whole numbers as text: little-endian, zlib, base64; how records keep ranks and lists."""

import base64
import zlib

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.uint32]


def pack_integers(values: npt.ArrayLike) -> str:
    """Pack numbers of 0 to 2 ** 32 - 1 as uint32; the shape is not kept."""
    data = np.asarray(values).astype("<u4").tobytes()
    return base64.b64encode(zlib.compress(data, 9)).decode("ascii")


def unpack_integers(packed: str) -> Ints:
    """What ``pack_integers`` packed, flat.

    Raises:
        zlib.error, ValueError: the text was not packed so, or was cut off.
    """
    return np.frombuffer(zlib.decompress(base64.b64decode(packed)), dtype="<u4")
