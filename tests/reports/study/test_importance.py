"""The importance table, and the warning about arms with few search trials."""

from pathlib import Path

import pytest

from reports.study.importance import ENOUGH_TRIALS, importance_table
from reports.study.summary import StudySummary, summarise
from reports.write import write_report
from tests.reports.made_up_studies import SMALL, FakeStudy
from tests.reports.pages import Page

SHARES = {"model.dropout": 0.125, "optim.lr": 0.875}


def _study(folder: Path, **fields: object) -> StudySummary:
    study = FakeStudy(also_searched={"model.dropout": (0.0, 0.5)}, importance=SHARES)
    for name, value in fields.items():
        setattr(study, name, value)
    return summarise(study.write(folder))


def test_every_arm_has_its_recorded_shares_with_the_largest_first(tmp_path: Path) -> None:
    table = importance_table(_study(tmp_path))
    assert table.paths == ("optim.lr", "model.dropout")
    assert [row.arm for row in table.rows] == [arm.name for arm in SMALL]
    assert {row.shares for row in table.rows} == {(0.875, 0.125)}


def test_only_completed_search_trials_count(tmp_path: Path) -> None:
    statuses = {("TS", "search", 0): "pruned", ("TS", "search", 1): "failed"}
    table = importance_table(_study(tmp_path, searches=12, statuses=statuses))
    assert [row.num_trials for row in table.rows] == [12, 10, 12]


@pytest.mark.parametrize("number", [ENOUGH_TRIALS - 1, ENOUGH_TRIALS])
def test_below_fifty_trials_the_page_warns_that_the_order_may_change(
    tmp_path: Path, number: int
) -> None:
    summary = _study(tmp_path, arms=SMALL[:2], searches=number, num_users=20)
    is_few = number < 50
    assert {row.is_unstable for row in importance_table(summary).rows} == {is_few}
    text = Page(write_report(tmp_path, ("html",)).read_text(encoding="utf-8")).text
    warning = "With fewer than 50 completed search trials of an arm, another search could well give"
    assert (warning in text) == is_few
    assert text.count("49 few") == (2 if is_few else 0)
    assert text.count("88% 12%") == 2


def test_a_study_without_shares_says_what_importance_needs(tmp_path: Path) -> None:
    summary = _study(tmp_path, importance={})
    assert importance_table(summary).rows == ()
    text = Page(write_report(tmp_path, ("html",)).read_text(encoding="utf-8")).text
    assert "it takes two or more searched values and 10 or more completed search trials" in text
