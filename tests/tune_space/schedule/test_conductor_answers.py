"""What the conductor answers to those who ask it, and what it writes down of a run's end."""

from pathlib import Path

from morec.results import Reason
from tests.tune_space.made_up_trials import COST, conductor_of, curve, end, study
from tune_space.ledger.records import Ledger
from tune_space.schedule.conductor import Conductor


def small(folder: Path) -> Conductor:
    """One arm, one trial of its search and one after it."""
    space = {"model.num_blocks": {"int": [1, 3]}}
    spec = study(arms={"ID": {}}, search=space, seeds=[1], budget={"trials": 1})
    return conductor_of(folder, spec)


def test_the_manifest_says_what_ended_a_run_and_how_many_points_a_space_has(tmp_path: Path) -> None:
    conductor = small(tmp_path)
    conductor.write_manifest("interrupted", "SIGTERM")
    written = Ledger(tmp_path).manifest()
    assert (written.state, written.interrupted_by) == ("interrupted", "SIGTERM")
    assert [entry.num_points for entry in written.arms] == [3]
    conductor.write_manifest("finished")
    assert Ledger(tmp_path).manifest().interrupted_by is None


def test_only_a_trial_that_is_admitted_starts(tmp_path: Path) -> None:
    conductor = small(tmp_path)
    assert conductor.next_job(lambda job: False) is None
    assert (conductor.running, conductor.is_finished()) == ({}, False)
    job = conductor.next_job(lambda job: job.role == "search")
    assert job is not None and conductor.running == {job.trial_id: job}


def test_a_run_has_not_ended_while_its_last_trial_runs(tmp_path: Path) -> None:
    conductor = small(tmp_path)
    for role in ("search", "final"):
        job = conductor.next_job()
        assert job is not None and job.role == role
        assert (conductor.is_finished(), conductor.is_complete()) == (False, False)
        assert conductor.report(job.trial_id, curve(job.config)[:3], COST) is False
        assert conductor.num_epochs(job.trial_id) == 3
        conductor.finish(end(job))
    assert (conductor.is_finished(), conductor.is_complete()) == (True, True)
    assert conductor.wanted() == set(conductor.results)


def test_failures_that_may_not_happen_again_are_counted(tmp_path: Path) -> None:
    conductor = small(tmp_path)
    job = conductor.next_job()
    assert job is not None
    conductor.lose(job.trial_id, Reason.PROCESS_LOST, "killed")
    assert conductor.failures == {job.trial_id: 1}
