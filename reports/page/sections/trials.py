"""Trials: every trial of the study as a row, and the explorer that sorts and compares them."""

from reports.page.explorer import explorer_data
from reports.page.packing import packed_json
from reports.page.section import Context, Section
from reports.page.tables import trial_rows
from reports.study.report import Report


def _context(report: Report) -> Context:
    return {
        "rows": trial_rows(report.summary),
        "explorer": packed_json(explorer_data(report.summary)),
    }


SECTION = Section("trials", "Trials", _context, ("trials.csv",))
