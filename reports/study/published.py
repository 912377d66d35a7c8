"""Published numbers that a study file names, each with our own; never presented as ours."""

from dataclasses import dataclass

import numpy as np

from morec.results import GPU_MEMORY
from reports import formats
from reports.study.costs import ArmCost, arm_cost
from reports.study.rank_metrics import values_on_test
from reports.study.slices import users_with
from reports.study.statistics import Difference, paired_difference
from reports.study.summary import ArmSummary, StudySummary
from tune_space.study.spec import COSTS

_Words = tuple[str, str, str]
_NO_VALUE: _Words = (formats.NOT_AVAILABLE, formats.NOT_AVAILABLE, "not measured")
"""Our value, its interval, and the judgement."""


@dataclass(frozen=True)
class Published:
    """A published number and our own for the same arm and metric, as printed."""

    dataset: str
    arm: str
    metric: str
    ours: str
    interval: str
    papers: str
    judgement: str


def published_rows(summary: StudySummary) -> tuple[Published, ...]:
    """The paper's numbers, each with our interval; none in a study's quick form."""
    if summary.is_quick:
        return ()
    return tuple(
        _published(summary, name, metric, papers)
        for name, numbers in summary.manifest.study.expected.items()
        for metric, papers in numbers.items()
    )


def _published(summary: StudySummary, name: str, metric: str, papers: float) -> Published:
    found = [(part, arm) for part in summary.parts for arm in part.arms if arm.name == name]
    dataset, label = (found[0][0].place.key, found[0][1].label) if found else ("", name)
    judge = _judge_cost if metric in COSTS else _judge_metric
    ours, interval, judgement = judge(*found[0], metric, papers) if found else _NO_VALUE
    printed = f"{papers:g}" if metric in COSTS else f"{papers:.2f}"
    return Published(dataset, label, metric, ours, interval, printed, judgement)


def _judge_metric(part: StudySummary, arm: ArmSummary, metric: str, papers: float) -> _Words:
    own = _own(part, arm, metric)
    if own is None:
        return _NO_VALUE
    interval = f"{formats.percent(own.low)} to {formats.percent(own.high)}"
    is_inside = 100 * own.low <= papers <= 100 * own.high
    off_by = f"off by {formats.signed(100 * own.mean - papers, 2)}"
    return formats.percent(own.mean), interval, "within interval" if is_inside else off_by


def _judge_cost(part: StudySummary, arm: ArmSummary, metric: str, papers: float) -> _Words:
    cost = arm_cost(part.dataset, arm)
    own = _measured(cost, metric) if cost else None
    if own is None:
        return _NO_VALUE
    return f"{own:.3g}", formats.NOT_AVAILABLE, f"{own / papers:.2f} times the paper’s"


def _measured(cost: ArmCost, metric: str) -> float | None:
    """Our cost in the paper's unit; None for memory that was not measured on a GPU."""
    is_on_gpu = cost.memory_kind == GPU_MEMORY
    found: dict[str, tuple[float | None, float]] = {
        "#Param M": (cost.params_total, 1e6),
        "FLOPs G": (cost.forward_macs_paper, 1e9),
        "min/epoch": (cost.epoch_s, 60),
        "GPU GB": (cost.peak_memory_bytes if is_on_gpu else None, 1e9),
    }
    amount, unit = found[metric]
    return None if amount is None else amount / unit


def _own(part: StudySummary, arm: ArmSummary, metric: str) -> Difference | None:
    """Our mean with its 95% interval over users and seeds, as a difference from 0.

    ``HR@10 cold`` is HR@10 over the users whose target has the label ``cold`` (paper, table 9).
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
