"""Changes the product at random places, one at a time, and counts which changes tests notice.

``python tests/mutation/run.py [--sample 400] [--seed 1] [--only GROUP ...]``
"""

import argparse
import os
import random
import sys
import types
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Installed packages that bring a top-level `tests` of their own would hide ours.
tests = types.ModuleType("tests")
tests.__path__ = [str(ROOT / "tests")]
sys.modules["tests"] = tests
sys.path.insert(0, str(ROOT))

from tests.conftest import pytest_configure as clean_environment  # noqa: E402
from tests.mutation.equivalent.table import EQUIVALENT  # noqa: E402
from tests.mutation.judged import CAUGHT, Judged, judge, share_caught, table  # noqa: E402
from tests.mutation.known import Known  # noqa: E402
from tests.mutation.mutants import Mutant, mutants_of  # noqa: E402
from tests.mutation.sessions import preload  # noqa: E402
from tests.mutation.targets import TARGETS, modules, third_party  # noqa: E402


def main() -> int:
    """Judge a sample; print every change that no test noticed, and the table. 1: too many."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, default=400, help="changes that are tried")
    parser.add_argument("--seed", type=int, default=1, help="of the sample")
    parser.add_argument("--only", nargs="*", default=list(TARGETS), choices=list(TARGETS))
    parser.add_argument("--among", default="", help="only modules that have this in their path")
    parser.add_argument("--skip", type=int, default=0, help="leaves out the sample's first")
    parser.add_argument("--jobs", type=int, default=1, help="changes that are tried at once")
    parser.add_argument("--at-least", type=float, default=0.95, help="share that must be noticed")
    parser.add_argument("--kept", type=Path, default=ROOT / "runs" / "mutation" / "known.json")
    chosen = parser.parse_args()
    os.chdir(ROOT)
    clean_environment()
    print(f"seed {chosen.seed}, {chosen.sample} changes", flush=True)
    known = Known(chosen.kept)
    preload([*third_party(), *sorted(known.imported)])
    whole = mutants(chosen.only, chosen.among)
    drawn = draw(whole, chosen.sample, chosen.seed)[chosen.skip :]
    with ThreadPoolExecutor(chosen.jobs) as pool:
        judged = list(pool.map(lambda one: _tell(*one, known), drawn))
    print(table(judged))
    return 0 if share_caught(judged) >= chosen.at_least else 1


def mutants(groups: Sequence[str], among: str) -> list[tuple[str, Mutant]]:
    """All mutants of these groups' modules with ``among`` in their path, module by module."""
    return [
        (group, mutant)
        for group in groups
        for path in modules(group)
        if among in str(path)
        for mutant in mutants_of((ROOT / path).read_text(encoding="utf-8"), str(path))
    ]


def draw(whole: Sequence[tuple[str, Mutant]], count: int, seed: int) -> list[tuple[str, Mutant]]:
    """A random sample, in random order."""
    return random.Random(seed).sample(whole, min(count, len(whole)))


def _tell(group: str, mutant: Mutant, known: Known) -> Judged:
    if mutant.key in EQUIVALENT:
        return Judged(group, mutant, "equivalent", EQUIVALENT[mutant.key])
    judged = judge(group, mutant, known)
    known.keep()
    print(judged.line(), flush=True)
    if judged.status not in CAUGHT:
        print(f"- {mutant.old}\n+ {mutant.new}", flush=True)
    return judged


if __name__ == "__main__":
    sys.exit(main())
