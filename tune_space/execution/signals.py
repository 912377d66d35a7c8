"""SIGTERM and SIGINT, which ask a study to stop."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass
class Caught:
    """The signal that asked the study to stop, if one did."""

    number: int | None = None


@contextmanager
def sigterm_as_sigint(caught: Caught) -> Iterator[None]:
    """Turn SIGTERM into SIGINT, on which alone Ray Tune stops in order; remember the signal."""

    def stop(number: int, frame: FrameType | None) -> None:
        caught.number = number
        os.kill(os.getpid(), signal.SIGINT)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
