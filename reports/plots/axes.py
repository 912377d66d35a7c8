"""The frame of every chart: axes, titles, ticks and margins, as plotly's JSON."""

import math
from collections.abc import Callable, Iterable, Sequence

from reports.plots.traces import Figure

_TICKS = {5: range(1, 10), 100: (1, 2, 5), math.inf: (1,)}
"""Largest value over smallest -> which multiples of a power of ten get a tick."""


def figure(traces: Sequence[Figure], x_title: str, y_title: str, *, height: int) -> Figure:
    """A chart of these traces: horizontal rules only, no box."""
    axis = {"automargin": True, "gridcolor": "@rule", "zeroline": False, "zerolinecolor": "@ink"}
    axis |= {"tickfont": {"color": "@muted", "size": 12}}
    x_axis = axis | {"title": _title(x_title), "showgrid": False}
    y_axis = axis | {"title": _title(y_title)}
    return {
        "data": list(traces),
        "layout": {
            "height": height,
            "margin": {"l": 50, "r": 20, "t": 12, "b": 50},
            "showlegend": False,
            "hovermode": "closest",
            "paper_bgcolor": "@page",
            "plot_bgcolor": "@page",
            "font": {"family": "system-ui, sans-serif", "size": 13, "color": "@ink"},
            "hoverlabel": {"bgcolor": "@page", "bordercolor": "@muted", "font": {"color": "@ink"}},
            "xaxis": x_axis,
            "yaxis": y_axis,
        },
    }


def log_ticks(values: Iterable[float], name: Callable[[float], str]) -> Figure:
    """Settings of a logarithmic axis around ``values``: the more decades, the fewer ticks each."""
    known = list(values)
    low, high = math.floor(math.log10(min(known))), math.ceil(math.log10(max(known)))
    factor = max(known) / min(known)
    steps = next(steps for limit, steps in _TICKS.items() if factor <= limit)
    ticks = [float(f"{step}e{power}") for power in range(low, high + 1) for step in steps]
    return {"type": "log", "tickvals": ticks, "ticktext": [name(tick) for tick in ticks]}


def _title(text: str) -> Figure:
    return {"text": text, "standoff": 10, "font": {"size": 13, "color": "@muted"}}
