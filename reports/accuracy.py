"""The accuracy table in the paper's layout (tables 2 and 7), as cells ready to print."""

from dataclasses import dataclass

import numpy as np

from reports import formats
from reports.rank_metrics import per_user
from reports.statistics import paired_difference
from reports.summary import ArmSummary, StudySummary

MAX_COLUMNS = 8
"""More arms than this stand in rows, with the metrics as columns."""
UNTRAINED = ("chance", "popularity")


@dataclass(frozen=True)
class Cell:
    """One mean over seeds, in percent."""

    text: str
    sd: str = ""
    standing: str = ""
    """``best``, ``second`` or nothing."""
    is_partial: bool = False
    """Fewer seeds have finished than the study wants."""
    relative: str = ""
    """Relative to the baseline, in percent."""


@dataclass(frozen=True)
class ArmRow:
    """One arm (or untrained reference) with a cell per metric."""

    name: str
    group: str
    cells: tuple[Cell, ...]
    is_baseline: bool = False


@dataclass(frozen=True)
class AccuracyTable:
    """All cells, arm by arm; the page decides which way round they stand."""

    dataset: str
    metrics: tuple[str, ...]
    untrained: tuple[ArmRow, ...]
    arms: tuple[ArmRow, ...]
    improvements: tuple[str, ...]
    """Per metric: best non-baseline arm against the baseline, like ``+5.5%``."""
    winners: tuple[str, ...]
    """Per metric: the arm that improvement is of."""
    partial: tuple[str, ...]
    """Arms with fewer finished seeds than wanted, like ``TS 2 of 3``."""

    @property
    def has_arms_as_rows(self) -> bool:
        """Whether there are too many arms to stand side by side."""
        return len(self.arms) > MAX_COLUMNS

    @property
    def groups(self) -> tuple[tuple[str, tuple[ArmRow, ...]], ...]:
        """Neighbouring arms of the same heading, in the order of the study."""
        runs: list[tuple[str, list[ArmRow]]] = []
        for row in self.arms:
            if not runs or runs[-1][0] != row.group:
                runs.append((row.group, []))
            runs[-1][1].append(row)
        return tuple((group, tuple(rows)) for group, rows in runs)


@dataclass(frozen=True)
class Expected:
    """A published number beside ours, both in percent."""

    arm: str
    metric: str
    ours: str
    interval: str
    papers: str
    judgement: str


def accuracy_table(summary: StudySummary) -> AccuracyTable:
    """Lay out the test values of every arm, with the untrained references always there."""
    baseline, best = (
        summary.manifest.study.baseline,
        [summary.improvement(m) for m in summary.metrics],
    )
    return AccuracyTable(
        dataset=summary.dataset,
        metrics=summary.metrics,
        untrained=tuple(_reference_row(summary, name) for name in UNTRAINED),
        arms=tuple(
            ArmRow(
                arm.name,
                arm.entry.group or "",
                tuple(_cell(summary, arm, metric) for metric in summary.metrics),
                arm.name == baseline,
            )
            for arm in summary.arms
        ),
        improvements=tuple(
            _relative(one.percent) if one else formats.NOT_AVAILABLE for one in best
        ),
        winners=tuple(one.arm if one else "" for one in best),
        partial=tuple(
            f"{arm.name} {len(arm.tested)} of {arm.seeds_wanted}"
            for arm in summary.arms
            if len(arm.tested) < arm.seeds_wanted
        ),
    )


def expected_rows(summary: StudySummary) -> tuple[Expected, ...]:
    """The paper's numbers the study file names, each beside our interval."""
    return tuple(
        _expected(summary.arm(name), name, metric, papers)
        for name, numbers in summary.manifest.study.expected.items()
        for metric, papers in numbers.items()
    )


def _cell(summary: StudySummary, arm: ArmSummary, metric: str) -> Cell:
    mean, sd = arm.mean(metric), arm.sd(metric)
    ranked = [one.name for one in summary.ranked(metric)]
    standing = dict(zip(ranked, ("best", "second"), strict=False)) if len(ranked) > 1 else {}
    base = summary.baseline.mean(metric) if summary.baseline else None
    is_relative = mean is not None and base and arm is not summary.baseline
    return Cell(
        text=formats.percent(mean),
        sd=formats.percent(sd) if sd is not None else "",
        standing=standing.get(arm.name, ""),
        is_partial=0 < len(arm.tested) < arm.seeds_wanted,
        relative=_relative(100 * (mean / base - 1)) if is_relative and mean and base else "",
    )


def _relative(percent: float) -> str:
    return f"{formats.signed(percent, 1)}%"


def _reference_row(summary: StudySummary, name: str) -> ArmRow:
    reference = summary.reference(name)
    values = reference.test if reference else {}
    cells = tuple(Cell(formats.percent(values.get(metric))) for metric in summary.metrics)
    return ArmRow(name, "untrained", cells)


def _expected(arm: ArmSummary | None, name: str, metric: str, papers: float) -> Expected:
    mean = arm.mean(metric) if arm else None
    if arm is None or mean is None:
        missing = formats.NOT_AVAILABLE
        return Expected(name, metric, missing, missing, f"{papers:.2f}", "no value of ours yet")
    low, high = _interval(arm, metric)
    is_inside = 100 * low <= papers <= 100 * high
    off_by = f"off by {formats.signed(100 * mean - papers, 2)}"
    return Expected(
        arm=name,
        metric=metric,
        ours=formats.percent(mean),
        interval=f"{formats.percent(low)} to {formats.percent(high)}",
        papers=f"{papers:.2f}",
        judgement="within interval" if is_inside else off_by,
    )


def _interval(arm: ArmSummary, metric: str) -> tuple[float, float]:
    """95% interval of our own mean, over users and seeds: the difference from nothing."""
    tests = [result.test for result in arm.tested.values() if result.test]
    values_SU = per_user(metric, np.stack([test.ranks for test in tests]))
    own = paired_difference(values_SU, np.zeros_like(values_SU), num_flips=0)
    return own.low, own.high
