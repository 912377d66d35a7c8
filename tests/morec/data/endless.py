"""A line, or lines, without end, which a small packed file can hold."""

import io
from typing import Any


class Endless(io.RawIOBase):
    """A stream that never ends, of letters or of ``unit``, and counts what is read."""

    def __init__(self, unit: bytes = b"x", start: bytes = b"") -> None:
        self.num_bytes = 0
        self._unit = unit
        self._start = start

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._start:
            count = len(self._start)
            buffer[:count], self._start = self._start, b""
        else:
            count = len(buffer) // len(self._unit) * len(self._unit)
            buffer[:count] = self._unit * (count // len(self._unit))
        self.num_bytes += count
        return count
