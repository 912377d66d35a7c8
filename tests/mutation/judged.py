"""What tests say of a mutant, and the table of many."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.mutation.known import Known
from tests.mutation.mutants import Mutant
from tests.mutation.targets import mirrored_tests

CAUGHT = ("caught", "timed out")
MAX_BROKEN = 20
"""Tests of a file that fail without a change, too, before it is asked no more. Their names may
change from run to run, so that leaving them out would never end."""
STATUSES = ("caught", "timed out", "survived", "equivalent")


@dataclass(frozen=True)
class Judged:
    """A mutant, what became of it, and by which test or for which reason."""

    group: str
    mutant: Mutant
    status: str
    by: str

    def line(self) -> str:
        """One line for a person."""
        one = self.mutant
        where = f"{one.path}:{one.line} {one.function}"
        return f"{self.status}: {where}: {one.change} [{self.by}]"


def judge(group: str, mutant: Mutant, known: Known) -> Judged:
    """Ask the mirrored test files one after the other, until a test notices the change."""
    files = [str(file) for file in mirrored_tests(Path(mutant.path))]
    asked = []
    for file in files:
        if asked and known.slow(file):
            continue
        asked.append(file)
        for _ in range(MAX_BROKEN):
            outcome = known.ask(file, mutant)
            if outcome.answer.get("passed"):
                break
            by = outcome.answer.get("at") or file
            if known.passes(by):
                return Judged(group, mutant, "timed out" if outcome.is_late else "caught", by)
            if by == file:
                break
    return Judged(group, mutant, "survived", ", ".join(asked))


def share_caught(judged: Sequence[Judged]) -> float:
    """Of those that are not equivalent."""
    counted = [one for one in judged if one.status != "equivalent"]
    return sum(one.status in CAUGHT for one in counted) / max(1, len(counted))


def table(judged: Sequence[Judged]) -> str:
    """A row for each group of modules, and their sum."""
    groups = list(dict.fromkeys(one.group for one in judged))
    rows = [(group, [one for one in judged if one.group == group]) for group in groups]
    lines = [f"{'modules':<12} {'mutants':>8} " + " ".join(f"{name:>10}" for name in STATUSES)]
    for name, ones in [*rows, ("all", list(judged))]:
        counts = Counter(one.status for one in ones)
        numbers = " ".join(f"{counts[status]:>10}" for status in STATUSES)
        lines.append(f"{name:<12} {len(ones):>8} {numbers}  {share_caught(ones):.1%}")
    return "\n".join(lines)
