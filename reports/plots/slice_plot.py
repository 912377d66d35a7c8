"""Slice plot: the values of one searched parameter against the validation score.

Needs search trials with a score that searched the parameter.
"""

from collections.abc import Sequence
from typing import Any

from reports.plots import axes, traces
from reports.plots.styles import styles
from reports.plots.traces import Figure
from reports.study.summary import StudySummary
from tune_space.study.domains import ParamSpec, Value

MAX_POINTS = 100
"""Search trials drawn per arm, the best ones."""
MAX_WHOLE_TICKS = 12
"""With a span up to this, every whole number has a tick, and there are no ticks between."""
_TALL_PX = 340
_SMALL_PX = 260
_WIDE = 20
"""Chosen numbers get a logarithmic axis from this factor between smallest and largest."""


def slice_plot(summary: StudySummary, path: str, *, has_legend: bool) -> Figure | None:
    """A point per search trial with a value of ``path`` and a score; None without such trials."""
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
    figure = axes.figure(marks, path, f"validation {summary.main_metric} (%)", height=height)
    figure["layout"]["xaxis"] |= _value_axis(summary, path, values)
    if has_legend:
        figure["layout"] |= {"showlegend": True, "legend": {"orientation": "h", "y": -0.28}}
    return figure


def is_number(value: Value) -> bool:
    """Whether a searched value can be drawn on an axis of numbers."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_logarithmic(summary: StudySummary, path: str, numbers: Sequence[float]) -> bool:
    """Whether the axis for these numbers of ``path`` is logarithmic.

    A searched range gets the axis it was drawn on. Chosen numbers get a logarithmic axis where
    the largest is ``_WIDE`` times the smallest.
    """
    if min(numbers) <= 0:
        return False
    domains = _domains(summary, path)
    if domains and all(domain.choice is None for domain in domains):
        return all(domain.is_logarithmic for domain in domains)
    return max(numbers) / min(numbers) >= _WIDE


def _domains(summary: StudySummary, path: str) -> list[ParamSpec]:
    """What the study file allows for ``path``, in the study and in its arms."""
    study = summary.manifest.study
    spaces = [study.search, *(arm.search for arm in study.arms.values())]
    return [space[path] for space in spaces if path in space]


def _value_axis(summary: StudySummary, path: str, values: list[Any]) -> Figure:
    if not all(map(is_number, values)):
        return {"type": "category"}
    if is_logarithmic(summary, path, values):
        return axes.log_ticks(values, "{:g}".format)
    is_whole = all(isinstance(value, int) for value in values)
    few = {"dtick": 1} if is_whole and max(values) - min(values) <= MAX_WHOLE_TICKS else {}
    return {"type": "linear", "tickformat": "~g"} | few
