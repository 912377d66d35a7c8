"""What it recommends: how much of the catalogue, how popular, how even; and what that means."""

from morec.metrics import parse_metric
from reports.page.section import Context, Section
from reports.study.recommended import RecommendedTable, format_value
from reports.study.report import Report

_MEANINGS = {
    "coverage": (
        "percent of the candidates that stand in at least one user’s list, 0 to 100. Low: "
        "everybody gets the same few items. High: the lists differ, or are random."
    ),
    "mean popularity": (
        "training interactions of a recommended item, mean over all lists, from 0 up. High: known "
        "favourites. Low: rare items. Compare it within one data set only."
    ),
    "tail share": (
        "percent of all lists’ entries whose item is rare (of the slices new, cold or tail), 0 to "
        "100. Low: rare items are hardly shown. High: they are, whether users want them or not."
    ),
    "gini": (
        "how unevenly the lists spread over the candidates, 0 to 1. 0: every candidate stands in "
        "equally many lists. Near 1: few candidates fill nearly all lists."
    ),
}
"""What a column says, its range, and its two directions."""


def _context(report: Report) -> Context | None:
    if not report.recommended:
        return None
    names = dict.fromkeys(
        parse_metric(metric)[0] for table in report.recommended for metric in table.metrics
    )
    return {
        "tables": [(table, _rows(table)) for table in report.recommended],
        "meanings": {name: _MEANINGS[name] for name in names if name in _MEANINGS},
        "has_gaps": any(
            value.mean is None
            for table in report.recommended
            for row in table.rows
            for value in row.values
        ),
    }


def _rows(table: RecommendedTable) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """Name, what kind of row it is, and each value with its deviation as printed."""
    rows = []
    for row in table.rows:
        kind = "reference" if row.is_reference else "baseline" if row.is_baseline else ""
        pairs = zip(table.metrics, row.values, strict=True)
        rows.append((row.name, kind, [format_value(metric, value) for metric, value in pairs]))
    return rows


SECTION = Section("recommended", "What does it recommend?", _context, ("recommended.csv",))
