"""Summary: the question, the verdict in words, what is missing, and the study's size."""

from collections.abc import Iterator
from dataclasses import dataclass

from reports import formats
from reports.page.section import Context, Section
from reports.study import verdict
from reports.study.caveats import caveats
from reports.study.costs import study_cost
from reports.study.progress import progress, unfinished
from reports.study.report import Report
from reports.study.summary import StudySummary
from reports.study.trial import MISSING

REFRESH_S = 30
"""How often the page of a running study is written, and how often it looks for a newer one."""
MAX_LEAD = 6
"""Sentences of a verdict above which they are set smaller, and their numbers folded away."""
_OUTCOMES = {
    "completed": "Completed",
    "pruned": "Pruned",
    "collapsed": "Collapsed",
    "failed": "Failed",
    MISSING: "Without record",
}
_TROUBLES = ("collapsed", "failed", MISSING)
_ONLY_IF_ANY = ("collapsed", MISSING)


@dataclass(frozen=True)
class Tile:
    """One number of the study in large print."""

    name: str
    value: str
    is_trouble: bool = False


def _context(report: Report) -> Context:
    summary, contrasts = report.summary, report.contrasts
    overview = verdict.overview(summary, contrasts)
    headline = verdict.headline(summary, contrasts)
    return {
        "quick_note": formats.QUICK_FORM if summary.is_quick else "",
        "progress": progress(summary),
        "refresh_s": REFRESH_S,
        "unfinished": unfinished(summary),
        "verdicts": overview or headline,
        "numbers": headline if overview else (),
        "max_lead": MAX_LEAD,
        "caveats": caveats(summary, contrasts),
        "tiles": [*_trials(summary), *_size(summary), *_time(summary)],
    }


def _trials(summary: StudySummary) -> Iterator[Tile]:
    yield Tile("Trials", f"{len(summary.trials):,}")
    for status, name in _OUTCOMES.items():
        number = len(summary.with_status(status))
        if number or status not in _ONLY_IF_ANY:
            yield Tile(name, f"{number:,}", is_trouble=bool(number) and status in _TROUBLES)


def _size(summary: StudySummary) -> Iterator[Tile]:
    yield Tile("Seeds per arm", str(len(summary.manifest.study.seeds)))
    if summary.is_several:
        yield Tile("Data sets", str(len(summary.by_condition[0].parts)))
    if conditions := summary.manifest.study.conditions:
        yield Tile("Conditions", str(len(conditions)))
    users = summary.num_users
    yield Tile("Test users", formats.NOT_AVAILABLE if users is None else f"{users:,}")


def _time(summary: StudySummary) -> Iterator[Tile]:
    resources = summary.manifest.study.resources
    per_trial = resources.workers * (resources.gpus or resources.cpus)
    spent = study_cost(summary).trials_s * per_trial
    yield Tile("GPU time" if resources.gpus else "CPU core time", formats.duration(spent or None))
    yield Tile("Elapsed", formats.duration(summary.manifest.elapsed_s or None))


SECTION = Section("summary", "Summary", _context, has_heading=False)
