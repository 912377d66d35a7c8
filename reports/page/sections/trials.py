"""Trials: every trial of the study as a row, and the explorer that sorts and compares them."""

from reports.page.explorer import explorer_data
from reports.page.packing import packed_json
from reports.page.section import Context, Section
from reports.page.tables import trial_rows
from reports.study.report import Report

_COLUMNS = (
    ("Trial", "id", "text"),
    ("Arm", "arm", "text"),
    ("Role", "role", "text"),
    ("Seed", "seed", ""),
    ("Status", "status", "text"),
    ("Valid.", "valid", ""),
    ("Test", "test", ""),
    ("Epochs", "epochs", ""),
    ("Time", "seconds", ""),
    ("Searched values", "values", "text"),
)
"""Heading, the explorer's field that it sorts by, and the style of its cells."""


def _context(report: Report) -> Context:
    trials = report.summary.trials
    return {
        "rows": trial_rows(report.summary),
        "num_trials": len(trials),
        "statuses": list(dict.fromkeys(trial.status for trial in trials)),
        "columns": _COLUMNS,
        "explorer": packed_json(explorer_data(report.summary)),
    }


SECTION = Section("trials", "Trials", "trials.html.j2", _context, ("trials.csv",))
