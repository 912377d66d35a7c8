"""The status of a study is read from its output folder, whether or not a process runs it."""

import os
from pathlib import Path
from typing import Any, Literal

import pytest

from morec.errors import DataError
from morec.results import EpochRecord, TrialResult, TrialStatus
from tune_space.commands.status import ArmStatus, read_status
from tune_space.ledger.locks import hold
from tune_space.ledger.manifest import ArmEntry, Manifest, SearchEntry
from tune_space.ledger.records import Ledger
from tune_space.study.expand import configure, expand
from tune_space.study.spec import ArmSpec, BudgetSpec, StudySpec

STUDY = StudySpec(
    name="s",
    question="?",
    base={"dataset": {"kind": "synthetic"}, "item": {"id": True}},
    arms={"A": ArmSpec()},
    budget=BudgetSpec(trials=4),
    baseline="A",
)


def write_manifest(
    folder: Path, state: Literal["running", "finished", "interrupted"], *search: str, **arm: Any
) -> None:
    """Arm A was asked for the ``search`` trials; of those "open" was running, as was "final-2"."""
    config = expand(STUDY)[0].config
    entries = tuple(SearchEntry(trial_id=trial_id, params={}) for trial_id in search)
    manifest = Manifest(
        study=STUDY, study_file="", command="", state=state, started_at="", updated_at="now",
        versions={}, git={}, device="", num_cpus=2, elapsed_s=5.0, datasets=(),
        arms=(ArmEntry(name="A", config=config, search=entries, **arm),),
        running=("open", "final-2", "of another arm"),
    )  # fmt: skip
    Ledger(folder).write_manifest(manifest)


def write_record(folder: Path, trial_id: str, status: TrialStatus, score: float = 0.0) -> None:
    epoch = EpochRecord(epoch=1, train_loss=1.0, valid={"HR@10": score}, train_s=1.0, eval_s=1.0)
    config = configure(expand(STUDY)[0], {}, seed=0, test=False)
    Ledger(folder).write(
        TrialResult(
            trial_id=trial_id,
            config=config,
            sources={},
            status=status,
            epochs=(epoch,),
            error="why",
        )
    )


def test_trials_of_a_search_are_counted_by_status(tmp_path: Path) -> None:
    write_manifest(tmp_path, "interrupted", "pruned", "failed", "collapsed", "open")
    write_record(tmp_path, "pruned", TrialStatus.PRUNED, score=0.25)
    write_record(tmp_path, "failed", TrialStatus.FAILED, score=0.9)
    write_record(tmp_path, "collapsed", TrialStatus.COLLAPSED)
    write_record(tmp_path, "of another arm", TrialStatus.FAILED)
    status = read_status(tmp_path)
    assert status.arms == (
        ArmStatus("A", num_done=2, num_failed=1, num_started=1, is_locked=False, best_valid=0.25),
    )
    assert (status.state, status.select, status.elapsed_s) == ("interrupted", "HR@10", 5.0)


def test_a_final_trial_was_started_if_it_ran_or_has_a_checkpoint(tmp_path: Path) -> None:
    start = SearchEntry(trial_id="", params={})
    write_manifest(tmp_path, "interrupted", locked=start, final=("final-1", "final-2", "final-3"))
    (tmp_path / "checkpoints" / "final-1").mkdir(parents=True)
    assert read_status(tmp_path).arms == (
        ArmStatus("A", num_done=0, num_failed=0, num_started=2, is_locked=True, best_valid=None),
    )


def test_a_study_is_running_only_while_a_process_holds_its_folder(tmp_path: Path) -> None:
    write_manifest(tmp_path, "running")
    with hold(tmp_path):
        assert (read_status(tmp_path).state, read_status(tmp_path).pid) == ("running", os.getpid())
    assert (read_status(tmp_path).state, read_status(tmp_path).pid) == ("stopped", None)


def test_looking_at_a_finished_study_changes_nothing(tmp_path: Path) -> None:
    write_manifest(tmp_path, "finished")
    before = sorted(tmp_path.rglob("*"))
    assert read_status(tmp_path).state == "finished"
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_without_a_study_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no study has run here \(there is no manifest.json\)"):
        read_status(tmp_path)
