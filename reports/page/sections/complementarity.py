"""Complementarity: whom two arms find together, against two seeds of one arm."""

from reports.page.section import Context, Section, drawing
from reports.plots.complementarity import overlaps
from reports.study.complementarity import Pair
from reports.study.complementarity_words import (
    COLUMNS,
    CONTROL_COLUMNS,
    complementarity_sentences,
    format_pair,
)
from reports.study.report import Report
from reports.study.statistics import MIN_SEEDS
from reports.study.summary import StudySummary

MAX_SENTENCES = 6
"""Of more pairs than this, only those that the study file names get a sentence."""


def _context(report: Report) -> Context | None:
    if not any(pair.overlap for pair in report.pairs):
        return None
    return {
        "metric": report.pairs[0].metric,
        "columns": (*COLUMNS, *CONTROL_COLUMNS),
        "places": [_place(report, part) for part in report.summary.parts],
        "min_seeds": MIN_SEEDS,
    }


def _place(report: Report, part: StudySummary) -> Context:
    """The pairs of one place: sentences, table and figure."""
    pairs = [pair for pair in report.pairs if pair.place == part.place]
    caption = (
        "test users whom both arms of a pair find, or only one of them. The mark: whom two seeds "
        "of the better arm find."
    )
    return {
        "place": part.place,
        "sentences": complementarity_sentences(_told(pairs)),
        "rows": [(pair, format_pair(pair)) for pair in pairs],
        "drawing": drawing("complementarity", caption, overlaps(pairs), part.key),
    }


def _told(pairs: list[Pair]) -> list[Pair]:
    """The pairs that get a sentence: all of them, or the named ones where there are many."""
    named = [pair for pair in pairs if pair.kind == "named"]
    return pairs if len(pairs) <= MAX_SENTENCES else named


SECTION = Section(
    "complementarity",
    "Do they find different users?",
    _context,
    ("complementarity.csv", "complementarity.tex"),
)
