"""Measures how fast training and evaluation are: ``python tests/benchmarks/run.py [CASE ...]``.

Without names every case runs, each in a process of its own. One thread: CPU time then counts work,
not waiting.
"""

import argparse
import datetime
import gc
import os
import sys
import types
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
ROOT = Path(__file__).resolve().parents[2]
# Installed packages that bring a top-level `tests` of their own would hide ours.
tests = types.ModuleType("tests")
tests.__path__ = [str(ROOT / "tests")]
sys.modules["tests"] = tests
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402
import transformers  # noqa: E402

from morec.cost import device_name  # noqa: E402
from tests.benchmarks import (  # noqa: E402
    chart,
    curves,
    evaluating,
    losses,
    reading,
    scaling,
    sweep,
    training,
    tried,
)
from tests.benchmarks.measure import Row  # noqa: E402
from tests.benchmarks.peers import epoch  # noqa: E402
from tests.benchmarks.settings import Case, Settings  # noqa: E402

CASES: dict[str, Case] = {
    "step-tiny": training.step_tiny,
    "step-small": training.step_small,
    "step-ids": training.step_ids,
    "frozen-prefix": training.frozen_prefix,
    "batches": training.batches,
    "epochs": training.epochs,
    "depth-study": training.depth_study,
    "evaluation": evaluating.evaluation,
    "mind-evaluation": evaluating.mind_evaluation,
    "curves": curves.curves,
    "sweep": sweep.sweep,
    "busy": sweep.busy,
    "scaling": scaling.scaling,
    "losses": losses.losses,
    "reading": reading.reading,
    "tried": tried.tried,
    "compile": tried.compiled,
    "peer-epochs": epoch.peer_epochs,
}


def main() -> None:
    """Run the cases asked for; print the table and write it with the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(CASES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "benchmarks")
    parser.add_argument("--quick", action="store_true", help="small sizes, meaningless numbers")
    parser.add_argument("--peer", type=Path, help="the Python of an environment with RecTools")
    chosen = parser.parse_args()
    unknown = sorted(set(chosen.cases) - CASES.keys())
    if unknown:
        parser.error(f"no case {', '.join(unknown)}; there are {', '.join(CASES)}")
    settings = Settings(chosen.out / "made", chosen.rounds, chosen.quick, chosen.peer)
    settings.folder.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    for name in chosen.cases or CASES:
        found = _alone(name, settings)
        print(chart.table(found), flush=True)
        rows += found
        chart.write(rows, _where(), chosen.out)
    print(_where(), f"table and page: {chosen.out}", sep="\n")


def _alone(name: str, settings: Settings) -> list[Row]:
    """Run a case where no other one has left its memory in disorder: small steps feel that."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_run, name, settings).result()


def _run(name: str, settings: Settings) -> list[Row]:
    transformers.utils.logging.disable_progress_bar()
    gc.freeze()  # as a trial's process does
    return CASES[name](settings)


def _where() -> str:
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="minutes")
    load = "/".join(f"{value:.1f}" for value in os.getloadavg())
    device = device_name(torch.device("cpu"))
    return f"{device} of {os.cpu_count()}; torch {torch.__version__}; {now}; load average {load}"


if __name__ == "__main__":
    main()
