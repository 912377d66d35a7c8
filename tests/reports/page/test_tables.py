"""Rows of trials as the page's tables show them."""

import json
import re
from pathlib import Path

import pytest

from reports.page import tables
from reports.study.rounds import round_sentence
from reports.study.summary import summarise
from reports.write import write_report
from tests.reports.made_up_studies import SMALL, FakeStudy


def test_effort_counts_search_trials_by_outcome(tmp_path: Path) -> None:
    statuses = {
        ("TS", "search", 0): "pruned",
        ("TS", "search", 1): "collapsed",
        ("TS", "search", 2): "failed",
    }
    rows = tables.effort_rows(summarise(FakeStudy(statuses=statuses).write(tmp_path)))
    row = next(row for row in rows if row.arm.name == "TS")
    assert row.by_status == {"completed": 1, "pruned": 1, "failed": 1, "collapsed": 1}
    assert row.locked.startswith("optim.lr = ")


def test_an_arm_whose_space_is_smaller_than_the_budget_is_named_and_is_no_inequality(
    tmp_path: Path,
) -> None:
    study = FakeStudy(
        searches=2,
        num_points={"TS": 2, "E2E": 3, "ID": 99},
        statuses={("E2E", "search", 1): "missing"},
        overrides={"budget": {"trials": 12}, "sampler": "tpe"},
    )
    words = tables.effort_sentences(summarise(study.write(tmp_path)))
    assert words == (
        "Every arm that searches has the same budget: 12 search trials.",
        "ID: its search ended after 2.",
        "TS: its space has 2 points, all tried.",
        "E2E: its space has 3 points, 1 tried.",
    )
    page = write_report(tmp_path).read_text()
    assert page.count("TS: its space has 2 points, all tried.") == 2


def test_a_budget_below_a_grid_says_how_much_of_it_was_tried(tmp_path: Path) -> None:
    study = FakeStudy(arms=SMALL[:1], num_points={"ID": 4321}, overrides={"sampler": "grid"})
    _, words = tables.effort_sentences(summarise(study.write(tmp_path)))
    assert words == "ID: its grid has 4,321 points, 4 tried."


def test_a_space_as_large_as_the_budget_needs_no_words(tmp_path: Path) -> None:
    study = FakeStudy(arms=SMALL[:1], num_points={"ID": 4}, overrides={"sampler": "grid"})
    assert len(tables.effort_sentences(summarise(study.write(tmp_path)))) == 1


@pytest.mark.parametrize(
    ("trials", "size", "told"), [(12, 1, None), (12, 4, 4), (3, 16, 3), (0, 4, None)]
)
def test_rounds_are_told_as_large_as_they_can_be(
    trials: int, size: int, told: int | None, tmp_path: Path
) -> None:
    study = FakeStudy(arms=SMALL[:1], overrides={"budget": {"trials": trials, "parallel": size}})
    file = study.write(tmp_path) / "manifest.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"round_size": size}))
    words = tables.effort_sentences(summarise(tmp_path))
    assert [w for w in words if "rounds" in w] == ([round_sentence(told)] if told else [])
    page = write_report(tmp_path).read_text()
    assert page.count("Trials are chosen in rounds of") == (2 if told else 0)


def test_an_arm_without_search_has_nothing_to_lock(tmp_path: Path) -> None:
    page = write_report(FakeStudy(arms=SMALL[:1], searches=0).write(tmp_path)).read_text()
    assert '<td>n/a</td><td>n/a</td><td class="wrap">nothing to search</td>' in page


def test_a_trial_row_shows_test_values_of_final_trials_only(tmp_path: Path) -> None:
    for trial in tables.trial_rows(summarise(FakeStudy().write(tmp_path))):
        assert (trial.test_value("HR@10") is not None) == (trial.role == "final")


def test_a_missing_trial_says_why_its_row_is_empty(tmp_path: Path) -> None:
    statuses = {("ID", "final", 1): "missing"}
    page = write_report(FakeStudy(statuses=statuses).write(tmp_path)).read_text()
    (trial,) = summarise(tmp_path).with_status("missing")
    assert tables.error(trial).startswith("No record: the trial is running, has not started")
    values = page[page.index('<td class="text status-missing">') :].split("</tr>")[0]
    assert re.findall("<td>(.*?)</td>", values) == ["", "", "n/a", "n/a"]
