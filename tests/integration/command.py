"""``python studies/run.py`` in a process of its own, ways to end it, and the same run here."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
import pytest

from morec.results import TrialResult
from studies.run import main
from tune_space.ledger.records import Ledger

REPOSITORY = Path(__file__).parents[2]
PATIENCE_S = 240
"""How long a test waits for something that must happen; never what it measures."""
STARTING = "default_worker.py"
"""In the command line of a Ray worker that is starting. Where its session is killed, it waits for
it, idle, as long as ``tune_space.execution.ray_env.PATIENCE`` allows: for five minutes."""

STUDY = """
question: Does a text encoder beat item IDs?
baseline: ID
base:
  dataset: {kind: synthetic, num_users: 60, num_items: 40, max_seq_len: 10}
  item: {text: {name: tiny-random, pretrained: false, max_tokens: 8, pooling: mean}}
  model: {dim: 16, num_blocks: 1}
  training: {max_epochs: 4, batch_size: 16}
arms:
  ID: {item.id: true, item.text: null}
  E2E: {item.text.trainable_layers: all}
search: {optim.lr: {loguniform: [1e-3, 1e-2]}}
budget: {trials: 2}
resources: {niceness: 0}
seeds: [1, 2]
"""
"""Its trials are as nice as other tests: Ray's 15 would leave them nothing on a busy machine."""


class Command:
    """``python studies/run.py`` in a process of its own, and its output folder."""

    def __init__(
        self, study_file: Path, out: Path, *words: str, environment: dict[str, str] | None = None
    ) -> None:
        self.study_file, self.out = study_file, out
        self.environment = environment
        self.words = [sys.executable, str(REPOSITORY / "studies" / "run.py"), str(study_file)]
        self.words += ["--out", str(out), *words]

    @classmethod
    def finished(cls, folder: Path, study: str) -> "Command":
        """The command after a run of ``study``, a file's text, here, that nobody disturbed."""
        (folder / "mini.yaml").write_text(study)
        command = cls(folder / "mini.yaml", folder / "out")
        assert command.run_here() == 0
        return command

    def start(self) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            self.words,
            text=True,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def run(self) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            self.words,
            text=True,
            env=self.environment,
            capture_output=True,
            timeout=PATIENCE_S,
            check=False,
        )

    def run_here(self) -> int:
        """Run it in this process, in its open Ray session; the exit code.

        The same code in a process that has imported it and started Ray before.
        """
        return main(self.words[2:])

    def records(self) -> list[Path]:
        return sorted((self.out / "trials").glob("*.json"))

    def checkpoints(self) -> list[Path]:
        return sorted((self.out / "checkpoints").glob("*/last.pt"))


def wait_until(is_so: Callable[[], object], process: "subprocess.Popen[str] | None" = None) -> None:
    """Wait for something to happen; if a process is to do it, fail with its output if it ends."""
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        if process and process.poll() is not None:
            pytest.fail(f"ended with {process.returncode}: {process.communicate()[0]}")
        if time.monotonic() > deadline:
            if process:
                process.kill()
            pytest.fail("nothing happened")
        time.sleep(0.05)


def descendants(process: "subprocess.Popen[str]") -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def trial_processes(process: "subprocess.Popen[str]") -> list[psutil.Process]:
    """The worker processes of Ray that run a trial now; Ray writes what they do into their name."""
    children = descendants(process)
    return [child for child in children if words_of(child).startswith("ray::ImplicitFunc.train")]


def words_of(process: psutil.Process) -> str:
    """A process's command line; empty once it has ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:  # ended since it was listed
        return ""


def is_starting(process: psutil.Process) -> bool:
    """Whether this is a worker that starts; the raylet's command line names the program too."""
    return name_of(process).startswith("python") and STARTING in words_of(process)


def name_of(process: psutil.Process) -> str:
    """The name of a process's program; empty once it has ended."""
    try:
        return str(process.name())
    except psutil.NoSuchProcess:
        return ""


def listening(process: "subprocess.Popen[str]") -> set[str]:
    """The addresses that a driver and its Ray processes take connections at."""
    found = set()
    for each in [psutil.Process(process.pid), *descendants(process)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            found |= {c.laddr.ip for c in each.net_connections("inet") if c.status == "LISTEN"}
    return found


def kill_with_ray(process: "subprocess.Popen[str]") -> None:
    """Kill the driver with -9 and wait until its Ray processes are gone as well."""
    session = descendants(process)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert outliving(session) == []


def outliving(
    session: Sequence[psutil.Process], *, patience_s: float = PATIENCE_S, agents: bool = False
) -> list[str]:
    """What of a dead session does not end by itself, by command lines; it is ended here.

    Workers that have not begun are not waited for, nor are Ray's agents unless asked: they look for
    their session for a minute or more, and touch no study. They are ended, too.
    """
    idle = [
        each for each in session if is_starting(each) or (not agents and "Agent" in words_of(each))
    ]
    awaited = [each for each in session if each not in idle]
    _, alive = psutil.wait_procs(awaited, timeout=patience_s)
    found = [words_of(each) for each in alive]
    for each in (*alive, *idle):
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()
    return found


def numbers(result: TrialResult) -> object:
    """Everything of a trial that must not depend on interruptions: all but times and starts."""
    curve = [(epoch.epoch, epoch.train_loss, epoch.valid) for epoch in result.epochs]
    return result.status, result.best_epoch, curve, result.valid, result.test, result.config


def study_numbers(out: Path) -> dict[str, object]:
    """``numbers`` of every trial of a study by its id."""
    return {trial_id: numbers(result) for trial_id, result in Ledger(out).read_all().items()}
