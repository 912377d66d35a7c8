"""Ends a trial that no longer makes progress, even one that hangs inside a library's C code."""

import faulthandler
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOTE = "hang.txt"
"""File in a trial's checkpoint folder: what every thread ran when the process was ended."""


class Watchdog:
    """A timer that ends the process unless it is reset in time."""

    def __init__(self, minutes: float, note: Path) -> None:
        self._seconds = minutes * 60
        note.parent.mkdir(parents=True, exist_ok=True)
        self._stream = note.open("w")

    def reset(self) -> None:
        """Start the timer again, since there was progress."""
        # faulthandler's timer is a C thread, which does not need Python's lock.
        faulthandler.dump_traceback_later(self._seconds, exit=True, file=self._stream)

    def stop(self) -> None:
        """Stop the timer, since the trial has ended by itself."""
        faulthandler.cancel_dump_traceback_later()
        self._stream.close()
        Path(self._stream.name).unlink(missing_ok=True)


@contextmanager
def watch(minutes: float | None, folder: Path) -> Iterator[Watchdog | None]:
    """End the process if its watchdog is not reset for ``minutes``; None: there is no watchdog."""
    if minutes is None:
        yield None
        return
    watchdog = Watchdog(minutes, folder / NOTE)
    watchdog.reset()
    try:
        yield watchdog
    finally:
        watchdog.stop()


def hang_note(folder: Path) -> str | None:
    """What every thread of a trial ran when the watchdog ended it; None if it did not."""
    note = folder / NOTE
    text = note.read_text(errors="replace").strip() if note.is_file() else ""
    note.unlink(missing_ok=True)
    return text or None
