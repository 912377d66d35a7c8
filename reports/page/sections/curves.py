"""Learning curves: the validation metric epoch by epoch, and grids of the two learning rates."""

from reports.page.section import Context, Drawing, Section, drawing
from reports.plots.learning_curves import MAX_BANDS, MAX_COLLAPSED, learning_curves
from reports.study.learning_rates import LearningRateGrid, learning_rate_grids
from reports.study.report import Report
from reports.study.summary import StudySummary


def _context(report: Report) -> Context:
    summary = report.summary
    return {
        "tabs": {
            metric: [(part.place, _curves(part, metric)) for part in summary.parts]
            for metric in summary.metrics
        },
        "has_bands": all(len(part.arms) <= MAX_BANDS for part in summary.parts),
        "max_collapsed": MAX_COLLAPSED,
        "leaves_out_collapsed": any(
            sum(trial.status == "collapsed" for trial in arm.trials) > MAX_COLLAPSED
            for arm in summary.arms
        ),
        "grids": [(grid, _caption(grid)) for grid in learning_rate_grids(summary)],
    }


def _curves(part: StudySummary, metric: str) -> Drawing | None:
    figure = learning_curves(part, metric)
    return drawing(f"curves {metric}", f"validation {metric} by epoch.", figure, part.key)


def _caption(grid: LearningRateGrid) -> str:
    """Data set where there are several, arm where the grid is of one, and metric."""
    arm = grid.arms[0] if len(grid.arms) == 1 else ""
    return ", ".join(word for word in (grid.key, arm, f"validation {grid.metric}") if word)


SECTION = Section("curves", "Learning curves", _context)
