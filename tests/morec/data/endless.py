"""What a small packed file can unpack to: a line without end."""

import io
from typing import Any


class Endless(io.RawIOBase):
    """Letters for ever, counted."""

    num_bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        buffer[:] = b"x" * len(buffer)
        self.num_bytes += len(buffer)
        return len(buffer)
