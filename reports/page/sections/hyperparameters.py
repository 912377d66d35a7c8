"""Hyperparameters: which searched values mattered, what was tried, and what was locked."""

from collections.abc import Iterator

from reports.page import tables
from reports.page.section import Context, Drawing, Section, drawing
from reports.plots.parallel_coordinates import MAX_LINES, parallel_coordinates
from reports.plots.slice_plot import MAX_POINTS, slice_plot
from reports.study.importance import ENOUGH_TRIALS, importance_table
from reports.study.report import Report
from reports.study.summary import StudySummary
from tune_space.ledger.manifest import MIN_FOR_IMPORTANCE


def _context(report: Report) -> Context:
    summary = report.summary
    return {
        "paths": summary.searched_paths,
        "importance": importance_table(summary),
        "enough_for_importance": ENOUGH_TRIALS,
        "min_for_importance": MIN_FOR_IMPORTANCE,
        "tried": [
            (part.place, list(_slice_plots(part)), _parallel_coordinates(part))
            for part in summary.parts
        ],
        "effort": tables.effort_rows(summary),
        "budget": tables.effort_sentences(summary),
        "searches": [(arm, tables.search_rows(arm)) for arm in summary.arms if arm.searches],
    }


def _slice_plots(part: StudySummary) -> Iterator[Drawing | None]:
    for index, path in enumerate(part.searched_paths):
        words = f"validation {part.main_metric} against {path}, one point per search trial"
        figure = slice_plot(part, path, has_legend=index == 0)
        caption = f"{words}{_if_cut(part, MAX_POINTS)}."
        yield drawing(f"slice plot {path}", caption, figure, part.key)


def _parallel_coordinates(part: StudySummary) -> Drawing | None:
    caption = (
        "each line is a trial that searched all of these values. Strong: the best tenth by "
        f"validation {part.main_metric}; grey: the lower half{_if_cut(part, MAX_LINES)}."
    )
    return drawing("parallel coordinates", caption, parallel_coordinates(part), part.key)


def _if_cut(part: StudySummary, most: int) -> str:
    """Words for a figure that leaves trials out: it shows ``most`` of an arm, and one has more."""
    is_cut = any(len(arm.searches) > most for arm in part.arms)
    return f", the best {most} of an arm" if is_cut else ""


SECTION = Section("hyperparameters", "Hyperparameters", _context, ("importance.csv",))
