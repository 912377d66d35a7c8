"""One searched value against the validation score: the slices through an arm's search."""

from collections.abc import Sequence
from typing import Any

from reports.plots import traces
from reports.plots.styles import styles
from reports.plots.traces import Figure
from reports.study.summary import StudySummary
from tune_space.study.spec import ParamSpec, Value

MAX_POINTS = 100
"""Search trials an arm shows in a figure: its best."""
MAX_WHOLE_TICKS = 12
"""Whole numbers that span no more than this have a tick each, and none between them."""
_TALL_PX = 340
_SMALL_PX = 260
_WIDE = 20
"""Chosen numbers that span more than this factor stand on a logarithmic axis."""


def slice_plot(summary: StudySummary, path: str, *, has_legend: bool) -> Figure | None:
    """Every arm's search trials by their value of ``path``, as points; None without any."""
    looks, marks = styles(summary.arms), []
    values: list[Value] = []
    for arm in summary.arms:
        scored = [
            (trial.params[path], 100 * trial.valid_score, trial.trial_id)
            for trial in arm.searches
            if path in trial.params and trial.valid_score is not None
        ]
        scored = sorted(scored, key=lambda one: -one[1])[:MAX_POINTS]
        if scored:
            xs, ys, ids = zip(*scored, strict=True)
            values += xs
            marks.append(traces.dots(arm.label, xs, ys, ids, looks[arm.label]))
    if not marks:
        return None
    height = _TALL_PX if has_legend else _SMALL_PX
    figure = traces.figure(marks, path, f"validation {summary.main_metric} (%)", height=height)
    figure["layout"]["xaxis"] |= _value_axis(summary, path, values)
    if has_legend:
        figure["layout"] |= {"showlegend": True, "legend": {"orientation": "h", "y": -0.28}}
    return figure


def is_number(value: Value) -> bool:
    """Whether a searched value can stand on an axis of numbers."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_logarithmic(summary: StudySummary, path: str, numbers: Sequence[float]) -> bool:
    """Whether these numbers of ``path`` stand on a logarithmic axis.

    Ranges as they were searched; chosen numbers where they are that far apart.
    """
    if min(numbers) <= 0:
        return False
    domains = _domains(summary, path)
    if domains and all(domain.choice is None for domain in domains):
        return all(domain.kind == "loguniform" for domain in domains)
    return max(numbers) / min(numbers) >= _WIDE


def _domains(summary: StudySummary, path: str) -> list[ParamSpec]:
    """Where the study file lets ``path`` be searched."""
    study = summary.manifest.study
    spaces = [study.search, *(arm.search for arm in study.arms.values())]
    return [space[path] for space in spaces if path in space]


def _value_axis(summary: StudySummary, path: str, values: list[Any]) -> Figure:
    if not all(map(is_number, values)):
        return {"type": "category"}
    if is_logarithmic(summary, path, values):
        return traces.log_ticks(values, "{:g}".format)
    is_whole = all(isinstance(value, int) for value in values)
    few = {"dtick": 1} if is_whole and max(values) - min(values) <= MAX_WHOLE_TICKS else {}
    return {"type": "linear", "tickformat": "~g"} | few
