"""How busy this machine is: its load, and the processes that compete with a study's trials."""

import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import psutil

BUSY = 1.5
"""Load per core above which a machine is busy: processes wait for a core."""
SAMPLE_S = 1.0
"""How long processes are watched before the busy ones are counted."""
WORKER = re.compile(r"ray::(?!\w*Agent)")
"""Name of a Ray process that runs trials; Ray writes into names what processes do."""


@dataclass(frozen=True)
class Load:
    """Processes that ran or waited for a core, on average over the last minute."""

    average: float
    num_cores: int
    """Of the whole machine, whose load this is, also inside a container with a share of it."""

    @property
    def is_busy(self) -> bool:
        """Whether so many processes wait that times say little."""
        return self.average > BUSY * self.num_cores

    @property
    def share(self) -> float:
        """Cores that each of these processes gets, if all get the same; at most one."""
        return min(1.0, self.num_cores / max(self.average, 1.0))

    def format(self) -> str:
        """The load in words, for a sentence."""
        plural = "s" if self.num_cores != 1 else ""
        return f"load {self.average:.0f} on {self.num_cores} core{plural}"


def machine_load() -> Load:
    """The load of this machine now."""
    return Load(os.getloadavg()[0], os.cpu_count() or 1)


class Competition:
    """Who competes for the cores with the trials of the study that process ``pid`` runs."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._seen_at = time.monotonic()
        self._seconds = self._cpu_seconds()

    def format(self) -> str | None:
        """A sentence about the trials and the others; None while the machine is not busy.

        A process is busy if it used more than half of an equal share of the cores since this was
        last asked.
        """
        load = machine_load()
        num_others = self._count(load.share / 2)
        niceness = niceness_of_trials(self._pid)
        if not load.is_busy or not num_others or niceness is None:
            return None
        others = f"{num_others} other busy process{'es' if num_others != 1 else ''}"
        return (
            f"trials run at niceness {niceness} (resources.niceness) beside {others} "
            f"({load.format()})"
        )

    def _count(self, cores: float) -> int:
        """Other processes that used more than so many cores since the last time."""
        now, seconds = time.monotonic(), self._cpu_seconds()
        enough = (now - self._seen_at) * cores
        num = sum(used - self._seconds.get(pid, used) > enough for pid, used in seconds.items())
        self._seen_at, self._seconds = now, seconds
        return num

    def _cpu_seconds(self) -> dict[int, float]:
        """Pid -> processor seconds of every process that is not the study's."""
        ours = {self._pid, *(process.pid for process in _descendants(self._pid))}
        found = {}
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.pid not in ours:
                    found[process.pid] = sum(process.cpu_times()[:2])
        return found


def format_competition(pid: int) -> str | None:
    """``Competition.format`` of a study that another process runs; takes ``SAMPLE_S`` seconds."""
    competition = Competition(pid)
    time.sleep(SAMPLE_S)
    return competition.format()


def niceness_of_trials(pid: int) -> int | None:
    """Niceness of the Ray workers below a process; None while there are none on this machine."""
    found = []
    for process in _descendants(pid):
        with suppress(psutil.Error):
            if WORKER.match(" ".join(process.cmdline())):
                found.append(process.nice())
    return max(found, default=None)


def _descendants(pid: int) -> Iterator[psutil.Process]:
    with suppress(psutil.Error):
        yield from psutil.Process(pid).children(recursive=True)
