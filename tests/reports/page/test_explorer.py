"""The data of the trial explorer, and what the page shows of very many trials."""

from pathlib import Path

import pytest

from reports.page.explorer import FIELDS, explorer_data
from reports.page.tables import MAX_ROWS, MAX_SEARCH_ROWS, search_rows, trial_rows
from reports.plots.slice_plot import MAX_POINTS
from reports.study.report import Report
from reports.study.summary import summarise
from reports.write import page_text
from tests.reports.made_up_studies import FakeStudy
from tests.reports.many_trials import many_trials
from tests.reports.pages import Page


def test_the_explorer_has_every_trial_with_its_curve_and_configuration(tmp_path: Path) -> None:
    statuses = {("TS", "final", 1): "failed", ("E2E", "final", 0): "missing"}
    summary = summarise(FakeStudy(statuses=statuses).write(tmp_path))
    data = explorer_data(summary)
    rows = [dict(zip(FIELDS, row, strict=True)) for row in data["trials"]]
    assert [row["id"] for row in rows] == [trial.trial_id for trial in summary.trials]
    for row, trial in zip(rows, summary.trials, strict=True):
        arm = data["arms"][row["arm"]]
        assert (arm["name"], row["seed"], row["params"]) == (trial.arm, trial.seed, trial.params)
        if trial.result:
            curve = [epoch.valid["HR@10"] for epoch in trial.result.epochs]
            assert [value / 10_000 for value in row["curve"]] == pytest.approx(curve, abs=5e-5)
    by_status = {row["status"]: row for row in rows}
    assert by_status["failed"]["error"].endswith("made to fail")
    assert by_status["missing"]["error"].startswith("No record")
    assert by_status["missing"]["curve"] == []


def test_an_arms_configuration_is_flat_and_has_null_for_what_is_switched_off(
    tmp_path: Path,
) -> None:
    arms = explorer_data(summarise(FakeStudy(searches=0).write(tmp_path)))["arms"]
    identity, text = arms[0]["config"], arms[1]["config"]
    assert (identity["item.id"], identity["item.text"]) == (True, None)
    assert (text["item.id"], text["item.text.name"]) == (False, "minilm")
    assert identity["optim.lr"] == 1e-3


def test_ten_thousand_trials_stay_below_four_megabytes_and_the_page_says_what_it_leaves_out(
    tmp_path: Path,
) -> None:
    summary = many_trials(tmp_path, 10_000)
    assert len(summary.trials) == 10_000
    text = page_text(Report(summary))
    assert len(text.encode("utf-8")) < 4_000_000
    page = Page(text)
    assert len(page.packed("explorer")["trials"]) == 10_000
    assert f"this table shows {MAX_ROWS} of 10,000 trials" in page.text
    assert "Too large to be carried by this page: tables/trials.csv" in page.text
    assert "trials.csv" not in page.packed("downloads")
    assert f"the best {MAX_SEARCH_ROWS} of" in page.text
    assert f"the best {MAX_POINTS} of an arm" in page.text


def test_a_long_table_keeps_final_trials_and_the_best_search_trials(tmp_path: Path) -> None:
    summary = many_trials(tmp_path, 500)
    kept = {trial.trial_id for trial in trial_rows(summary)}
    assert len(kept) == MAX_ROWS
    assert {trial.trial_id for trial in summary.trials if trial.role == "final"} <= kept
    searched = [trial for trial in summary.trials if trial.role == "search"]
    scores = {trial.trial_id: trial.valid_score or 0.0 for trial in searched}
    worst_kept = min(score for name, score in scores.items() if name in kept)
    assert all(score <= worst_kept for name, score in scores.items() if name not in kept)


def test_a_short_search_is_shown_whole_and_in_its_order(tmp_path: Path) -> None:
    arm = summarise(FakeStudy().write(tmp_path)).arms[0]
    assert search_rows(arm) == arm.searches
