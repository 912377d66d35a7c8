"""Accuracy: the test metrics in the paper's layout, every seed's value, and published numbers."""

from reports import formats
from reports.page.section import Context, Section
from reports.study.published import published_rows
from reports.study.report import Report
from reports.study.summary import StudySummary


def _context(report: Report) -> Context:
    summary = report.summary
    tables = [table for table in report.accuracies if table.arms]
    candidates = {arm.entry.config.evaluation.candidates for arm in summary.arms}
    return {
        "tables": [(table, table.title if len(tables) > 1 else "") for table in tables],
        "is_dense": any(table.is_dense for table in tables),
        "has_gaps": any(table.has_gaps for table in tables),
        "has_gains": any(table.has_gains for table in tables),
        "ranks_trained_only": candidates == {"trained"},
        "seeds": {metric: seed_values(summary, metric) for metric in summary.metrics},
        "published": published_rows(summary),
    }


def seed_values(summary: StudySummary, metric: str) -> tuple[tuple[str, list[str]], ...]:
    """Arm -> its test value per seed, in the order of the study's seeds."""
    seeds = summary.manifest.study.seeds
    table = []
    for arm in summary.arms:
        by_seed = dict(zip(arm.tested, arm.values(metric), strict=False))
        table.append((arm.name, [formats.percent(by_seed.get(seed)) for seed in seeds]))
    return tuple(table)


SECTION = Section("accuracy", "Accuracy", _context, ("accuracy.tex", "accuracy.csv"))
