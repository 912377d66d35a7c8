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
def stopped_by_signal(caught: Caught) -> Iterator[None]:
    """Go on behind this block where a signal has ended it.

    While Ray starts it has a handler of its own, which turns SIGTERM into ``SystemExit``.
    """
    try:
        yield
    except KeyboardInterrupt:
        caught.number = caught.number or signal.SIGINT
    except SystemExit as error:
        if error.code != signal.SIGTERM:
            raise
        caught.number = signal.SIGTERM


@contextmanager
def sigterm_as_sigint(caught: Caught) -> Iterator[None]:
    """Turn SIGTERM into SIGINT, on which alone Ray Tune stops in order; remember the signal.

    Afterwards both have their handlers of before; Ray Tune leaves its own behind, which would
    swallow the next SIGINT. A shell starts what it puts into the background with SIGINT ignored.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        caught.number = number
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
            raise KeyboardInterrupt
        os.kill(os.getpid(), signal.SIGINT)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
