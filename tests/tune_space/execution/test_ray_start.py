"""A start of Ray that fails is tried again, leaves nothing behind, and ends in one sentence."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil
import pytest

from morec.errors import RayStartError
from tune_space.capacity.busyness import Load
from tune_space.execution import ray_start
from tune_space.execution.ray_start import TRIES, start_ray

SAID = "The current node timed out during startup"
TIMED_OUT = f"{SAID}.\nmore"


@pytest.fixture(autouse=True)
def lifted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """An idle machine; in the list, how often Ray's limits were lifted."""
    times: list[int] = []

    @contextmanager
    def lift() -> Iterator[None]:
        times.append(len(times))
        yield

    monkeypatch.setattr(ray_start, "lifted_limits", lift)
    at_load(monkeypatch, 0.0)
    return times


def at_load(monkeypatch: pytest.MonkeyPatch, average: float) -> None:
    monkeypatch.setattr(ray_start, "machine_load", lambda: Load(average, 2))


def failing(times: int, error: BaseException) -> tuple[Callable[[], None], list[int]]:
    """A start that fails so many times; in the list, every time it was called."""
    calls: list[int] = []

    def start() -> None:
        calls.append(len(calls))
        if len(calls) <= times:
            raise error

    return start, calls


@pytest.mark.parametrize("times", range(TRIES))
def test_a_start_that_fails_now_and_then_is_tried_again(
    times: int, capsys: pytest.CaptureFixture[str], lifted: list[int]
) -> None:
    start, calls = failing(times, Exception(TIMED_OUT))
    start_ray(start, pause_s=0)
    assert len(calls) == times + 1
    # An idle machine's first try is Ray's own.
    assert len(lifted) == times
    captured = capsys.readouterr()
    assert captured.err == ""
    assert captured.out.splitlines() == [
        f"Ray did not start ({SAID}); try {number} of 3" for number in range(2, times + 2)
    ]


def test_a_busy_machine_has_the_limits_lifted_at_once(
    monkeypatch: pytest.MonkeyPatch, lifted: list[int]
) -> None:
    at_load(monkeypatch, 9.0)
    start_ray(lambda: None)
    assert len(lifted) == 1


@pytest.mark.parametrize(
    ("error", "average", "num_calls", "said"),
    [
        (Exception(TIMED_OUT), 12.4, 3,
         f"tried 3 times in 0 s: the machine is busy (load 12 on 2 cores), and Ray said {SAID!r}; "
         "run the same command again when fewer processes run: it continues"),
        (RuntimeError("Failed to start GCS."), 0.3, 3,
         "tried 3 times in 0 s: Failed to start GCS; Ray's logs in /tmp/ray/session_latest/logs "
         "say more; the same command tries again"),
        (ConnectionError(), 0.0, 3,
         "tried 3 times in 0 s: ConnectionError; Ray's logs in /tmp/ray/session_latest/logs "
         "say more; the same command tries again"),
        (ValueError("Attempting to cap object store memory usage at 9 bytes, but the minimum "
                    "allowed is 78643200 bytes."), 12.0, 1,
         "tried 1 time in 0 s: Attempting to cap object store memory usage at 9 bytes, but the "
         "minimum allowed is 78643200 bytes; free memory of this machine or of its /dev/shm"),
        (OSError(errno.ENOSPC, "No space left on device", "/tmp/ray"), 12.0, 1,
         "tried 1 time in 0 s: [Errno 28] No space left on device: '/tmp/ray'; make room there, "
         "or name another folder for Ray in RAY_TMPDIR"),
        (PermissionError(errno.EACCES, "Permission denied", "/tmp/ray"), 0.0, 1,
         "tried 1 time in 0 s: [Errno 13] Permission denied: '/tmp/ray'; make room there, or name "
         "another folder for Ray in RAY_TMPDIR"),
    ],
    ids=["busy", "unknown", "silent", "memory", "disk", "rights"],
)  # fmt: skip
def test_a_start_that_always_fails_is_one_sentence_with_the_cause_and_the_cure(
    monkeypatch: pytest.MonkeyPatch, error: Exception, average: float, num_calls: int, said: str
) -> None:
    at_load(monkeypatch, average)
    start, calls = failing(99, error)
    with pytest.raises(RayStartError) as caught:
        start_ray(start, pause_s=0)
    assert len(calls) == num_calls
    assert str(caught.value) == f"Ray did not start on this machine, {said}"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(15)])
def test_a_signal_is_not_tried_again(error: BaseException) -> None:
    start, calls = failing(99, error)
    with pytest.raises(type(error)):
        start_ray(start, pause_s=0)
    assert len(calls) == 1


def process_of_session(pid: int) -> "subprocess.Popen[bytes]":
    """A process as Ray starts them: the folder of its session stands in its command."""
    folder = f"--log_dir=/tmp/ray/session_2026-11-28_22-05-26_603749_{pid}/logs"
    words = [sys.executable, "-c", "import time; print(1, flush=True); time.sleep(600)", folder]
    process = subprocess.Popen(words, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    return process


@pytest.mark.parametrize("error", [Exception(TIMED_OUT), KeyboardInterrupt()])
def test_what_a_failed_start_began_is_ended_and_nothing_else(error: BaseException) -> None:
    # Another driver's session, whose number begins with this one's.
    other = process_of_session(int(f"{os.getpid()}0"))
    begun: list[subprocess.Popen[bytes]] = []

    def start() -> None:
        begun.append(process_of_session(os.getpid()))
        raise error

    try:
        with pytest.raises((RayStartError, KeyboardInterrupt)):
            start_ray(start, pause_s=0)
        assert begun
        assert not any(psutil.pid_exists(process.pid) for process in begun)
        assert psutil.Process(other.pid).status() != psutil.STATUS_ZOMBIE
    finally:
        other.kill()
        other.communicate()
