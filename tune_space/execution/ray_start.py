"""Starts Ray on this machine: tried again with patience, and what a failed try left is removed."""

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress

import psutil
import ray

from morec.errors import RayStartError
from tune_space.capacity.busyness import Load, machine_load
from tune_space.execution.failures import DISK_ERRORS
from tune_space.execution.ray_limits import lifted_limits

TRIES = 3
PAUSE_S = 10.0
"""Seconds between a failed try and the next."""
END_S = 10.0
"""Longest wait for the processes of a failed try to end."""
MAX_LENGTH = 200
"""Characters of Ray's message that are shown."""
MAKE_ROOM = "make room there, or name another folder for Ray in RAY_TMPDIR"
FREE_MEMORY = "free memory of this machine or of its /dev/shm"
WAIT = "run the same command again when fewer processes run: it continues"
LOOK = "Ray's logs in /tmp/ray/session_latest/logs say more; the same command tries again"


def start_ray(start: Callable[[], object], *, pause_s: float = PAUSE_S) -> None:
    """Call ``start``, which starts a Ray session, up to ``TRIES`` times.

    Raises:
        RayStartError: one sentence with the cause and the cure; what was started is gone again.
    """
    began = time.monotonic()
    for attempt in range(1, TRIES + 1):
        load = machine_load()
        try:
            with _nothing_left(), lifted_limits() if attempt > 1 or load.is_busy else nullcontext():
                start()
            return
        except Exception as error:
            if attempt == TRIES or _is_hopeless(error):
                tried = f"tried {attempt} time{'s' * (attempt > 1)}"
                how = f"{tried} in {time.monotonic() - began:.0f} s"
                raise RayStartError(_format_failure(error, how, machine_load())) from error
            print(f"Ray did not start ({_first_line(error)}); try {attempt + 1} of {TRIES}")
        time.sleep(pause_s)


@contextmanager
def _nothing_left() -> Iterator[None]:
    """End what a start has begun if it does not succeed; Ray itself leaves it running."""
    try:
        yield
    except BaseException:
        with suppress(Exception):
            ray.shutdown()
        _end_session_processes()
        raise


def _end_session_processes() -> None:
    """Kill the processes of Ray sessions that this process began."""
    ours = re.compile(rf"/session_[\d_-]+_{os.getpid()}\b")
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.pid != os.getpid() and ours.search(" ".join(process.cmdline())):
                process.kill()
                found.append(process)
    psutil.wait_procs(found, timeout=END_S)


def _is_hopeless(error: Exception) -> bool:
    """Whether another try would end in the same way: a wrong setting, or no disk to write to."""
    return isinstance(error, ValueError | PermissionError) or _is_disk(error)


def _is_disk(error: Exception) -> bool:
    return isinstance(error, OSError) and error.errno in DISK_ERRORS


def _format_failure(error: Exception, how: str, load: Load) -> str:
    """The sentence: what was tried, the cause, the cure."""
    said = _first_line(error)
    if _is_disk(error) or isinstance(error, PermissionError):
        cure = MAKE_ROOM
    elif "object store" in said:
        cure = FREE_MEMORY
    elif load.is_busy:
        said, cure = f"the machine is busy ({load.format()}), and Ray said {said!r}", WAIT
    else:
        cure = LOOK
    return f"Ray did not start on this machine, {how}: {said}; {cure}"


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(".")[:MAX_LENGTH]
