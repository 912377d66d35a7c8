"""Pareto plot: test accuracy against training time.

Needs two arms with a finished final trial and a recorded training time on the same device.
"""

import math
from collections.abc import Iterable

from reports import formats
from reports.plots import axes, traces
from reports.plots.label_layout import place_names
from reports.plots.styles import styles
from reports.plots.traces import Figure, Style
from reports.study.costs import ArmCost
from reports.study.summary import ArmSummary, StudySummary

_HEIGHT_PX = 420
_SPAN_PX = (800, 240)
"""About how far apart the outermost points are on a desktop page: across, and up."""

_Point = tuple[float, float, ArmSummary]
"""Training seconds, mean in percent, and the arm."""


def pareto(summary: StudySummary, costs: Iterable[ArmCost], metric: str) -> Figure | None:
    """Test accuracy against training time (log axis) on one device, with the Pareto front.

    None with fewer than two arms that have both.
    """
    points: list[_Point] = []
    for cost in costs:
        arm = summary.arm(cost.arm)
        mean = arm.mean(metric) if arm else None
        if arm and mean is not None and cost.train_s > 0:
            points.append((cost.train_s, 100 * mean, arm))
    if len(points) < 2:
        return None
    front = pareto_front([(seconds, mean) for seconds, mean, _ in points])
    looks = styles(summary.arms)
    marks = [traces.steps([x for x, _ in front], [y for _, y in front])]
    marks += [
        traces.point(arm.label, seconds, mean, 100 * (arm.sd(metric) or 0), looks[arm.label])
        for seconds, mean, arm in points
    ]
    title = "training time of one trial (log scale)"
    figure = axes.figure(marks, title, f"test {metric} (%)", height=_HEIGHT_PX)
    ticks = axes.log_ticks([seconds for seconds, _, _ in points], formats.tick_duration)
    figure["layout"]["xaxis"] |= ticks
    figure["layout"]["annotations"] = _point_labels(points, front, looks)
    return figure


def pareto_front(points: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """The points (cost, accuracy) whose accuracy no cheaper or equally cheap point reaches.

    The cheapest comes first.
    """
    front: list[tuple[float, float]] = []
    for cost, accuracy in sorted(points, key=lambda one: (one[0], -one[1])):
        if not front or accuracy > front[-1][1]:
            front.append((cost, accuracy))
    return front


def _point_labels(
    points: list[_Point], front: list[tuple[float, float]], looks: dict[str, Style]
) -> list[Figure]:
    """Each name next to its point; no two names overlap on a desktop page."""
    xs, ys = [math.log10(x) for x, _, _ in points], [y for _, y, _ in points]
    pixels = list(zip(_pixels(xs, _SPAN_PX[0]), _pixels(ys, _SPAN_PX[1]), strict=True))
    names = [arm.label for _, _, arm in points]
    offsets = place_names(pixels, names)
    return [
        traces.point_label(name, x, y, offset, looks[name], is_bold=(seconds, y) in front)
        for x, y, (seconds, _, _), name, offset in zip(xs, ys, points, names, offsets, strict=True)
    ]


def _pixels(values: list[float], length: int) -> list[float]:
    low, span = min(values), (max(values) - min(values)) or 1.0
    return [length * (value - low) / span for value in values]
