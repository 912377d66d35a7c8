"""The page of several studies: a table of them, then the verdict and accuracy of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import quote

from reports import formats
from reports.page.template import template
from reports.study import verdict
from reports.study.accuracy import AccuracyTable
from reports.study.caveats import caveats
from reports.study.progress import unfinished
from reports.study.report import Report
from reports.study.summary import StudySummary


@dataclass(frozen=True)
class BestArm:
    """The arm with the best test mean on one data set."""

    dataset: str
    """Empty where the study has only one data set."""
    arm: str
    score: str
    """Mean ± standard deviation over seeds, percent."""


@dataclass(frozen=True)
class StudyRow:
    """One study as the page shows it."""

    anchor: str
    link: str
    """Path of the study's own report, relative to this page."""
    folder: str
    """Folder of that report."""
    summary: StudySummary
    state: str
    """State of the study and, if any, the number of final trials still to come."""
    best: tuple[BestArm, ...]
    seeds: str
    verdict: tuple[str, ...]
    notes: tuple[str, ...]
    """What is unfinished, and what a reader must know before believing the verdict."""
    tables: tuple[AccuracyTable, ...]


def render_studies(reports: Mapping[str, Report]) -> str:
    """The page as one HTML text; ``reports``: link to each study's own page -> its report."""
    rows = [_row(f"study-{i}", link, one) for i, (link, one) in enumerate(reports.items(), 1)]
    return template("studies.html.j2").render(rows=rows)


def _row(anchor: str, link: str, report: Report) -> StudyRow:
    summary, contrasts = report.summary, report.contrasts
    overview = verdict.overview(summary, contrasts)
    return StudyRow(
        anchor=anchor,
        link=quote(link),
        folder=PurePosixPath(link).parent.as_posix(),
        summary=summary,
        state=_state(summary),
        best=tuple(best for part in summary.parts for best in _best(part)),
        seeds=", ".join(map(str, summary.manifest.study.seeds)),
        verdict=overview or verdict.headline(summary, contrasts),
        notes=(*unfinished(summary), *caveats(summary, contrasts)),
        tables=report.accuracies,
    )


def _state(summary: StudySummary) -> str:
    missing = summary.num_pending
    state = summary.manifest.state
    return f"{state}, {formats.plural(missing, 'final trial')} to come" if missing else state


def _best(part: StudySummary) -> list[BestArm]:
    metric = part.main_metric
    return [
        BestArm(part.key, arm.label, formats.mean_with_sd(arm.mean(metric), arm.sd(metric)))
        for arm in part.ranked(metric)[:1]
    ]
