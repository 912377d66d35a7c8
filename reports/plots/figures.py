"""The figures of the page as plotly's JSON: what is drawn, in which order, with which labels."""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from statistics import median

from morec.results import TrialStatus
from reports import formats
from reports.plots import label_layout as labels
from reports.plots import traces
from reports.plots.traces import Figure, Style
from reports.study.contrasts import Contrast
from reports.study.costs import ArmCost
from reports.study.slices import SliceTable
from reports.study.statistics import Difference
from reports.study.summary import ArmSummary, StudySummary, Trial

NUM_HUES = 7
MAX_BANDS = 7
"""With more arms than this the bands over seeds would hide each other."""
MAX_ARMS = 6
"""More arms than this would hide each other beside one label of a slice."""
MAX_COLLAPSED = 20
"""Collapsed curves an arm shows."""
_DODGE = 0.1
_SMALL_PX = 280
_CURVES_PX = 440
_PARETO_PX = 420
_PARETO_SPAN_PX = (800, 240)
"""About how far apart the outermost points are on a desktop page: across, and up."""
_MARGINS_PX = 62
_HEADROOM = 1.06
_EDGE = 1.03
_BELOW_TOP = 0.99
"""A name at the very top of its axis would not be drawn."""

_Point = tuple[float, float, ArmSummary]
"""Training seconds, mean in percent, and whose they are."""


