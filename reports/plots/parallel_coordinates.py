"""Parallel coordinates: every search trial as a line through its values, up to its score.

Needs two search trials with a score that searched two or more parameters.
"""

import math
from collections.abc import Sequence

from reports import formats
from reports.plots import axes, traces
from reports.plots.slice_plot import is_logarithmic, is_number
from reports.plots.traces import Figure
from reports.study.summary import StudySummary
from reports.study.trial import Trial
from tune_space.study.domains import Value

MAX_LINES = 40
"""Trials drawn per arm, the best ones."""
SHADES = {0.5: "@muted/0.3", 0.9: "@accent/0.3", 1.0: "@accent"}
"""Share of the trials, lowest scores first -> colour up to there: half of them are grey."""
_HEIGHT_PX = 360


def parallel_coordinates(summary: StudySummary) -> Figure | None:
    """Lines of the trials that searched every parameter.

    None with fewer than two such trials, or fewer than two parameters.
    """
    paths = summary.searched_paths
    trials = sorted(_scored(summary, paths), key=lambda one: one.valid_score or 0.0)
    if len(paths) < 2 or len(trials) < 2:
        return None
    columns = [[trial.params[path] for trial in trials] for path in paths]
    scores: list[Value] = [100 * (trial.valid_score or 0.0) for trial in trials]
    uprights = [*columns, scores]
    columns_01 = [_heights(summary, *one) for one in zip((*paths, ""), uprights, strict=True)]
    lines = list(zip(*columns_01, strict=True))
    names = [
        traces.plain(f"{one.trial_id}: {100 * (one.valid_score or 0.0):.2f}%") for one in trials
    ]
    marks = []
    low = 0
    for share, shade in SHADES.items():
        high = len(trials) - math.ceil((1 - share) * len(trials))
        marks.append(traces.parallel_coordinates(lines[low:high], names[low:high], shade))
        low = high
    titles = [*paths, f"validation {summary.main_metric} (%)"]
    return _with_uprights(marks, titles, list(zip(uprights, columns_01, strict=True)))


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


def _heights(summary: StudySummary, path: str, values: Sequence[Value]) -> list[float]:
    """Height of each value on its axis, in [0, 1]: numbers by size, other values in text order."""
    numbers = [float(value) for value in values if is_number(value)]
    if len(numbers) < len(values):
        order = {text: place for place, text in enumerate(sorted({str(v) for v in values}))}
        numbers = [float(order[str(value)]) for value in values]
    elif path and is_logarithmic(summary, path, numbers):
        numbers = [math.log10(number) for number in numbers]
    low, span = min(numbers), max(numbers) - min(numbers)
    return [(number - low) / span if span else 0.5 for number in numbers]


def _with_uprights(
    marks: list[Figure],
    titles: Sequence[str],
    uprights: Sequence[tuple[Sequence[Value], list[float]]],
) -> Figure:
    """The lines and an upright axis per parameter, its lowest and highest value at the ends."""
    figure = axes.figure(marks, "", "", height=_HEIGHT_PX)
    layout = figure["layout"]
    places = list(range(len(titles)))
    names = [traces.plain(title) for title in titles]
    layout["xaxis"] |= {"tickvals": places, "ticktext": names, "showgrid": True}
    layout["xaxis"] |= {"range": [-0.3, len(places) - 0.7]}
    layout["yaxis"] |= {"visible": False, "range": [-0.1, 1.1]}
    layout["annotations"] = [
        _end(place, height, values[heights.index(height)])
        for place, (values, heights) in enumerate(uprights)
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
