"""Single marks of the charts, as plotly's JSON; ``@names`` are colours of the page's theme."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from reports.plots.label_layout import Offset
from reports.study.contrasts import Contrast, Finding
from reports.study.statistics import Difference
from reports.study.trial import Trial

Figure = dict[str, Any]
_DASHES = ("solid", "dash", "dot", "dashdot")
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x")


@dataclass(frozen=True)
class Style:
    """How an arm is drawn: its hue, and which dash or symbol with that hue."""

    hue: str
    variant: int

    @property
    def dash(self) -> str:
        """Dash of its lines."""
        return _DASHES[self.variant % len(_DASHES)]

    @property
    def symbol(self) -> str:
        """Symbol of its points."""
        return _SYMBOLS[self.variant % len(_SYMBOLS)]


def band(lows: Sequence[float], highs: Sequence[float], style: Style) -> Figure:
    """The area between two curves over epochs 1, 2, ..."""
    epochs = list(range(1, len(lows) + 1))
    return {
        "type": "scatter",
        "x": epochs + epochs[::-1],
        "y": _rounded([*highs, *reversed(lows)]),
        "fill": "toself",
        "fillcolor": f"{style.hue}/0.13",
        "line": {"width": 0},
        "hoverinfo": "skip",
        "mode": "lines",
    }


def curve(name: str, values: Sequence[float], style: Style) -> Figure:
    """A line over epochs 1, 2, ...; a single epoch is a point."""
    return {
        "type": "scatter",
        "name": plain(name),
        "x": list(range(1, len(values) + 1)),
        "y": _rounded(values),
        "mode": "lines" if len(values) > 1 else "markers",
        "line": {"color": style.hue, "width": 2, "dash": style.dash},
        "marker": {"color": style.hue, "size": 7},
        "hovertemplate": "%{fullData.name}: %{y:.2f}%<extra>epoch %{x}</extra>",
    }


def collapse(trial: Trial, values: Sequence[float], style: Style) -> Figure:
    """A collapsed trial: a thin dotted line with a cross at its last epoch."""
    return {
        "type": "scatter",
        "name": f"{plain(trial.arm)} seed {trial.seed} ({trial.role})",
        "x": list(range(1, len(values) + 1)),
        "y": _rounded(values),
        "mode": "lines+markers",
        "line": {"color": style.hue, "width": 1, "dash": "dot"},
        "marker": {"symbol": "x", "size": [0] * (len(values) - 1) + [9], "color": style.hue},
        "hovertemplate": "%{fullData.name}, collapsed: %{y:.2f}%<extra>epoch %{x}</extra>",
    }


def edge_label(name: str, y: float, style: Style) -> Figure:
    """A name at the right edge of the plot, as an annotation."""
    return {
        "text": plain(name),
        "xref": "paper",
        "x": 1.01,
        "y": round(y, 3),
        "xanchor": "left",
        "yanchor": "middle",
        "showarrow": False,
        "font": {"color": style.hue, "size": 12},
    }


def point_label(
    name: str, x: float, y: float, at: Offset, style: Style, *, is_bold: bool
) -> Figure:
    """A name next to its point, as an annotation; ``x`` is log10 on a logarithmic axis."""
    return {
        "text": f"<b>{plain(name)}</b>" if is_bold else plain(name),
        "x": x,
        "y": round(y, 3),
        "xanchor": "left" if at.is_right else "right",
        "xshift": 8 if at.is_right else -8,
        "yshift": at.up_px,
        "showarrow": False,
        "font": {"color": style.hue, "size": 12},
    }


def interval(contrast: Contrast, difference: Difference, label: str) -> Figure:
    """One row of a forest plot: filled for a firm finding, heavy for a named contrast."""
    is_firm = contrast.finding in (Finding.BETTER, Finding.WORSE)
    is_named = contrast.kind == "named"
    hue = "@accent" if is_firm else "@muted"
    mean, low, high = difference.mean, difference.low, difference.high
    return {
        "type": "scatter",
        "x": [round(100 * mean, 3)],
        "y": [label],
        "mode": "markers",
        "marker": {
            "symbol": "square" if is_firm else "square-open",
            "size": 11 if is_named else 8,
            "color": hue,
        },
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": _rounded([100 * (high - mean)]),
            "arrayminus": _rounded([100 * (mean - low)]),
            "color": hue,
            "thickness": 2.4 if is_named else 1.4,
            "width": 0,
        },
        "hovertemplate": f"%{{y}}: %{{x:+.2f}} points<extra>{contrast.finding}</extra>",
    }


def steps(xs: Sequence[float], ys: Sequence[float]) -> Figure:
    """The stepped line of a Pareto front."""
    return {
        "type": "scatter",
        "x": list(xs),
        "y": _rounded(ys),
        "mode": "lines",
        "line": {"shape": "hv", "color": "@muted", "width": 1},
        "hoverinfo": "skip",
    }


def point(name: str, x: float, y: float, sd: float, style: Style) -> Figure:
    """One arm with its deviation over seeds."""
    return {
        "type": "scatter",
        "name": plain(name),
        "x": [x],
        "y": [round(y, 3)],
        "mode": "markers",
        "marker": {"color": style.hue, "size": 10, "symbol": style.symbol},
        "error_y": {
            "type": "data",
            "array": [round(sd, 3)],
            "color": style.hue,
            "thickness": 1.2,
            "width": 0,
        },
        "hovertemplate": "%{fullData.name}: %{y:.2f}% in %{x:.3s} s<extra></extra>",
    }


def dots(
    name: str, xs: Sequence[Any], ys: Sequence[float], ids: Sequence[str], style: Style
) -> Figure:
    """Search trials of one arm."""
    return {
        "type": "scatter",
        "name": plain(name),
        "x": [x if isinstance(x, int | float) else str(x) for x in xs],
        "y": _rounded(ys),
        "text": list(ids),
        "mode": "markers",
        "marker": {"color": style.hue, "size": 8, "symbol": style.symbol},
        "hovertemplate": "%{text}<br>%{x}: %{y:.2f}%<extra>%{fullData.name}</extra>",
    }


def differences(name: str, xs: Sequence[float], ys: Sequence[Difference], style: Style) -> Figure:
    """One arm's differences with their intervals, in percentage points."""
    return {
        "type": "scatter",
        "name": plain(name),
        "x": _rounded(xs),
        "y": _rounded([100 * one.mean for one in ys]),
        "mode": "markers",
        "marker": {"color": style.hue, "size": 8, "symbol": style.symbol},
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": _rounded([100 * (one.high - one.mean) for one in ys]),
            "arrayminus": _rounded([100 * (one.mean - one.low) for one in ys]),
            "color": style.hue,
            "thickness": 1.4,
            "width": 0,
        },
        "hovertemplate": "%{fullData.name}: %{y:+.2f} points<extra></extra>",
    }


