"""The published numbers that a study file names, each beside ours; never presented as ours."""

from dataclasses import dataclass

import numpy as np

from reports import formats
from reports.rank_metrics import per_user
from reports.statistics import paired_difference
from reports.summary import ArmSummary, StudySummary


@dataclass(frozen=True)
class Expected:
    """A published number beside ours, both in percent."""

    dataset: str
    arm: str
    metric: str
    ours: str
    interval: str
    papers: str
    judgement: str


def expected_rows(summary: StudySummary) -> tuple[Expected, ...]:
    """The paper's numbers, each beside our interval; none in a study's quick form."""
    if summary.is_quick:
        return ()
    return tuple(
        _expected(summary, name, metric, papers)
        for name, numbers in summary.manifest.study.expected.items()
        for metric, papers in numbers.items()
    )


def _expected(summary: StudySummary, name: str, metric: str, papers: float) -> Expected:
    arm = summary.arm(name)
    mean = arm.mean(metric) if arm else None
    dataset, label = (arm.entry.dataset, arm.label) if arm else ("", name)
    ours = interval = formats.NOT_AVAILABLE
    judgement = "no value of ours yet"
    if arm is not None and mean is not None:
        low, high = _interval(arm, metric)
        ours, interval = (
            formats.percent(mean),
            f"{formats.percent(low)} to {formats.percent(high)}",
        )
        off_by = f"off by {formats.signed(100 * mean - papers, 2)}"
        judgement = "within interval" if 100 * low <= papers <= 100 * high else off_by
    return Expected(dataset, label, metric, ours, interval, f"{papers:.2f}", judgement)


def _interval(arm: ArmSummary, metric: str) -> tuple[float, float]:
    """95% interval of our own mean, over users and seeds: the difference from nothing."""
    tests = [result.test for result in arm.tested.values() if result.test]
    values_SU = per_user(metric, np.stack([test.ranks for test in tests]))
    own = paired_difference(values_SU, np.zeros_like(values_SU), num_flips=0)
    return own.low, own.high
