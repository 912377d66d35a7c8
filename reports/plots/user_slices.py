"""Chart of one slice table: differences to the baseline, label by label.

Needs a label with enough test users and a seed finished both in an arm and in the baseline.
"""

from reports.plots import axes, traces
from reports.plots.styles import styles
from reports.plots.traces import Figure
from reports.study.slices import SliceRow, SliceTable
from reports.study.statistics import Difference
from reports.study.summary import StudySummary

MAX_ARMS = 6
"""Arms drawn, the best ones: more would hide each other at each label."""
_DODGE = 0.1
_HEIGHT_PX = 340


def slices(summary: StudySummary, table: SliceTable) -> Figure | None:
    """Difference to the baseline with its interval, per label and arm; None without any.

    Only the best ``MAX_ARMS`` arms are drawn, and only labels that some user has.
    """
    ranked = [arm.label for arm in summary.ranked(table.metric) if arm is not summary.baseline]
    rows = [row for row in table.rows if row.arm in ranked[:MAX_ARMS]]
    looks, marks = styles(summary.arms), []
    for place, row in enumerate(rows):
        known = _differences(table, row)
        if known:
            shift = _DODGE * (place - (len(rows) - 1) / 2)
            xs = [at + shift for at in known]
            marks.append(traces.differences(row.arm, xs, list(known.values()), looks[row.arm]))
    if not marks:
        return None
    title = f"{table.metric}, points against {summary.manifest.study.baseline}"
    figure = axes.figure(marks, table.dimension, title, height=_HEIGHT_PX)
    names = [traces.plain(table.labels[at].name) for at in table.labels_with_users]
    ticks = {"tickvals": list(range(len(names))), "ticktext": names}
    figure["layout"]["xaxis"] |= ticks | {"range": [-0.5, len(names) - 0.5]}
    figure["layout"]["yaxis"] |= {"zeroline": True, "zerolinewidth": 1}
    figure["layout"] |= {"showlegend": True, "legend": {"orientation": "h", "y": 1.15}}
    return figure


def _differences(table: SliceTable, row: SliceRow) -> dict[int, Difference]:
    """Place of a label on the axis -> the arm's difference there."""
    cells = [row.cells[at] for at in table.labels_with_users]
    return {place: cell.difference for place, cell in enumerate(cells) if cell.difference}
