"""A report as one self-contained HTML file: its sections in the order of one table."""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files

from markupsafe import Markup

from reports.page.packing import packed, packed_json
from reports.page.section import Section
from reports.page.sections import (
    accuracy,
    complementarity,
    cost,
    curves,
    data,
    examples,
    holds,
    hyperparameters,
    recommended,
    reproducibility,
    significance,
    slices,
    summary,
    trials,
)
from reports.page.template import template
from reports.study.progress import progress
from reports.study.report import Report

SECTIONS: tuple[Section, ...] = (
    summary.SECTION,
    holds.SECTION,
    accuracy.SECTION,
    significance.SECTION,
    cost.SECTION,
    slices.SECTION,
    complementarity.SECTION,
    recommended.SECTION,
    examples.SECTION,
    curves.SECTION,
    hyperparameters.SECTION,
    trials.SECTION,
    data.SECTION,
    reproducibility.SECTION,
)
"""The page from top to bottom; the navigation follows it."""
MAX_CARRIED = 1_000_000
"""Characters of a file above which the page does not carry it for its buttons."""


def render(report: Report, downloads: Mapping[str, str]) -> str:
    """The page as one HTML text that loads nothing from anywhere.

    ``downloads``: name -> text of the files that buttons of the page copy and save.
    """
    carried = {name: text for name, text in downloads.items() if len(text) <= MAX_CARRIED}
    return template("page.html.j2").render(
        manifest=report.summary.manifest,
        sections=list(_sections(report, {name: name in carried for name in downloads})),
        refresh_s=summary.REFRESH_S if progress(report.summary) else None,
        downloads=packed_json(carried),
        plotly=_packed_plotly(),
    )


def _sections(report: Report, is_carried: Mapping[str, bool]) -> Iterator[tuple[Section, Markup]]:
    """Every section that has something to show, with its HTML.

    ``is_carried``: name of a file -> whether the page holds it for its buttons.
    """
    for section in SECTIONS:
        context = section.context(report)
        if context is not None:
            body = template(f"{section.id}.html.j2").render(
                context,
                summary=report.summary,
                study=report.summary.manifest.study,
                first=report.summary.by_condition[0].place.condition,
                exports={name: is_carried[name] for name in section.exports if name in is_carried},
            )
            yield section, Markup(body)


@cache
def _packed_plotly() -> str:
    """plotly.js as installed; the page unpacks it when it draws."""
    return packed(files("plotly").joinpath("package_data/plotly.min.js").read_bytes())