def styles(arms: tuple[ArmSummary, ...]) -> dict[str, Style]:
    """A hue per arm, or per group where there are more arms than hues and more groups than one."""
    if len(arms) <= NUM_HUES or len({arm.entry.group for arm in arms}) == 1:
        return {
            arm.label: Style(f"@c{index % NUM_HUES}", index // NUM_HUES)
            for index, arm in enumerate(arms)
        }
    members: dict[str | None, list[str]] = {}
    for arm in arms:
        members.setdefault(arm.entry.group, []).append(arm.label)
    return {
        name: Style(f"@c{index % NUM_HUES}", variant)
        for index, names in enumerate(members.values())
        for variant, name in enumerate(names)
    }


def learning_curves(summary: StudySummary, metric: str) -> Figure | None:
    """Validation metric per epoch: median line and lowest-to-highest band over seeds."""
    looks = styles(summary.arms)
    bands, lines, broken = [], [], []
    ends: dict[str, tuple[int, float]] = {}
    gone: set[str] = set()
    for arm in summary.arms:
        look = looks[arm.label]
        spread = _still_training([_curve(trial, metric) for trial in _healthy(arm)])
        if spread:
            lines.append(traces.curve(arm.label, [median(values) for values in spread], look))
            bands.append(traces.band([min(v) for v in spread], [max(v) for v in spread], look))
            ends[arm.label] = (len(spread), median(spread[-1]))
        collapsed = (trial for trial in (*arm.searches, *arm.finals) if _has_collapsed(trial))
        curves = [(trial, _curve(trial, metric)) for trial in islice(collapsed, MAX_COLLAPSED)]
        broken += [traces.collapse(trial, values, look) for trial, values in curves if values]
        if not spread and curves and curves[-1][1]:
            gone.add(arm.label)
            ends[arm.label] = (len(curves[-1][1]), curves[-1][1][-1])
    drawn = [*(bands if len(bands) <= MAX_BANDS else ()), *lines, *broken]
    texts = {name: f"{name} (collapsed)" if name in gone else name for name in ends}
    return _with_edge_labels(drawn, ends, texts, looks, metric) if drawn else None


def forest(contrasts: Iterable[Contrast]) -> Figure | None:
    """Differences between arms with their 95% intervals, one row each, in percentage points."""
    between = [(one, one.difference) for one in contrasts if one.kind != "reference"]
    known = [(one, difference) for one, difference in between if difference]
    if not known:
        return None
    rows = [traces.plain(f"{one.better} − {one.than}") for one, _ in known]
    marks = [
        traces.interval(one, difference, row)
        for (one, difference), row in zip(known, rows, strict=True)
    ]
    title = f"difference in {known[0][0].metric}, percentage points"
    figure = traces.figure(marks, title, "", height=84 + 30 * len(known))
    order = {"categoryorder": "array", "categoryarray": rows[::-1], "showgrid": False}
    figure["layout"]["yaxis"] |= order | {"range": [-0.6, len(known) - 0.4]}
    figure["layout"]["xaxis"] |= {"zeroline": True, "zerolinewidth": 1, "showgrid": True}
    figure["layout"]["xaxis"]["range"] = _around_zero([difference for _, difference in known])
    return figure


def pareto(summary: StudySummary, costs: Iterable[ArmCost], metric: str) -> Figure | None:
    """Test accuracy against training time (log axis) on one device, with the Pareto front."""
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
    figure = traces.figure(marks, title, f"test {metric} (%)", height=_PARETO_PX)
    ticks = traces.log_ticks([seconds for seconds, _, _ in points], formats.tick_duration)
    figure["layout"]["xaxis"] |= ticks
    figure["layout"]["annotations"] = _point_labels(points, front, looks)
    return figure


def pareto_front(points: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Of (cost, accuracy): those no cheaper or equally cheap one reaches, cheapest first."""
    front: list[tuple[float, float]] = []
    for cost, accuracy in sorted(points, key=lambda one: (one[0], -one[1])):
        if not front or accuracy > front[-1][1]:
            front.append((cost, accuracy))
    return front


def losses(curves: Mapping[str, Sequence[float]]) -> Figure:
    """Loss per epoch of a second round; validation begins before the first epoch."""
    marks = [
        traces.loss(
            name, range(0 if name == "valid" else 1, len(values) + 1), values, Style(hue, 0)
        )
        for (name, values), hue in zip(curves.items(), ("@muted", "@accent"), strict=False)
    ]
    figure = traces.figure(marks, "epoch", "loss", height=_SMALL_PX)
    figure["layout"] |= {"showlegend": True, "legend": {"orientation": "h", "y": 1.15}}
    longest = max(map(len, curves.values()))
    figure["layout"]["xaxis"] |= {"tickformat": "d"} | ({"dtick": 1} if longest <= 12 else {})
    return figure


def slices(summary: StudySummary, table: SliceTable) -> Figure | None:
    """Differences to the baseline by label with their intervals, of the best ``MAX_ARMS`` arms."""
    ranked = [arm.label for arm in summary.ranked(table.metric) if arm is not summary.baseline]
    rows = [row for row in table.rows if row.arm in ranked[:MAX_ARMS]]
    looks = styles(summary.arms)
    marks = []
    for place, row in enumerate(rows):
        cells = [row.cells[at] for at in table.labels_with_users]
        known = [(at, cell.difference) for at, cell in enumerate(cells) if cell.difference]
        shift = _DODGE * (place - (len(rows) - 1) / 2)
        if known:
            xs, differences = zip(
                *((at + shift, difference) for at, difference in known), strict=True
            )
            marks.append(traces.differences(row.arm, xs, differences, looks[row.arm]))
    if not marks:
        return None
    title = f"{table.metric}, points against {summary.manifest.study.baseline}"
    figure = traces.figure(marks, table.dimension, title, height=340)
    names = [traces.plain(table.labels[at].name) for at in table.labels_with_users]
    ticks = {"tickvals": list(range(len(names))), "ticktext": names}
    figure["layout"]["xaxis"] |= ticks | {"range": [-0.5, len(names) - 0.5]}
    figure["layout"]["yaxis"] |= {"zeroline": True, "zerolinewidth": 1}
    figure["layout"] |= {"showlegend": True, "legend": {"orientation": "h", "y": 1.15}}
    return figure


def _healthy(arm: ArmSummary) -> list[Trial]:
    return [trial for trial in arm.curve_trials if not _has_collapsed(trial)]


def _has_collapsed(trial: Trial) -> bool:
    return trial.result is not None and trial.result.status is TrialStatus.COLLAPSED


def _curve(trial: Trial, metric: str) -> list[float]:
    epochs = trial.result.epochs if trial.result else ()
    return [100 * epoch.valid[metric] for epoch in epochs if metric in epoch.valid]


def _still_training(curves: list[list[float]]) -> list[list[float]]:
    """Per epoch the values of the trials still training, while at least half of them are."""
    longest = max(map(len, curves), default=0)
    at_epoch = [[curve[i] for curve in curves if i < len(curve)] for i in range(longest)]
    return [values for values in at_epoch if 2 * len(values) >= len(curves)]


def _with_edge_labels(
    drawn: list[Figure],
    ends: dict[str, tuple[int, float]],
    texts: dict[str, str],
    looks: dict[str, Style],
    metric: str,
) -> Figure:
    top = max(max(trace["y"]) for trace in drawn) * _HEADROOM or 1.0
    edge = max(max(trace["x"]) for trace in drawn)
    gap = top * labels.LINE_PX / (_CURVES_PX - _MARGINS_PX)
    ceiling = top * _BELOW_TOP
    heights = labels.spread_out({name: y for name, (_, y) in ends.items()}, gap=gap, top=ceiling)
    leaders = [
        traces.leader(*ends[name], edge * _EDGE, y, looks[name]) for name, y in heights.items()
    ]
    figure = traces.figure(
        [*drawn, *leaders], "epoch", f"validation {metric} (%)", height=_CURVES_PX
    )
    layout = figure["layout"]
    layout["annotations"] = [traces.edge_label(texts[n], y, looks[n]) for n, y in heights.items()]
    layout["xaxis"] |= {"range": [1 - (_EDGE - 1) * edge, edge * _EDGE]} | (
        {"dtick": 1} if edge <= 12 else {}
    )
    layout["yaxis"]["range"] = [0, top]
    layout["margin"]["r"] = 24 + 7 * max(map(len, texts.values()), default=0)
    return figure


def _point_labels(
    points: list[_Point], front: list[tuple[float, float]], looks: dict[str, Style]
) -> list[Figure]:
    """Names beside their points, kept apart as on a desktop page."""
    xs, ys = [math.log10(x) for x, _, _ in points], [y for _, y, _ in points]
    pixels = list(
        zip(_pixels(xs, _PARETO_SPAN_PX[0]), _pixels(ys, _PARETO_SPAN_PX[1]), strict=True)
    )
    names = [arm.label for _, _, arm in points]
    offsets = labels.beside_points(pixels, names)
    return [
        traces.beside(name, x, y, offset, looks[name], is_bold=(seconds, y) in front)
        for x, y, (seconds, _, _), name, offset in zip(xs, ys, points, names, offsets, strict=True)
    ]


def _pixels(values: list[float], length: int) -> list[float]:
    low, span = min(values), (max(values) - min(values)) or 1.0
    return [length * (value - low) / span for value in values]


def _around_zero(differences: list[Difference]) -> list[float]:
    """Limits in percentage points that hold every interval and zero."""
    low = min(0.0, *(100 * one.low for one in differences))
    high = max(0.0, *(100 * one.high for one in differences))
    padding = 0.04 * (high - low) or 1.0
    return [low - padding, high + padding]
