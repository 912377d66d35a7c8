"""Reads pixels that the paper's scripts pickled into their LMDB.

A pickle holds ``image`` (bytes, uint8, height x width x channels), ``size`` and ``channels``.
Pickles can run code; the unpickler here accepts one class and replaces it by one without code.
"""

import io
import pickle
from typing import Any

import numpy as np
import numpy.typing as npt

CLASS_NAME = "LMDB_Image"
"""Name of the class in the paper's scripts; its module differs between scripts."""
FIRST_BYTE = b"\x80"
"""First byte of every pickle of protocol 2 and above, and of no image format."""
_UNPICKLING_ERRORS = (AttributeError, EOFError, IndexError, KeyError, OverflowError, TypeError)
"""Errors besides ``UnpicklingError`` that unpickling may raise, according to its manual."""


def unpickle_pixels(pickled: bytes) -> npt.NDArray[np.uint8]:
    """Return the pixels (height, width, 3).

    Raises:
        ValueError: ``pickled`` is no such object.
    """
    try:
        stored = _OneClassUnpickler(io.BytesIO(pickled)).load()
        (height, width), channels = stored.size, stored.channels
        pixels = np.frombuffer(stored.image, np.uint8).reshape(height, width, channels)
    except (pickle.UnpicklingError, *_UNPICKLING_ERRORS) as error:
        raise ValueError(f"no pickled image: {error}") from error
    if channels not in (1, 3):
        raise ValueError(f"a pickled image of {channels} channels, allowed: 1 or 3")
    return np.ascontiguousarray(np.broadcast_to(pixels, (height, width, 3)))


class _Inert:
    """Replaces the scripts' class: holds its attributes and has no code."""

    channels: Any = None
    size: Any = None
    image: Any = None


class _OneClassUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if name != CLASS_NAME:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is not read")
        return _Inert
