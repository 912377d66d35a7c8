"""When a machine is busy, and who is counted as competing with a study's trials."""

import os
import subprocess
import sys
from collections.abc import Iterator
from types import SimpleNamespace

import psutil
import pytest

from tune_space.capacity import busyness
from tune_space.capacity.busyness import (
    Competition,
    Load,
    format_competition,
    machine_load,
    niceness_of_trials,
)


@pytest.mark.parametrize(
    ("average", "cores", "is_busy", "said"),
    [
        (3.0, 2, False, "load 3 on 2 cores"),
        (3.1, 2, True, "load 3 on 2 cores"),
        (12.4, 2, True, "load 12 on 2 cores"),
        (1.4, 1, False, "load 1 on 1 core"),
        (12.4, 64, False, "load 12 on 64 cores"),
    ],
)
def test_a_machine_is_busy_above_one_and_a_half_processes_a_core(
    average: float, cores: int, is_busy: bool, said: str
) -> None:
    load = Load(average, cores)
    assert (load.is_busy, load.format()) == (is_busy, said)


def test_the_load_of_this_machine_is_that_of_the_kernel() -> None:
    load = machine_load()
    assert load.num_cores == os.cpu_count()
    assert load.average >= 0


class Processes:
    """Made-up processes: pid -> processor seconds; time goes on when told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        self.seconds = {1: 50.0, 2: 0.0, 3: 7.0, 4: 1.0}
        self.ours = {4}
        monkeypatch.setattr(busyness.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(busyness.psutil, "process_iter", self.process_iter)
        monkeypatch.setattr(
            busyness, "_descendants", lambda pid: (SimpleNamespace(pid=i) for i in self.ours)
        )
        monkeypatch.setattr(busyness, "machine_load", lambda: Load(12.0, 2))
        monkeypatch.setattr(busyness, "niceness_of_trials", lambda pid: 15)

    def process_iter(self) -> Iterator[object]:
        for pid, used in list(self.seconds.items()):
            times = (used * 0.75, used * 0.25, 1000.0, 1000.0)
            yield SimpleNamespace(pid=pid, cpu_times=lambda times=times: times)
        yield SimpleNamespace(pid=99, cpu_times=self._ended)

    def _ended(self) -> None:
        raise psutil.NoSuchProcess(99)

    def go_on(self, seconds: float, **used: float) -> None:
        self.now += seconds
        for pid, more in used.items():
            self.seconds[int(pid[1:])] = self.seconds.get(int(pid[1:]), 0.0) + more


@pytest.mark.parametrize(("average", "share"), [(0.0, 1.0), (2.0, 1.0), (4.0, 0.5), (12.0, 2 / 12)])
def test_a_share_is_an_equal_part_of_the_cores_and_at_most_one(
    average: float, share: float
) -> None:
    assert Load(average, 2).share == share


def test_others_that_use_half_of_an_equal_share_are_counted_since_the_last_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    processes = Processes(monkeypatch)
    competition = Competition(pid=3)
    # A share is 2 / 12 of a core, half of it over 12 s is 1 s. The study's own processes are 3 and
    # 4; process 5 has begun since.
    processes.go_on(12, p1=1.1, p2=0.9, p3=10.0, p4=10.0, p5=9.0)
    assert competition.format() == (
        "trials run at niceness 15 (resources.niceness) beside 1 other busy process "
        "(load 12 on 2 cores)"
    )
    processes.go_on(24, p1=4.0, p2=2.1, p4=9.0, p5=3.0)
    assert competition.format() == (
        "trials run at niceness 15 (resources.niceness) beside 3 other busy processes "
        "(load 12 on 2 cores)"
    )
    processes.go_on(4, p4=4.0)
    assert competition.format() is None


def test_nothing_is_said_on_an_idle_machine_or_where_no_trial_runs_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    processes = Processes(monkeypatch)
    competition = Competition(pid=3)
    for name, value in (("machine_load", Load(2.0, 2)), ("niceness_of_trials", None)):
        with monkeypatch.context() as patch:
            patch.setattr(busyness, name, lambda *arguments, value=value: value)
            processes.go_on(10, p1=10.0)
            assert competition.format() is None
    processes.go_on(10, p1=10.0)
    assert competition.format() is not None


def test_the_trials_niceness_is_that_of_rays_workers_below_the_study(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert niceness_of_trials(os.getpid()) is None
    wait = "import os, sys, time; os.nice(int(sys.argv[1])); print(os.nice(0), flush=True); "
    words = ["-c", wait + "time.sleep(600)", "3"]
    named = [
        subprocess.Popen(
            [name, *words[:2], nice], executable=sys.executable, stdout=subprocess.PIPE, text=True
        )
        for name, nice in (
            ("ray::ImplicitFunc.train", "2"),
            ("raylet", "4"),
            ("ray::DashboardAgent", "4"),
        )
    ]
    try:
        worker, *_ = [int(process.stdout.readline()) for process in named if process.stdout]
        assert niceness_of_trials(os.getpid()) == worker
        monkeypatch.setattr(busyness, "machine_load", lambda: Load(12.0, 2))
        monkeypatch.setattr(Competition, "_count", lambda self, cores: 2)
        assert format_competition(os.getpid()) == (
            f"trials run at niceness {worker} (resources.niceness) beside 2 other busy processes "
            "(load 12 on 2 cores)"
        )
    finally:
        for process in named:
            process.kill()
            process.communicate()
    assert niceness_of_trials(named[0].pid) is None
