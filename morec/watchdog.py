"""Ends a trial that no longer makes progress, even one that hangs inside a library's C code."""

import faulthandler
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOTE = "hang.txt"
"""Written into a trial's checkpoint folder: where every thread stood when it was ended."""


class Watchdog:
    """A clock that ends the process unless it is set back in time."""

    def __init__(self, minutes: float, note: Path) -> None:
        self._seconds = minutes * 60
        note.parent.mkdir(parents=True, exist_ok=True)
        self._stream = note.open("w")

    def reset(self) -> None:
        """Progress was made: the time begins anew."""
        # faulthandler's clock is a thread of C, which needs no lock of Python's.
        faulthandler.dump_traceback_later(self._seconds, exit=True, file=self._stream)

    def stop(self) -> None:
        """The trial has ended by itself."""
        faulthandler.cancel_dump_traceback_later()
        self._stream.close()
        Path(self._stream.name).unlink(missing_ok=True)


@contextmanager
def watch(minutes: float | None, folder: Path) -> Iterator[Watchdog | None]:
    """End the process when it makes no progress for ``minutes``; None: never."""
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
    """Where a trial hung that was ended for making no progress; None if none was."""
    note = folder / NOTE
    text = note.read_text(errors="replace").strip() if note.is_file() else ""
    note.unlink(missing_ok=True)
    return text or None
