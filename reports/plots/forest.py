"""Forest plot: differences between arms with their intervals.

Needs contrasts between arms that have a difference, that is a seed finished in both arms.
"""

from collections.abc import Callable, Iterable

from reports.plots import axes, traces
from reports.plots.traces import Figure
from reports.study.contrasts import Contrast
from reports.study.statistics import Difference


def pair(contrast: Contrast) -> str:
    """What is compared, like ``TS − ID``."""
    return f"{contrast.better} − {contrast.than}"


def forest(contrasts: Iterable[Contrast], name: Callable[[Contrast], str] = pair) -> Figure | None:
    """One row per contrast: difference and 95% interval in percentage points; None without any.

    ``name``: what stands beside a row.
    """
    between = [(one, one.difference) for one in contrasts if one.kind != "reference"]
    known = [(one, difference) for one, difference in between if difference]
    if not known:
        return None
    rows = [traces.plain(name(one)) for one, _ in known]
    marks = [
        traces.interval(one, difference, row)
        for (one, difference), row in zip(known, rows, strict=True)
    ]
    title = f"difference in {known[0][0].metric}, percentage points"
    figure = axes.figure(marks, title, "", height=84 + 30 * len(known))
    order = {"categoryorder": "array", "categoryarray": rows[::-1], "showgrid": False}
    figure["layout"]["yaxis"] |= order | {"range": [-0.6, len(known) - 0.4]}
    figure["layout"]["xaxis"] |= {"zeroline": True, "zerolinewidth": 1, "showgrid": True}
    figure["layout"]["xaxis"]["range"] = _around_zero([difference for _, difference in known])
    return figure


def _around_zero(differences: list[Difference]) -> list[float]:
    """Limits in percentage points that hold every interval and zero."""
    low = min(0.0, *(100 * one.low for one in differences))
    high = max(0.0, *(100 * one.high for one in differences))
    padding = 0.04 * (high - low) or 1.0
    return [low - padding, high + padding]
