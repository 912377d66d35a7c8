"""Learning curves: the validation metric epoch by epoch, and grids of the two learning rates."""

from reports.page.section import Context, Drawing, Section, drawing, join_words, on_dataset
from reports.plots.learning_curves import MAX_BANDS, MAX_COLLAPSED, learning_curves
from reports.study.learning_rates import LearningRateGrid, learning_rate_grids
from reports.study.report import Report
from reports.study.summary import StudySummary


def _context(report: Report) -> Context:
    summary = report.summary
    return {
        "tabs": {
            metric: [(part.key, _curves(part, metric)) for part in summary.parts]
            for metric in summary.metrics
        },
        "has_bands": all(len(part.arms) <= MAX_BANDS for part in summary.parts),
        "max_collapsed": MAX_COLLAPSED,
        "leaves_out_collapsed": _most_collapsed(summary) > MAX_COLLAPSED,
        "grids": [(grid, _caption(grid)) for grid in learning_rate_grids(summary)],
    }


def _curves(part: StudySummary, metric: str) -> Drawing | None:
    name = join_words("curves", metric, part.key)
    caption = on_dataset(part.key, f"validation {metric} by epoch.")
    return drawing(name, caption, learning_curves(part, metric))


def _most_collapsed(summary: StudySummary) -> int:
    """How many trials collapsed in the arm where most of them did."""
    numbers = (sum(one.status == "collapsed" for one in arm.trials) for arm in summary.arms)
    return max(numbers, default=0)


def _caption(grid: LearningRateGrid) -> str:
    """Data set where there are several, arm where the grid is of one, and metric."""
    arm = grid.arms[0] if len(grid.arms) == 1 else ""
    return ", ".join(word for word in (grid.key, arm, f"validation {grid.metric}") if word)


SECTION = Section("curves", "Learning curves", "curves.html.j2", _context)
