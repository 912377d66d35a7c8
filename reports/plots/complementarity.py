"""Chart of overlaps: whom two arms find, pair by pair, and whom two seeds of the better arm find.

Needs a pair of arms with a finished seed in common.
"""

from collections.abc import Sequence

from reports.plots import axes, traces
from reports.plots.traces import Figure
from reports.study.complementarity import Overlap, Pair

_BASE_PX, _ROW_PX = 110, 34


def overlaps(pairs: Sequence[Pair]) -> Figure | None:
    """A stacked bar per pair in percent of the test users; None without any finished pair."""
    known = [(pair, pair.overlap) for pair in pairs if pair.overlap]
    if not known:
        return None
    rows = [traces.plain(f"{pair.first} & {pair.second}") for pair, _ in known]
    shares = {
        "both": ([one.both for _, one in known], "@accent"),
        "only the first": ([one.only_first for _, one in known], "@accent/0.55"),
        "only the second": ([one.only_second for _, one in known], "@accent/0.3"),
    }
    marks = [_stacked(name, values, rows, hue) for name, (values, hue) in shares.items()]
    controls = [_control(pair, one) for pair, one in known]
    marks.append(_ticks("two seeds of the better", controls, rows))
    title = f"test users found ({known[0][0].metric}), percent"
    figure = axes.figure(marks, title, "", height=_BASE_PX + _ROW_PX * len(known))
    figure["layout"]["yaxis"] |= {"categoryorder": "array", "categoryarray": rows[::-1]}
    figure["layout"]["xaxis"] |= {"showgrid": True, "rangemode": "tozero"}
    legend = {"orientation": "h", "y": 1.15, "traceorder": "normal"}
    figure["layout"] |= {"barmode": "stack", "showlegend": True, "legend": legend}
    return figure


def _control(pair: Pair, overlap: Overlap) -> float | None:
    return overlap.two_first if pair.is_first_better else overlap.two_second


def _stacked(name: str, shares: Sequence[float], rows: Sequence[str], hue: str) -> Figure:
    """One part of horizontal bars, a bar per row; shares in [0, 1]."""
    return {
        "type": "bar",
        "name": traces.plain(name),
        "orientation": "h",
        "x": [round(100 * one, 3) for one in shares],
        "y": list(rows),
        "marker": {"color": hue, "line": {"width": 0}},
        "hovertemplate": "%{y}, %{fullData.name}: %{x:.2f}%<extra></extra>",
    }


def _ticks(name: str, shares: Sequence[float | None], rows: Sequence[str]) -> Figure:
    """An upright mark per row; shares in [0, 1], no mark where there is none."""
    known = [(share, row) for share, row in zip(shares, rows, strict=True) if share is not None]
    return {
        "type": "scatter",
        "name": traces.plain(name),
        "x": [round(100 * share, 3) for share, _ in known],
        "y": [row for _, row in known],
        "mode": "markers",
        "marker": {"symbol": "line-ns-open", "size": 22, "color": "@ink", "line": {"width": 2}},
        "hovertemplate": "%{y}, %{fullData.name}: %{x:.2f}%<extra></extra>",
    }
