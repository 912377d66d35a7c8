"""Kills a running study at random points, again and again, and starts it again, until it is done.

The long form is ``pytest -m nightly -s tests/integration/test_kills.py``.
"""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from subprocess import Popen

import psutil

from tests.integration.command import (
    PATIENCE_S,
    Command,
    descendants,
    name_of,
    outliving,
    study_numbers,
    trial_processes,
)
from tests.mounts import mounted
from tune_space.commands.audit import audit
from tune_space.ledger.records import Ledger

TARGETS = ("driver", "trial", "raylet", "gcs_server", "everything", "disk")
DISK_BYTES = 100_000_000
"""Of the small file system that a study runs on where this user may mount one."""
END_S = 60
"""By then a driver whose Ray session was killed has ended by itself."""
LEAVE_S = 240
"""By then the processes of a driver that ended are gone; of one that was killed, Ray's two agents
notice after about a minute (seen with Ray 2.60)."""
LONGEST_DELAY_S = 3.0
"""Between the moment a kill is due and the kill: at most about two small trials."""


@dataclass
class Kills:
    """What was killed when, and what outlived it."""

    log: Callable[[str], None]
    agents_too: bool = False
    """Whether Ray's agents must be seen to end, which takes them a minute."""
    counts: dict[str, int] = field(default_factory=dict)
    survivors: list[str] = field(default_factory=list)
    exit_codes: list[int] = field(default_factory=list)

    @property
    def total(self) -> int:
        """Kills so far."""
        return sum(self.counts.values())


def run_with_kills(
    command: Command, draw: Random, targets: list[str], kills: Kills, limit: int = 100
) -> None:
    """Run a study to its end, killing one of ``targets`` after another on the way.

    What then is left is run here, in the open session.
    """
    waiting = list(targets)
    for _ in range(limit):
        if not waiting:
            kills.exit_codes.append(command.run_here())
            return
        process = command.start()
        while waiting and process.poll() is None:
            if _kill(process, command, draw, waiting[0], kills):
                waiting.pop(0)
        try:
            output = process.communicate(timeout=PATIENCE_S)[0]
        except Exception:
            process.kill()
            raise
        kills.exit_codes.append(process.returncode)
        if process.returncode == 0:
            return
        kills.log(f"  ended with {process.returncode}: {output.strip().splitlines()[-1:]}")
    raise AssertionError(f"not finished after {limit} starts")


def _kill(process: "Popen[str]", command: Command, draw: Random, target: str, kills: Kills) -> bool:
    """Wait for a random point, kill, and see what is left; False if there was nothing to kill."""
    if not _wait_for_a_point(process, command, draw, target):
        return False
    everyone = descendants(process)
    victims = _victims(process, target, everyone)
    if not victims and target != "disk":
        return False
    num_records = len(command.records())
    with _full(command.out.parent) if target == "disk" else contextlib.nullcontext():
        for victim in victims:
            _kill_process(victim)
        if target == "disk":
            process.wait(timeout=END_S)
    kills.counts[target] = kills.counts.get(target, 0) + 1
    kills.log(f"kill {kills.total}: {target}, {num_records} records")
    if target != "trial":
        process.wait(timeout=END_S)
        alive = outliving(everyone, patience_s=LEAVE_S, agents=kills.agents_too)
        kills.survivors += [f"after {target}: {words}" for words in alive]
    return True


def _wait_for_a_point(process: "Popen[str]", command: Command, draw: Random, target: str) -> bool:
    """At any time after the start, or at any time after one more trial has begun or ended."""
    before = (len(command.records()), len(command.checkpoints()))
    is_early = target in ("driver", "everything") and draw.random() < 0.3
    deadline = time.monotonic() + PATIENCE_S
    while not is_early and (len(command.records()), len(command.checkpoints())) == before:
        if process.poll() is not None or time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    delay_s = draw.uniform(0, 4 * LONGEST_DELAY_S if is_early else LONGEST_DELAY_S)
    end = time.monotonic() + delay_s
    while time.monotonic() < end and process.poll() is None:
        time.sleep(0.02)
    return process.poll() is None


def _victims(
    process: "Popen[str]", target: str, everyone: list[psutil.Process]
) -> list[psutil.Process]:
    driver = psutil.Process(process.pid)
    match target:
        case "driver":
            return [driver]
        case "everything":
            return [driver, *everyone]
        case "trial":
            return trial_processes(process)[:1]
    if target == "disk":
        return []
    return [each for each in everyone if name_of(each) == target]


@contextlib.contextmanager
def _full(folder: Path) -> Iterator[None]:
    """Take all room there is on the file system of ``folder``, which is a small one."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as stream, contextlib.suppress(OSError):
        while stream.write(bytes(10_000)):
            pass
    try:
        yield
    finally:
        ballast.unlink()


def _kill_process(process: psutil.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGKILL)


def differences(command: Command, uninterrupted: Command) -> list[str]:
    """Where a study that was killed differs from one that was not; times and starts aside."""
    ours, theirs = (study_numbers(each.out) for each in (command, uninterrupted))
    found = [f"{i}: recorded in one only" for i in sorted(ours.keys() ^ theirs.keys())]
    found += [f"{i}: other numbers" for i in sorted(ours.keys() & theirs.keys())
              if ours[i] != theirs[i]]  # fmt: skip
    arms = [Ledger(each.out).read_manifest().arms for each in (command, uninterrupted)]  # type: ignore[union-attr]
    found += ["the manifests' arms differ"] if arms[0] != arms[1] else []
    found += [f"{path}: left behind" for path in command.checkpoints()]
    return [*found, *audit(command.out).problems]


def kill_rounds(folder: Path, uninterrupted: Command, num_kills: int, seed: int) -> list[str]:
    """Rounds of one study each, until ``num_kills`` kills are done; what outlived them or differs.

    Prints every kill; ``pytest -s`` shows them.
    """
    draw, kills, found = Random(seed), Kills(partial(print, flush=True), agents_too=True), []
    rounds = 0
    with mounted(folder / "disk", f"size={DISK_BYTES}") as is_small:
        choices = TARGETS if is_small else TARGETS[:-1]
        while kills.total < num_kills:
            rounds += 1
            targets = [draw.choice(choices) for _ in range(num_kills - kills.total)]
            out = folder / "disk" / f"round{rounds}"
            command = Command(uninterrupted.study_file, out, "--retry-failed")
            run_with_kills(command, draw, targets, kills)
            new = differences(command, uninterrupted)
            found += new
            print(f"round {rounds}: done; kills {kills.total}; differences {new}", flush=True)
    print(
        f"kills: {kills.total} {kills.counts}; small disk: {is_small}; rounds: {rounds}; starts: "
        f"{len(kills.exit_codes)}; survivors: {kills.survivors}; differences: {len(found)}",
        flush=True,
    )
    return found + kills.survivors
