"""Searched values side by side: every trial a line through its values, up to its score."""

import math
from collections.abc import Sequence

from reports import formats, traces
from reports.summary import StudySummary, Trial
from reports.traces import Figure
from tune_space.study import Value

MAX_LINES = 40
"""Trials an arm shows: its best."""
SHADES = ("@muted/0.3", "@accent/0.3", "@accent/0.6", "@accent")
"""Colours of the lowest to the highest quarter of the scores."""
_HEIGHT_PX = 360
_WIDE = 20
"""Numbers that span more than this factor stand on a logarithmic axis."""


def parallel_coordinates(summary: StudySummary) -> Figure | None:
    """The trials that searched every parameter, as lines; None with fewer than two of either."""
    paths = list(
        dict.fromkeys(p for arm in summary.arms for one in arm.searches for p in one.params)
    )
    trials = sorted(_scored(summary, paths), key=lambda one: one.valid_score or 0.0)
    if len(paths) < 2 or len(trials) < 2:
        return None
    columns = [[trial.params[path] for trial in trials] for path in paths]
    scores: list[Value] = [100 * (trial.valid_score or 0.0) for trial in trials]
    axes = [*columns, scores]
    lines = list(zip(*(_heights(values) for values in axes), strict=True))
    names = [
        traces.plain(f"{one.trial_id}: {100 * (one.valid_score or 0.0):.2f}%") for one in trials
    ]
    marks = []
    for quarter, shade in enumerate(SHADES):
        low, high = (len(trials) * at // len(SHADES) for at in (quarter, quarter + 1))
        marks.append(traces.parallels(lines[low:high], names[low:high], shade))
    return _with_axes(marks, [*paths, f"validation {summary.main_metric} (%)"], axes)


def _scored(summary: StudySummary, paths: Sequence[str]) -> list[Trial]:
    found = []
    for arm in summary.arms:
        whole = [
            one
            for one in arm.searches
            if one.valid_score is not None and set(paths) <= set(one.params)
        ]
        found += sorted(whole, key=lambda one: -(one.valid_score or 0.0))[:MAX_LINES]
    return found


def _heights(values: Sequence[Value]) -> list[float]:
    """Each value's place on its axis: numbers by size, anything else in the order of its text."""
    numbers = [float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    if len(numbers) < len(values):
        order = {text: place for place, text in enumerate(sorted({str(v) for v in values}))}
        numbers = [float(order[str(value)]) for value in values]
    elif min(numbers) > 0 and max(numbers) / min(numbers) >= _WIDE:
        numbers = [math.log10(number) for number in numbers]
    low, span = min(numbers), max(numbers) - min(numbers)
    return [(number - low) / span if span else 0.5 for number in numbers]


def _with_axes(
    marks: list[Figure], titles: Sequence[str], axes: Sequence[Sequence[Value]]
) -> Figure:
    """The lines with an upright for each parameter, its lowest and highest value at the ends."""
    figure = traces.figure(marks, "", "", height=_HEIGHT_PX)
    layout = figure["layout"]
    places = list(range(len(titles)))
    names = [traces.plain(title) for title in titles]
    layout["xaxis"] |= {"tickvals": places, "ticktext": names, "showgrid": True}
    layout["xaxis"] |= {"range": [-0.3, len(places) - 0.7]}
    layout["yaxis"] |= {"visible": False, "range": [-0.1, 1.1]}
    layout["annotations"] = [
        _end(place, height, values[heights.index(height)])
        for place, values in enumerate(axes)
        for heights in [_heights(values)]
        for height in sorted({min(heights), max(heights)})
    ]
    return figure


def _end(place: int, height: float, value: Value) -> Figure:
    return {
        "text": traces.plain(formats.parameter(value)),
        "x": place,
        "y": height,
        "yshift": -12 if height < 1 else 12,
        "showarrow": False,
        "font": {"color": "@muted", "size": 12},
    }
