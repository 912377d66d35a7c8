"""What came of trials: what counts as done, what runs again, what a lost trial's record says."""

from pathlib import Path

import pytest

from morec.results import Reason, TrialStatus
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


def test_a_record_made_for_a_trial_has_the_epochs_that_it_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    then = "2030-01-01T00:00:00+00:00"
    monkeypatch.setattr("tune_space.schedule.outcomes.utc_now", lambda: then)
    outcomes = Outcomes({})
    assert outcomes.num_epochs(JOB.trial_id) == 0
    outcomes.report(JOB.trial_id, curve(CONFIG)[:2], COST)
    record = outcomes.make_record(JOB, TrialStatus.PRUNED)
    assert outcomes.num_epochs(JOB.trial_id) == len(record.epochs) == 2
    assert (record.cost, record.finished_at) == (COST, then)


def test_a_lost_trial_that_left_no_note_keeps_its_reason(tmp_path: Path) -> None:
    why = explain_loss(tmp_path, Reason.PROCESS_LOST, "killed", silence_minutes=5)
    assert (why["reason"], why["error"]) == (Reason.PROCESS_LOST, "killed")


def test_a_note_that_an_earlier_run_s_watchdog_left_says_nothing_without_a_watchdog(
    tmp_path: Path,
) -> None:
    (tmp_path / NOTE).write_text("Timeout!")
    why = explain_loss(tmp_path, Reason.PROCESS_LOST, "killed", silence_minutes=None)
    assert (why["reason"], why["error"]) == (Reason.PROCESS_LOST, "killed")
    assert not (tmp_path / NOTE).exists()
