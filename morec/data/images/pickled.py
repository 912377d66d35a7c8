"""Pixels as the paper's scripts pickled them into their LMDB.

An object with ``image`` (raw bytes, uint8, height x width x channels), ``size`` and ``channels``.
Pickles can run code; this one is read by an unpickler that knows one class, which does nothing.
"""

import io
import pickle
from typing import Any

import numpy as np
import numpy.typing as npt

CLASS_NAME = "LMDB_Image"
"""The class of the authors' scripts, in whichever module it was defined."""
FIRST_BYTE = b"\x80"
"""Every pickle of protocol 2 and above begins with it, and no image format does."""
_MALFORMED = (AttributeError, EOFError, IndexError, KeyError, OverflowError, TypeError)
"""What pickle's manual says that unpickling may raise, beside ``UnpicklingError``."""


def unpickle_pixels(pickled: bytes) -> npt.NDArray[np.uint8]:
    """Return the pixels (height, width, 3).

    Raises:
        ValueError: it is not such an object.
    """
    try:
        stored = _OneClassUnpickler(io.BytesIO(pickled)).load()
        (height, width), channels = stored.size, stored.channels
        pixels = np.frombuffer(stored.image, np.uint8).reshape(height, width, channels)
    except (pickle.UnpicklingError, *_MALFORMED) as error:
        raise ValueError(f"no pickled image: {error}") from error
    if channels not in (1, 3):
        raise ValueError(f"a pickled image of {channels} channels, allowed: 1 or 3")
    return np.ascontiguousarray(np.broadcast_to(pixels, (height, width, 3)))


class _Inert:
    """Stands for the authors' class: holds what it is given and runs nothing."""

    channels: Any = None
    size: Any = None
    image: Any = None


class _OneClassUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if name != CLASS_NAME:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is not read")
        return _Inert
