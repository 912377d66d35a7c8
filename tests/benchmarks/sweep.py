"""What a study costs beside its training, and how busy it keeps the cores."""

import subprocess
import sys
import time
from pathlib import Path

import psutil

from tests.benchmarks.measure import Row
from tests.benchmarks.settings import Settings
from tune_space.ledger.records import Ledger

REPOSITORY = Path(__file__).parents[2]
POLL_S = 0.25
NOTHING = """
question: What does a trial cost that trains nothing?
baseline: ID
base:
  dataset: {{kind: synthetic, num_users: 20, num_items: 30, max_seq_len: 6}}
  item: {{id: true}}
  model: {{dim: 8, num_blocks: 1}}
  training: {{max_epochs: 1, batch_size: 32}}
arms: {{ID: {{}}, narrow: {{model.dim: 4}}}}
budget: {{trials: 1}}
seeds: {seeds}
"""
BUSY = """
question: Does a study of trials of about 20 seconds keep the cores busy?
baseline: ID
base:
  dataset: {{kind: synthetic, num_users: 2000, num_items: 1000, max_seq_len: 20}}
  item: {{id: true}}
  model: {{dim: 64, num_blocks: 1}}
  training: {{max_epochs: {epochs}, patience: {epochs}, batch_size: 64}}
arms: {{ID: {{}}, wide: {{model.dim: 72}}, narrow: {{model.dim: 56}}, middle: {{model.dim: 60}}}}
search: {{optim.lr: {{loguniform: [1e-4, 1e-3]}}}}
budget: {{trials: 2}}
seeds: [1, 2, 3]
"""
"""Searches one after the other in four arms, then three final trials each: 20 trials."""


def sweep(settings: Settings) -> list[Row]:
    """A study of 100 trials more against one without them, in turns, all processes counted."""
    few, many = 1, settings.size(51, 3)
    rounds = [
        (_run_nothing(settings.folder, few), _run_nothing(settings.folder, many))
        for _ in range(settings.rounds)
    ]
    num_trials = 2 * (many - few)
    case = f"{num_trials} trials that train nothing"
    each = tuple((cpu_many - cpu_few) / num_trials for cpu_few, cpu_many in rounds)
    ends = tuple(cpu_few for cpu_few, _ in rounds)
    return [
        Row(case, "each", "CPU s", each, note="target: under 1.5", is_difference=True),
        Row(case, "start and end of a study", "CPU s", ends, note="with 4 trials"),
    ]


def _run_nothing(folder: Path, num_seeds: int) -> float:
    seeds = list(range(1, num_seeds + 1))
    return _study_seconds(folder, f"nothing-{num_seeds}", NOTHING.format(seeds=seeds))[0]


def busy(settings: Settings) -> list[Row]:
    """How much of the cores a whole study uses, from the command's start to its end."""
    cpu, wall = _study_seconds(settings.folder, "busy", BUSY.format(epochs=settings.size(58, 1)))
    spent = [r.cost.total_s for r in Ledger(settings.folder / "busy").read_all().values() if r.cost]
    available = wall * (psutil.cpu_count() or 1)
    case = f"a study of {len(spent)} trials of {sum(spent) / len(spent):.0f} s"
    return [
        Row(case, "CPU time of all its processes", "% of cores", (100 * cpu / available,), 80.0),
        Row(case, "time inside trials", "% of cores", (100 * sum(spent) / available,)),
        Row(case, "from start to end", "s", (wall,)),
    ]


def _study_seconds(folder: Path, name: str, study: str) -> tuple[float, float]:
    """CPU seconds of the command and everything it starts, and wall seconds."""
    file = folder / f"{name}.yaml"
    file.write_text(study, encoding="utf-8")
    words = [str(REPOSITORY / "studies" / "run.py"), str(file), "--fresh"]
    start = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, *words, "--out", str(folder / file.stem)], stdout=subprocess.DEVNULL
    )
    spent: dict[int, float] = {}
    while process.poll() is None:
        spent |= _cpu_by_process(process.pid)
        time.sleep(POLL_S)
    if process.returncode:
        raise RuntimeError(f"the study ended with {process.returncode}: {' '.join(words)}")
    return sum(spent.values()), time.monotonic() - start


def _cpu_by_process(root: int) -> dict[int, float]:
    """CPU seconds so far; what a process spends after the last look is not seen."""
    spent = {}
    try:
        processes = [psutil.Process(root), *psutil.Process(root).children(recursive=True)]
    except psutil.Error:
        return spent
    for process in processes:
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        spent[process.pid] = times.user + times.system
    return spent
