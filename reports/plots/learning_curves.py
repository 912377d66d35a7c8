"""Learning curves: validation metric by epoch.

Needs trials with recorded epochs: final trials, or search trials while no final one has begun.
"""

from itertools import islice
from statistics import median

from morec.results import TrialStatus
from reports.plots import axes, traces
from reports.plots.label_layout import LINE_PX, spread_out
from reports.plots.styles import styles
from reports.plots.traces import Figure, Style
from reports.study.summary import StudySummary
from reports.study.trial import Trial

MAX_BANDS = 7
"""With more arms than this, no bands are drawn: they would hide each other."""
MAX_COLLAPSED = 20
"""Collapsed curves drawn per arm."""
_HEIGHT_PX = 440
_MARGINS_PX = 62
_HEADROOM = 1.06
_EDGE = 1.03
_BELOW_TOP = 0.99
"""A name at the very top of its axis would not be drawn."""


def learning_curves(summary: StudySummary, metric: str) -> Figure | None:
    """Per arm, the median over seeds as a line and the range over seeds as a band.

    Collapsed trials are drawn apart. None where no trial has finished an epoch.
    """
    looks = styles(summary.arms)
    bands, lines, collapses = [], [], []
    ends: dict[str, tuple[int, float]] = {}
    only_collapsed: set[str] = set()
    for arm in summary.arms:
        look = looks[arm.label]
        healthy = [trial for trial in arm.curve_trials if trial.status != TrialStatus.COLLAPSED]
        spread = _still_training([_curve(trial, metric) for trial in healthy])
        if spread:
            lines.append(traces.curve(arm.label, [median(values) for values in spread], look))
            bands.append(traces.band([min(v) for v in spread], [max(v) for v in spread], look))
            ends[arm.label] = (len(spread), median(spread[-1]))
        collapsed = (trial for trial in arm.trials if trial.status == TrialStatus.COLLAPSED)
        curves = [(trial, _curve(trial, metric)) for trial in islice(collapsed, MAX_COLLAPSED)]
        collapses += [traces.collapse(trial, values, look) for trial, values in curves if values]
        if not spread and curves and curves[-1][1]:
            only_collapsed.add(arm.label)
            ends[arm.label] = (len(curves[-1][1]), curves[-1][1][-1])
    drawn = [*(bands if len(bands) <= MAX_BANDS else ()), *lines, *collapses]
    texts = {name: f"{name} (collapsed)" if name in only_collapsed else name for name in ends}
    return _with_edge_labels(drawn, ends, texts, looks, metric) if drawn else None


def _curve(trial: Trial, metric: str) -> list[float]:
    epochs = trial.result.epochs if trial.result else ()
    return [100 * epoch.valid[metric] for epoch in epochs if metric in epoch.valid]


def _still_training(curves: list[list[float]]) -> list[list[float]]:
    """Per epoch, the values of the trials that reached it; ends where fewer than half did."""
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
    gap = top * LINE_PX / (_HEIGHT_PX - _MARGINS_PX)
    ceiling = top * _BELOW_TOP
    heights = spread_out({name: y for name, (_, y) in ends.items()}, gap=gap, top=ceiling)
    leaders = [
        traces.leader(*ends[name], edge * _EDGE, y, looks[name]) for name, y in heights.items()
    ]
    figure = axes.figure([*drawn, *leaders], "epoch", f"validation {metric} (%)", height=_HEIGHT_PX)
    layout = figure["layout"]
    layout["annotations"] = [traces.edge_label(texts[n], y, looks[n]) for n, y in heights.items()]
    layout["xaxis"] |= {"range": [1 - (_EDGE - 1) * edge, edge * _EDGE]} | (
        {"dtick": 1} if edge <= 12 else {}
    )
    layout["yaxis"]["range"] = [0, top]
    layout["margin"]["r"] = 24 + 7 * max(map(len, texts.values()), default=0)
    return figure
