"""Rows of trials as the page's tables show them."""

from pathlib import Path

from reports.page import tables
from reports.study.summary import summarise
from tests.reports.made_up_studies import SMALL, FakeStudy


def test_effort_counts_search_trials_by_outcome(tmp_path: Path) -> None:
    statuses = {
        ("TS", "search", 0): "pruned",
        ("TS", "search", 1): "collapsed",
        ("TS", "search", 2): "failed",
    }
    rows = tables.effort_rows(summarise(FakeStudy(statuses=statuses).write(tmp_path)))
    row = next(row for row in rows if row.arm == "TS")
    assert (row.asked, row.completed, row.pruned, row.collapsed, row.failed) == (4, 1, 1, 1, 1)
    assert row.locked.startswith("optim.lr = ")


def test_an_arm_without_search_has_nothing_to_lock(tmp_path: Path) -> None:
    (row,) = tables.effort_rows(summarise(FakeStudy(arms=SMALL[:1], searches=0).write(tmp_path)))
    assert (row.locked, row.best_valid, row.time) == ("nothing to search", "n/a", "n/a")


def test_a_trial_row_shows_test_values_of_final_trials_only(tmp_path: Path) -> None:
    for row in tables.trial_rows(summarise(FakeStudy().write(tmp_path))):
        assert bool(row.test) == (row.trial.role == "final")


def test_a_missing_trial_says_why_its_row_is_empty(tmp_path: Path) -> None:
    statuses = {("ID", "final", 1): "missing"}
    rows = tables.trial_rows(summarise(FakeStudy(statuses=statuses).write(tmp_path)))
    (row,) = [row for row in rows if row.trial.status == "missing"]
    assert row.error.startswith("No record: the trial is running, has not started")
    assert (row.valid, row.test, row.epochs, row.time) == ("", "", "n/a", "n/a")
