"""The published numbers that a study file names, each beside ours; never presented as ours."""

from dataclasses import dataclass

import numpy as np

from reports import formats
from reports.rank_metrics import values_on_test
from reports.slices import users_with
from reports.statistics import Difference, paired_difference
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
    part, arm = next(
        ((part, arm) for part in summary.parts for arm in part.arms if arm.name == name),
        (None, None),
    )
    dataset, label = (part.key, arm.label) if part and arm else ("", name)
    own = _own(part, arm, metric) if part and arm else None
    ours = interval = formats.NOT_AVAILABLE
    judgement = "no value of ours yet"
    if own is not None:
        ours = formats.percent(own.mean)
        interval = f"{formats.percent(own.low)} to {formats.percent(own.high)}"
        is_inside = 100 * own.low <= papers <= 100 * own.high
        off_by = f"off by {formats.signed(100 * own.mean - papers, 2)}"
        judgement = "within interval" if is_inside else off_by
    return Expected(dataset, label, metric, ours, interval, f"{papers:.2f}", judgement)


def _own(part: StudySummary, arm: ArmSummary, metric: str) -> Difference | None:
    """Our mean with its 95% interval over users and seeds: the difference from nothing.

    ``HR@10 cold`` is HR@10 over the users whose target has that label (paper, table 9).
    """
    name, _, label = metric.partition(" ")
    if not arm.tested or name not in part.metrics:
        return None
    values_SU = values_on_test(name, arm.tested.values())
    if label:
        is_in_U = users_with(part, label)
        if is_in_U is None or len(is_in_U) != values_SU.shape[1] or is_in_U.sum() < 2:
            return None
        values_SU = values_SU[:, is_in_U]
    return paired_difference(values_SU, np.zeros_like(values_SU), num_flips=0)
