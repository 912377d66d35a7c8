"""The page of a running study: rewritten now and then, without slowing the study down."""

import sys
import time
from pathlib import Path

from reports.page.sections.summary import REFRESH_S
from reports.write import write_report
from tune_space.ledger.layout import REPORT

_SHARE = 20
"""The page is written at most one part in ``_SHARE`` of the time."""


class LivePage:
    """Rewrites the page of a running study; ``refresh`` may be called at any time."""

    def __init__(self, folder: Path, *, every_s: float = REFRESH_S) -> None:
        self._folder = folder
        self._every_s = every_s
        self._next_at = 0.0

    def refresh(self) -> None:
        """Write the page unless it was written within the last ``every_s`` seconds.

        An error is printed on stderr, and the study goes on.
        """
        started = time.monotonic()
        if started < self._next_at:
            return
        try:
            write_report(self._folder, ("html",))
        except Exception as error:
            print(f"{self._folder / REPORT}: not written: {error!r}", file=sys.stderr)
        now = time.monotonic()
        self._next_at = now + max(self._every_s, _SHARE * (now - started))
