"""Sends a running study's trials to its trackers, which can neither hold the study nor harm it.

Every tracker has a process of its own, ``python -m reports DIR --to TRACKER:ADDRESS``, which is
ended after a limit. So a client that hangs, its threads and its memory stay out of the driver.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Self

from reports.trackers.problems import format_remedy
from tune_space.ledger.layout import TRIALS
from tune_space.study.tracking import TrackingSpec

EVERY_S = 30.0
"""Seconds between two sends at least."""
LIMIT_S = 120.0
"""Seconds that one send may take while the study runs."""
FINISH_S = 120.0
"""Seconds that all trackers together may hold the command after the study."""
_SHARE = 20
"""A tracker is sent to at most one part in ``_SHARE`` of the time."""
_POLL_S = 0.1


class LiveTrackers:
    """The trackers of a running study; leaving the context ends what is still being sent."""

    def __init__(
        self,
        folder: Path,
        tracking: TrackingSpec,
        *,
        every_s: float = EVERY_S,
        limit_s: float = LIMIT_S,
        finish_s: float = FINISH_S,
    ) -> None:
        words = (f"{name}:{address}" for name, address in tracking.addresses.items())
        self._senders = [_Sender(folder, word, every_s, limit_s) for word in words]
        self._finish_s = finish_s

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for sender in self._senders:
            sender.stop()

    def refresh(self) -> None:
        """Send new records where it is time to; returns at once. May be called at any time."""
        for sender in self._senders:
            sender.refresh()

    def finish(self) -> None:
        """Send what is not sent yet; what takes longer than ``finish_s`` in all is ended."""
        end = time.monotonic() + self._finish_s
        while not all([sender.is_done() for sender in self._senders]):
            if time.monotonic() > end:
                for sender in self._senders:
                    sender.give_up(self._finish_s)
                return
            time.sleep(_POLL_S)


class _Sender:
    """One tracker: the process that sends to it now, and which records it has."""

    def __init__(self, folder: Path, word: str, every_s: float, limit_s: float) -> None:
        self._folder = folder
        self._word = word
        self._every_s = every_s
        self._limit_s = limit_s
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None
        self._began_at = 0.0
        self._next_at = 0.0
        self._sent: int | None = None
        """``_state`` of the ledger whose records the tracker has or was given; None: retry."""
        self._said: set[str] = set()
        self._had_last = False

    def refresh(self) -> None:
        """Look after the process that sends, or start one if there are new records."""
        if self._process is not None:
            self._look_after(self._process)
        elif time.monotonic() >= self._next_at and self._state() not in (None, self._sent):
            self._start()

    def is_done(self) -> bool:
        """Whether the tracker had its chance at the last records, which it gets once."""
        if self._process is not None:
            self._look_after(self._process)
        if self._process is None and not self._had_last:
            self._had_last = True
            if self._state() not in (None, self._sent):
                self._start()
        return self._process is None

    def give_up(self, limit_s: float) -> None:
        """End the process, if there is one, and say so."""
        if self._process is not None:
            remedy = format_remedy(self._folder, self._word)
            self._say(f"{self._word}: ended, since it took longer than {limit_s:.0f} s. {remedy}")
            self.stop()

    def stop(self) -> None:
        """End the process, if there is one."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._ended()

    def _state(self) -> int | None:
        """Changes whenever a record is written; None before there is a folder of them."""
        folder = self._folder / TRIALS
        return folder.stat().st_mtime_ns if folder.is_dir() else None

    def _start(self) -> None:
        self._sent = self._state()
        self._began_at = time.monotonic()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  (closed in _ended)
        words = [sys.executable, "-m", "reports", str(self._folder), "--to", self._word]
        try:
            # A session of its own: Ctrl-C is the study's, and all it starts can be ended together.
            self._process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                start_new_session=True,
            )
        except OSError as error:
            self._say(f"{self._word}: not sent: {error}")
            self._ended()

    def _look_after(self, process: "subprocess.Popen[bytes]") -> None:
        if process.poll() is None:
            if time.monotonic() - self._began_at > self._limit_s:
                self._sent = None
                self.give_up(self._limit_s)
            return
        if process.returncode != 0 and self._errors is not None:
            self._sent = None
            self._errors.seek(0)
            lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
            self._say(lines[-1] if lines else f"{self._word}: ended with {process.returncode}")
        self._ended()

    def _ended(self) -> None:
        if self._errors is not None:
            self._errors.close()
        self._process = self._errors = None
        now = time.monotonic()
        self._next_at = now + max(self._every_s, _SHARE * (now - self._began_at))

    def _say(self, line: str) -> None:
        """A warning on stderr, once; the study goes on."""
        if line not in self._said:
            self._said.add(line)
            print(line, file=sys.stderr)