def parallel_coordinates(
    paths: Sequence[Sequence[float]], names: Sequence[str], hue: str
) -> Figure:
    """Trials as broken lines over the axes 0, 1, ..., heights in [0, 1]; ``names`` on hover."""
    xs: list[float | None] = []
    ys: list[float | None] = []
    texts: list[str] = []
    for path, name in zip(paths, names, strict=True):
        xs += [*range(len(path)), None]
        ys += [*_rounded(path), None]
        texts += [name] * (len(path) + 1)
    return {
        "type": "scatter",
        "x": xs,
        "y": ys,
        "text": texts,
        "mode": "lines+markers",
        "line": {"color": hue, "width": 1.3},
        "marker": {"color": hue, "size": 4},
        "hovertemplate": "%{text}<extra></extra>",
    }


def loss(name: str, epochs: Iterable[int], values: Sequence[float], style: Style) -> Figure:
    """A loss by epoch."""
    return {
        "type": "scatter",
        "name": plain(name),
        "x": list(epochs)[: len(values)],
        "y": _rounded(values),
        "mode": "lines+markers",
        "line": {"color": style.hue, "width": 2},
        "marker": {"color": style.hue, "size": 6},
        "hovertemplate": "%{fullData.name}: %{y:.3f}<extra>epoch %{x}</extra>",
    }


def distribution(xs: Sequence[float], ys: Sequence[float], hover: str) -> Figure:
    """A line through points of a distribution; a single point is a mark."""
    return {
        "type": "scatter",
        "x": list(xs),
        "y": _rounded(ys),
        "mode": "lines" if len(xs) > 1 else "markers",
        "line": {"color": "@accent", "width": 2},
        "marker": {"color": "@accent", "size": 7},
        "hovertemplate": f"{hover}<extra></extra>",
    }


def bars(starts: Sequence[str], heights: Sequence[int], width_ms: int) -> Figure:
    """A bar from each time on, ``width_ms`` wide."""
    return {
        "type": "bar",
        "x": list(starts),
        "y": list(heights),
        "width": width_ms,
        "offset": 0,
        "marker": {"color": "@accent", "line": {"width": 0}},
        "hovertemplate": "%{y:,} interactions from %{x} on<extra></extra>",
    }


def leader(x: float, y: float, to_x: float, to_y: float, style: Style) -> Figure:
    """A faint line from the end of a curve to its name."""
    return {
        "type": "scatter",
        "x": [x, to_x],
        "y": _rounded([y, to_y]),
        "mode": "lines",
        "line": {"color": f"{style.hue}/0.35", "width": 1},
        "hoverinfo": "skip",
    }


def plain(text: str) -> str:
    """Escape the text: plotly would read tags in it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _rounded(values: Iterable[float]) -> list[float]:
    return [round(value, 3) for value in values]
