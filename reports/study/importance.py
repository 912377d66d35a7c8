"""Importance of each searched parameter in each arm's search, as the study recorded it."""

from dataclasses import dataclass
from statistics import fmean

from reports.study.summary import StudySummary

ENOUGH_TRIALS = 50
"""With fewer completed search trials than this, the order of importance is mostly noise."""


@dataclass(frozen=True)
class ImportanceRow:
    """One arm: the importance of each path of the table."""

    arm: str
    num_trials: int
    """Completed search trials, from which the shares were computed."""
    shares: tuple[float | None, ...]
    """In [0, 1], adding up to 1; None for a path this arm did not search."""

    @property
    def is_unstable(self) -> bool:
        """Whether there are too few trials to trust the order."""
        return self.num_trials < ENOUGH_TRIALS


@dataclass(frozen=True)
class ImportanceTable:
    """Every arm with recorded shares, as rows of the same paths."""

    paths: tuple[str, ...]
    """Searched parameters, the one with the largest mean share first."""
    rows: tuple[ImportanceRow, ...]


def importance_table(summary: StudySummary) -> ImportanceTable:
    """The shares of every arm that has any; no rows where none has."""
    arms = [arm for arm in summary.arms if arm.entry.importance]
    known: dict[str, list[float]] = {}
    for arm in arms:
        for path, share in arm.entry.importance.items():
            known.setdefault(path, []).append(share)
    paths = sorted(known, key=lambda path: -fmean(known[path]))
    rows = (
        ImportanceRow(
            arm=arm.name,
            num_trials=sum(trial.is_completed for trial in arm.searches),
            shares=tuple(arm.entry.importance.get(path) for path in paths),
        )
        for arm in arms
    )
    return ImportanceTable(tuple(paths), tuple(rows))
