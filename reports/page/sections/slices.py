"""Slices: the test users parted by what their target and history are, and which arm wins where."""

from reports.page.section import Context, Section, drawing, on_dataset
from reports.plots.user_slices import MAX_ARMS, slices
from reports.study.report import Report
from reports.study.slices import MIN_USERS, SliceTable
from reports.study.statistics import MIN_SEEDS
from reports.study.summary import StudySummary

_MEANINGS = {
    "popularity": (
        "How often the target occurs in training: new never, cold 1 to 9 times. Tail, mid and head "
        "items share the other interactions in thirds."
    ),
    "history": "How many interactions of the user are in training.",
    "item age": "Time from the target’s first interaction to the user’s.",
    "user's past": "Whether the user has a train interaction.",
    "ties in time": (
        "A tied target has the time of another interaction of its user, so that an order which the "
        "data do not know made it the target."
    ),
}


def _context(report: Report) -> Context | None:
    if not report.sliced:
        return None
    return {
        "conditions": [(one.place, _tabs(report, one)) for one in report.summary.by_condition],
        "min_seeds": MIN_SEEDS,
        "min_users": MIN_USERS,
    }


def _tabs(report: Report, condition: StudySummary) -> Context:
    """Data set -> its dimensions under one condition."""
    tabs = {
        part.dataset: [_dimension(part, one) for one in report.sliced if one.place == part.place]
        for part in condition.parts
    }
    return {dataset: found for dataset, found in tabs.items() if found}


def _dimension(part: StudySummary, table: SliceTable) -> Context:
    """One dimension of one data set: its table and its figure."""
    by = f"by {table.dimension}"
    caption = (
        f"difference to {part.manifest.study.baseline} {by} with its 95% interval, "
        f"of the {MAX_ARMS} best arms at most."
    )
    return {
        "table": table,
        "heading": on_dataset(table.key, by),
        "meaning": _MEANINGS.get(table.dimension, ""),
        "drawing": drawing(f"slices {table.dimension}", caption, slices(part, table), table.key),
    }


SECTION = Section("slices", "Where does it win?", _context, ("slices.csv",))
