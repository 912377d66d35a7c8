"""What came of trials: what counts as done, what runs again, what a lost trial's record says."""

from pathlib import Path
from typing import Any

import pytest

from morec.results import Reason, TrialResult, TrialStatus
from morec.trial_code import trial_code
from morec.watchdog import NOTE
from tests.tune_space.made_up_trials import COST, curve, end, sources, study
from tune_space.schedule.jobs import Job
from tune_space.schedule.outcomes import MAX_ATTEMPTS, REPEATABLE, Outcomes, explain_loss
from tune_space.study.expand import expand

CONFIG = expand(study())[0].config
JOB = Job.of("ID", "search", CONFIG, sources)


def test_a_failed_record_is_done_unless_it_is_to_be_retried_and_done_again_after_that() -> None:
    failed = end(JOB, TrialStatus.FAILED)
    assert Outcomes({JOB.trial_id: failed}).states.is_done(JOB.trial_id)
    outcomes = Outcomes({JOB.trial_id: failed}, retry_failed=True)
    assert not outcomes.states.is_done(JOB.trial_id)
    outcomes.add(failed)
    assert outcomes.states.is_done(JOB.trial_id)


@pytest.mark.parametrize("reason", [None, *Reason])
def test_a_trial_runs_again_only_after_a_failure_the_machine_had_a_part_in(
    reason: Reason | None,
) -> None:
    outcomes = Outcomes({})
    failed = end(JOB, TrialStatus.FAILED).model_copy(update={"reason": reason})
    repeated = [outcomes.is_repeated(failed) for _ in range(MAX_ATTEMPTS)]
    assert repeated == [reason in REPEATABLE] * (MAX_ATTEMPTS - 1) + [False]


def test_failures_are_counted_for_each_trial_and_only_those_that_may_not_happen_again() -> None:
    outcomes = Outcomes({})
    lost = end(JOB, TrialStatus.FAILED).model_copy(update={"reason": Reason.PROCESS_LOST})
    other = lost.model_copy(update={"trial_id": "other"})
    wrong = lost.model_copy(update={"trial_id": "wrong", "reason": Reason.EXCEPTION})
    assert outcomes.is_repeated(wrong) is False
    assert [outcomes.is_repeated(one) for one in (lost, lost, other)] == [True] * 3
    assert outcomes.failures == {JOB.trial_id: 2, "other": 1}


def test_without_a_word_failed_trials_are_not_retried_and_records_are_a_copy() -> None:
    failed = end(JOB, TrialStatus.FAILED)
    given = {JOB.trial_id: failed}
    outcomes = Outcomes(given)
    outcomes.add(failed.model_copy(update={"trial_id": "other"}))
    assert (given.keys(), outcomes.records.keys()) == ({JOB.trial_id}, {JOB.trial_id, "other"})
    assert outcomes.states.is_done("other")


def test_a_record_made_for_a_trial_has_the_epochs_that_it_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    then = "2030-01-01T00:00:00+00:00"
    monkeypatch.setattr("tune_space.schedule.outcomes.utc_now", lambda: then)
    outcomes = Outcomes({})
    fields: dict[str, Any] = {
        "trial_id": JOB.trial_id,
        "config": CONFIG,
        "sources": {"data": "d0"},
        "code": trial_code(CONFIG),
        "finished_at": then,
    }
    failed = outcomes.make_record(JOB, TrialStatus.FAILED, error="why", log_tail="last")
    assert failed == TrialResult(
        **fields, status=TrialStatus.FAILED, error="why", log_tail="last", epochs=(), cost=None
    )
    assert outcomes.num_epochs(JOB.trial_id) == 0
    epochs = curve(CONFIG)[:3]
    outcomes.report(JOB.trial_id, epochs[:2], COST)
    outcomes.report(JOB.trial_id, epochs, COST)
    assert outcomes.num_epochs(JOB.trial_id) == 3
    pruned = outcomes.make_record(JOB, TrialStatus.PRUNED)
    assert pruned == TrialResult(**fields, status=TrialStatus.PRUNED, epochs=epochs, cost=COST)


def test_a_lost_trial_that_left_no_note_keeps_its_reason(tmp_path: Path) -> None:
    (tmp_path / "log0.txt").write_text("epoch 3\n")
    for silence_minutes in (5, None):
        assert explain_loss(tmp_path, Reason.PROCESS_LOST, "killed", silence_minutes) == {
            "reason": Reason.PROCESS_LOST,
            "error": "killed",
            "log_tail": "epoch 3",
        }


def test_a_lost_trial_whose_watchdog_left_a_note_hung(tmp_path: Path) -> None:
    (tmp_path / NOTE).write_text("Timeout!")
    assert explain_loss(tmp_path, Reason.PROCESS_LOST, "killed", silence_minutes=2.5) == {
        "reason": Reason.HUNG,
        "error": "no epoch ended within 2.5 minutes; it hung here:\nTimeout!",
        "log_tail": None,
    }


def test_a_note_that_an_earlier_run_s_watchdog_left_says_nothing_without_a_watchdog(
    tmp_path: Path,
) -> None:
    (tmp_path / NOTE).write_text("Timeout!")
    why = explain_loss(tmp_path, Reason.PROCESS_LOST, "killed", silence_minutes=None)
    assert (why["reason"], why["error"]) == (Reason.PROCESS_LOST, "killed")
    assert not (tmp_path / NOTE).exists()
