"""Reproducibility: what the study was run with, and the promise about the test split."""

from collections import Counter
from collections.abc import Iterable

from reports.page.section import Context, Section
from reports.page.tables import effort_rows, effort_sentences
from reports.study.report import Report
from reports.study.summary import StudySummary
from reports.study.trial import Trial
from tune_space.ledger.manifest import Role


def _context(report: Report) -> Context:
    summary = report.summary
    return {
        "manifest": summary.manifest,
        "searches": seal(summary, "search"),
        "finals": seal(summary, "final"),
        "codes": codes(summary),
        "nodes": trials_per_node(summary.trials),
        "effort": effort_rows(summary),
        "budget": effort_sentences(summary),
    }


def seal(summary: StudySummary, role: Role) -> tuple[int, int]:
    """How many trials of a role hold test metrics, and how many trials of that role there are."""
    results = [trial.result for trial in summary.trials if trial.role == role]
    return sum(result is not None and result.test is not None for result in results), len(results)


def codes(summary: StudySummary) -> tuple[tuple[tuple[tuple[str, str], ...], int], ...]:
    """Versions of the code that made the study's trials, the most frequent first, with counts."""
    results = (trial.result for trial in summary.trials if trial.result)
    return tuple(Counter(tuple(result.code.items()) for result in results).most_common())


def trials_per_node(trials: Iterable[Trial]) -> dict[str, int]:
    """Of a cluster's nodes: how many trials ran there, wholly or in part."""
    costs = [trial.result.cost for trial in trials if trial.result and trial.result.cost]
    return dict(sorted(Counter(node for cost in costs for node in set(cost.nodes)).items()))


SECTION = Section("reproducibility", "Reproducibility", _context)
