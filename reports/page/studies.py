"""The page of several studies: a table of them, then the verdict and accuracy of each."""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from urllib.parse import quote

from reports import formats
from reports.page.template import template
from reports.study import verdict
from reports.study.accuracy import equals
from reports.study.caveats import caveats
from reports.study.holds_words import holds_sentences
from reports.study.progress import unfinished
from reports.study.report import Report
from reports.study.summary import StudySummary


def render_studies(reports: Mapping[str, Report]) -> str:
    """The page as one HTML text; ``reports``: link to each study's own page -> its report."""
    rows = [_row(link, report) for link, report in reports.items()]
    return template("studies.html.j2").render(rows=rows)


def _row(link: str, report: Report) -> dict[str, object]:
    summary, contrasts = report.summary, report.contrasts
    first = summary.by_condition[0]
    condition = first.place.condition
    return {
        "link": quote(link),
        "folder": PurePosixPath(link).parent.as_posix(),
        "summary": summary,
        "state": _state(summary),
        "best": [best for part in first.parts for best in _best(part)],
        "verdict": (
            *(verdict.overview(summary, contrasts) or verdict.headline(summary, contrasts)),
            *holds_sentences(report.held),
        ),
        "notes": (*unfinished(summary), *caveats(summary, contrasts)),
        "tables": [one for one in report.accuracies if one.place.condition == condition],
    }


def _state(summary: StudySummary) -> str:
    missing = summary.num_pending
    state = summary.manifest.state
    return f"{state}, {formats.plural(missing, 'final trial')} to come" if missing else state


def _best(part: StudySummary) -> Iterator[str]:
    """The arms with the best test mean of a data set, and their scores; none before the first."""
    metric, where = part.main_metric, f"{part.key}: " if part.key else ""
    for arm in next(equals(part.ranked(metric), metric), []):
        score = formats.mean_with_sd(arm.mean(metric), arm.sd(metric))
        yield f"{where}{arm.label}, {metric} {score}"
