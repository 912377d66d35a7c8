"""Loss curves of a second round of pre-training: loss by epoch.

Needs the losses that a preparation recorded.
"""

from collections.abc import Mapping, Sequence

from reports.plots import axes, traces
from reports.plots.traces import Figure, Style

_HEIGHT_PX = 280


def losses(curves: Mapping[str, Sequence[float]]) -> Figure:
    """A line per split; the first validation loss was measured before the first epoch."""
    marks = [
        traces.loss(
            name, range(0 if name == "valid" else 1, len(values) + 1), values, Style(hue, 0)
        )
        for (name, values), hue in zip(curves.items(), ("@muted", "@accent"), strict=False)
    ]
    figure = axes.figure(marks, "epoch", "loss", height=_HEIGHT_PX)
    figure["layout"] |= {"showlegend": True, "legend": {"orientation": "h", "y": 1.15}}
    longest = max(map(len, curves.values()))
    figure["layout"]["xaxis"] |= {"tickformat": "d"} | ({"dtick": 1} if longest <= 12 else {})
    return figure
