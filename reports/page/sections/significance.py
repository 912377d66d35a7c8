"""Significance: every comparison of two arms with its interval, p-values and verdict."""

from collections.abc import Iterable
from dataclasses import dataclass

from reports.page.section import Context, Drawing, Section, drawing, join_words, on_dataset
from reports.plots.forest import forest
from reports.study.contrasts import Contrast, Kind
from reports.study.report import Report
from reports.study.statistics import ALPHA, MIN_SEEDS, NUM_FLIPS

_LEGEND = (
    "Heavy lines: named in the study file. "
    "Filled squares: better or worse; open squares: neither is shown."
)


@dataclass(frozen=True)
class ContrastGroup:
    """Comparisons of one kind under one heading."""

    heading: str
    contrasts: tuple[Contrast, ...]


@dataclass(frozen=True)
class Comparisons:
    """Every comparison on one metric of one data set."""

    key: str
    """As in ``StudySummary``."""
    name: str
    """Data set, where there are several, and metric."""
    drawing: Drawing | None
    groups: tuple[ContrastGroup, ...]
    has_few_seeds: bool
    """Whether some comparison does not measure how seeds vary."""


def _context(report: Report) -> Context:
    parts = report.summary.parts
    return {
        "tabs": {
            metric: [_comparisons(report, part.key, metric) for part in parts]
            for metric in report.summary.metrics
        },
        "num_flips": NUM_FLIPS,
        "min_seeds": MIN_SEEDS,
        "alpha": ALPHA,
    }


def _comparisons(report: Report, key: str, metric: str) -> Comparisons:
    rows = [one for one in report.contrasts if (one.metric, one.dataset) == (metric, key)]
    caption = on_dataset(key, f"difference in {metric} with its 95% interval. {_LEGEND}")
    return Comparisons(
        key=key,
        name=join_words(key, metric),
        drawing=drawing(join_words("forest", metric, key), caption, forest(rows)),
        groups=contrast_groups(rows, report.summary.manifest.study.baseline),
        has_few_seeds=any(one.difference and not one.difference.measures_seeds for one in rows),
    )


def contrast_groups(contrasts: Iterable[Contrast], baseline: str) -> tuple[ContrastGroup, ...]:
    """The comparisons of one metric by how they came about, empty groups left out."""
    headings: dict[Kind, str] = {
        "named": "Named in the study file beforehand",
        "exploratory": f"Exploratory: every other arm against {baseline}",
        "reference": "Against the references, which train nothing",
    }
    by_kind = {kind: tuple(one for one in contrasts if one.kind == kind) for kind in headings}
    return tuple(ContrastGroup(headings[kind], rows) for kind, rows in by_kind.items() if rows)


SECTION = Section(
    "significance", "Significance", "significance.html.j2", _context, ("contrasts.csv",)
)
