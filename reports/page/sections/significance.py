"""Significance: every comparison of two arms with its interval, p-values and verdict."""

from collections.abc import Iterable

from reports.page.section import Context, Section, drawing
from reports.plots.forest import forest
from reports.study.contrasts import Contrast, Kind
from reports.study.report import Report
from reports.study.statistics import ALPHA, MIN_SEEDS, NUM_FLIPS
from reports.study.summary import StudySummary

_LEGEND = (
    "Heavy lines: named in the study file. "
    "Filled squares: better or worse; open squares: neither is shown."
)


def _context(report: Report) -> Context:
    parts = report.summary.parts
    return {
        "tabs": {
            metric: [_comparisons(report, part, metric) for part in parts]
            for metric in report.summary.metrics
        },
        "num_flips": NUM_FLIPS,
        "min_seeds": MIN_SEEDS,
        "alpha": ALPHA,
    }


def _comparisons(report: Report, part: StudySummary, metric: str) -> Context:
    """Every comparison on one metric at one place."""
    rows = [one for one in report.contrasts if (one.metric, one.place) == (metric, part.place)]
    caption = f"difference in {metric} with its 95% interval. {_LEGEND}"
    return {
        "key": part.key,
        "place": part.place,
        "drawing": drawing(f"forest {metric}", caption, forest(rows), part.key),
        "groups": contrast_groups(rows, report.summary.manifest.study.baseline),
        "has_few_seeds": any(one.difference and not one.difference.measures_seeds for one in rows),
    }


def contrast_groups(
    contrasts: Iterable[Contrast], baseline: str
) -> dict[str, tuple[Contrast, ...]]:
    """Heading -> the comparisons of one metric that came about that way; no empty groups."""
    headings: dict[Kind, str] = {
        "named": "Named in the study file beforehand",
        "exploratory": f"Exploratory: every other arm against {baseline}",
        "reference": "Against the references, which no gradient trains",
    }
    by_kind = {kind: tuple(one for one in contrasts if one.kind == kind) for kind in headings}
    return {headings[kind]: rows for kind, rows in by_kind.items() if rows}


SECTION = Section("significance", "Significance", _context, ("contrasts.csv",))
