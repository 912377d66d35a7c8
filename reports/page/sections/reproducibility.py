"""Reproducibility: what the study was run with, and the promise about the test split."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from morec.results import TrialResult
from reports.page.section import Context, Section
from reports.page.tables import effort_rows
from reports.study.report import Report
from reports.study.summary import StudySummary, Trial


@dataclass(frozen=True)
class Seal:
    """The promise about the test split with the numbers that support or break it."""

    holds: bool
    searches: int
    searches_with_test: int
    finals: int
    finals_with_test: int


def _context(report: Report) -> Context:
    summary = report.summary
    return {
        "manifest": summary.manifest,
        "seal": seal(summary),
        "codes": codes(summary),
        "nodes": trials_per_node(summary.trials),
        "effort": effort_rows(summary),
    }


def seal(summary: StudySummary) -> Seal:
    """Count the trials that hold test metrics, by role."""
    looks = [_has_test(trial.result) for trial in summary.trials if trial.role == "search"]
    finals = [_has_test(trial.result) for trial in summary.trials if trial.role == "final"]
    return Seal(
        holds=not any(looks),
        searches=len(looks),
        searches_with_test=sum(looks),
        finals=len(finals),
        finals_with_test=sum(finals),
    )


def codes(summary: StudySummary) -> tuple[tuple[tuple[tuple[str, str], ...], int], ...]:
    """Versions of the code that made the study's trials, the most frequent first, with counts."""
    results = (trial.result for trial in summary.trials if trial.result)
    return tuple(Counter(tuple(result.code.items()) for result in results).most_common())


def trials_per_node(trials: Iterable[Trial]) -> dict[str, int]:
    """Of a cluster's nodes: how many trials ran there, wholly or in part."""
    costs = [trial.result.cost for trial in trials if trial.result and trial.result.cost]
    return dict(sorted(Counter(node for cost in costs for node in set(cost.nodes)).items()))


def _has_test(result: TrialResult | None) -> bool:
    return result is not None and result.test is not None


SECTION = Section("reproducibility", "Reproducibility", "reproducibility.html.j2", _context)
