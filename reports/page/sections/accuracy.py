"""Accuracy: the test metrics in the paper's layout, every seed's value, and published numbers."""

from collections.abc import Sequence

from reports import formats
from reports.page.section import Context, Section
from reports.study.accuracy import AccuracyTable
from reports.study.published import published_rows
from reports.study.report import Report
from reports.study.summary import StudySummary


def _context(report: Report) -> Context:
    summary = report.summary
    tables = [table for table in report.accuracies if table.arms]
    evaluations = [arm.entry.config.evaluation for arm in summary.arms]
    candidates = {one.candidates for one in evaluations}
    return {
        "tables": [(table, table.title if len(tables) > 1 else "") for table in tables],
        "is_dense": any(table.is_dense for table in tables),
        "not_shown": _not_shown(summary, tables),
        "has_gaps": any(table.has_gaps for table in tables),
        "has_gains": any(table.has_gains for table in tables),
        "ranks_trained_only": candidates == {"trained"},
        "history": _history({one.mask_history for one in evaluations}),
        "seeds": {metric: seed_values(summary, metric) for metric in summary.metrics},
        "tuned": tuned_references(summary),
        "published": published_rows(summary),
    }


def _not_shown(summary: StudySummary, tables: Sequence[AccuracyTable]) -> str:
    """The metrics that no table has room for."""
    shown = {measure.metric for table in tables for measure in table.measures}
    return ", ".join(metric for metric in summary.metrics if tables and metric not in shown)


def _history(masks: set[bool]) -> str:
    """What becomes of a user's history where the target is ranked."""
    if masks == {False}:
        return "items of the user’s history are ranked too (evaluation.mask_history: false)"
    where = " unless evaluation.mask_history is false" if False in masks else ""
    return f"items of the user’s history are left out{where}"


def tuned_references(summary: StudySummary) -> list[str]:
    """What was chosen on validation, and where: ``EASE (lambda 100, decay 0.8) on MIND``.

    The place is left out where it is the same choice at every place.
    """
    found: dict[str, list[str]] = {}
    for part in summary.parts:
        for one in part.manifest.references:
            values = [f"{name} {value:g}" for name, value in one.chosen.items()]
            if values:
                found.setdefault(f"{one.name} ({', '.join(values)})", []).append(part.place.words)
    return [
        f"{text} {formats.listed(places)}" if len(places) < len(summary.parts) else text
        for text, places in found.items()
    ]


def seed_values(summary: StudySummary, metric: str) -> tuple[tuple[str, list[str]], ...]:
    """Arm -> its test value per seed, in the order of the study's seeds."""
    seeds = summary.manifest.study.seeds
    table = []
    for arm in summary.arms:
        by_seed = dict(zip(arm.tested, arm.values(metric), strict=False))
        table.append((arm.name, [formats.percent(by_seed.get(seed)) for seed in seeds]))
    return tuple(table)


SECTION = Section("accuracy", "Accuracy", _context, ("accuracy.tex", "accuracy.csv"))
