"""Does a piece of work in a forked process with a limit of CPU time."""

import contextlib
import faulthandler
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LONGEST_S = 1800.0
"""A child that waits for ever is ended after so long by the clock."""
ANSWER = "answer.json"
POLL_S = 0.02


@dataclass(frozen=True)
class Outcome:
    """What became of a child, its CPU seconds, and what it printed at the end."""

    answer: dict[str, Any]
    """What the work has last written into ``ANSWER`` of its folder; empty where it never did."""
    is_late: bool
    cpu_s: float
    output: str


def forked(work: Callable[[Path], None], limit_s: float) -> Outcome:
    """Call ``work`` with an empty folder in a child that may use ``limit_s`` of CPU time."""
    folder = Path(tempfile.mkdtemp(prefix="mutant-"))
    try:
        # The watchdog's thread stays here: a child that ends it would wait for ever.
        faulthandler.cancel_dump_traceback_later()
        child = os.fork()
        if child == 0:
            _be_child(work, folder, limit_s)
        is_late, cpu_s = _wait(child)
        file = folder / ANSWER
        told = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        return Outcome(told, is_late, cpu_s, _end_of(folder / "output"))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def answer(folder: Path, told: dict[str, Any]) -> None:
    """Say something to the parent, whole or not at all; the last word counts."""
    (folder / "part").write_text(json.dumps(told), encoding="utf-8")
    (folder / "part").rename(folder / ANSWER)


def _end_of(file: Path) -> str:
    return file.read_text(errors="replace")[-2000:] if file.exists() else ""


def _be_child(work: Callable[[Path], None], folder: Path, limit_s: float) -> None:
    """Never returns: the child ends here, without the parent's cleaning up."""
    try:
        os.setsid()
        output = os.open(folder / "output", os.O_WRONLY | os.O_CREAT)
        os.dup2(output, 1)
        os.dup2(output, 2)
        resource.setrlimit(resource.RLIMIT_CPU, (int(limit_s) + 1, int(limit_s) + 2))
        work(folder)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def _wait(child: int) -> tuple[bool, float]:
    """Whether a child ran too long, and its CPU seconds; processes that it left end with it."""
    end = time.monotonic() + LONGEST_S
    done, is_late = 0, False
    while not done:
        time.sleep(POLL_S)
        done, status, usage = os.wait4(child, os.WNOHANG)
        if not done and not is_late and time.monotonic() > end:
            is_late = True
            os.kill(child, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    ended_by = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    is_late = is_late or ended_by in (signal.SIGXCPU, signal.SIGKILL)
    return is_late, usage.ru_utime + usage.ru_stime
