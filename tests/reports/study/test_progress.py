"""What is unfinished in a study, by number and by name."""

from pathlib import Path

import pytest

from reports.study.caveats import caveats
from reports.study.progress import progress, unfinished
from reports.study.summary import summarise
from tests.reports.made_up_studies import SMALL, FakeStudy
from tune_space.schedule.arm_plan import MAX_FAILURES


def test_unfinished_trials_are_counted_and_named(tmp_path: Path) -> None:
    statuses = {
        ("ID", "final", 0): "failed",
        ("TS", "final", 1): "collapsed",
        ("E2E", "final", 2): "missing",
        ("TS", "search", 0): "failed",
    }
    summary = summarise(FakeStudy(statuses=statuses, state="interrupted").write(tmp_path))
    named = {trial.status: trial.trial_id for trial in summary.trials if trial.role == "final"}
    lines = unfinished(summary)
    assert lines == (
        "The study is interrupted; numbers will change.",
        "1 of 9 final trials still to come.",
        f"1 final trial failed: {named['failed']} (ID).",
        f"1 final trial collapsed: {named['collapsed']} (TS).",
        f"1 trial without a record: {named['missing']} (E2E).",
    )
    assert any(line.startswith("1 search trial failed:") for line in caveats(summary, ()))


def test_of_many_trials_six_are_named_and_the_others_counted(tmp_path: Path) -> None:
    statuses = {("TS", "search", index): "missing" for index in range(9)}
    summary = summarise(FakeStudy(arms=SMALL[:2], searches=9, statuses=statuses).write(tmp_path))
    (line,) = unfinished(summary)
    lost = [trial.trial_id for trial in summary.trials if trial.status == "missing"]
    named = ", ".join(f"{name} (TS)" for name in lost[:6])
    assert line == f"9 trials without a record: {named}, and 3 more, see Trials."


def test_a_complete_study_has_nothing_unfinished(tmp_path: Path) -> None:
    assert unfinished(summarise(FakeStudy(arms=SMALL[:1]).write(tmp_path))) == ()


@pytest.mark.parametrize("status", ["failed", "pruned", "collapsed"])
def test_a_small_space_without_one_completed_trial_leaves_none_of_its_budget_to_come(
    tmp_path: Path, status: str
) -> None:
    number = MAX_FAILURES - 2
    ended = {("TS", "search", index): status for index in range(number)}
    nothing_more = {("TS", "final", index): "not asked" for index in range(3)}
    study = FakeStudy(
        arms=SMALL[:2],
        searches=number,
        num_points={"ID": number, "TS": number},
        state="running",
        statuses=ended | nothing_more,
        overrides={"budget": {"trials": 40}},
    )
    done = (number + 3) + number
    words = progress(summarise(study.write(tmp_path)))
    assert words.startswith(f"{done} of {done} trials have ended")


def test_an_exhausted_search_and_an_arm_that_is_given_up_have_no_trials_to_come(
    tmp_path: Path,
) -> None:
    failed = {("TS", "search", index): "failed" for index in range(MAX_FAILURES)}
    nothing_more = {("TS", "final", index): "not asked" for index in range(3)}
    study = FakeStudy(
        arms=SMALL[:2],
        searches=MAX_FAILURES,
        state="running",
        statuses=failed | nothing_more,
        overrides={"budget": {"trials": 40}},
    )
    done = (MAX_FAILURES + 3) + MAX_FAILURES
    words = progress(summarise(study.write(tmp_path)))
    assert words.startswith(f"{done} of {done} trials have ended")
