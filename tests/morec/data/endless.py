"""A line without end, which a small packed file can hold."""

import io
from typing import Any


class Endless(io.RawIOBase):
    """A stream of letters that never ends and counts what is read."""

    num_bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        buffer[:] = b"x" * len(buffer)
        self.num_bytes += len(buffer)
        return len(buffer)
