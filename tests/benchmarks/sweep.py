"""What a study costs beside its training: CPU seconds per trial that trains next to nothing."""

import subprocess
import sys
import time
from pathlib import Path

import psutil

from tests.benchmarks.measure import Row
from tests.benchmarks.settings import Settings

REPOSITORY = Path(__file__).parents[2]
POLL_S = 0.25
STUDY = """
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


def sweep(settings: Settings) -> list[Row]:
    """A study of 20 trials more against one without them, all processes counted."""
    few, many = 1, settings.size(11, 3)
    cpu_few, _ = _study_seconds(settings.folder, few)
    cpu_many, wall = _study_seconds(settings.folder, many)
    num_trials = 2 * (many - few)
    cores = psutil.cpu_count() or 1
    case = f"{num_trials} trials that train nothing"
    return [
        Row(case, "each", "CPU s", ((cpu_many - cpu_few) / num_trials,), note="target: under 1.5"),
        Row(case, "start and end of a study", "CPU s", (cpu_few,), note="with 4 trials"),
        Row(case, "use of the cores", "%", (100 * cpu_many / wall / cores,), note="start included"),
    ]


def _study_seconds(folder: Path, num_seeds: int) -> tuple[float, float]:
    """CPU seconds of the command and everything it starts, and wall seconds."""
    file = folder / f"nothing-{num_seeds}.yaml"
    file.write_text(STUDY.format(seeds=list(range(1, num_seeds + 1))), encoding="utf-8")
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
