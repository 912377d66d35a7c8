"""Runs are made from the ledger alone: one a trial, and the same digest for the same record."""

from dataclasses import replace
from pathlib import Path

from reports.trackers.runs import plain_name, run_key
from tests.reports.trackers.ledgers import (
    NUM_RUNS,
    change_record,
    read_study,
    records,
    write_study,
)


def test_every_record_is_one_run_with_a_name_of_its_own(tmp_path: Path) -> None:
    runs = write_study(tmp_path).runs
    assert {run.trial_id for run in runs} == records(tmp_path).keys()
    assert [run.name for run in runs] == [
        "ID search 1", "ID search 2", "ID search 3", "ID final seed 1", "ID final seed 2",
        "TS search 1", "TS search 2", "TS search 3", "TS final seed 1",
    ]  # fmt: skip


def test_only_final_trials_have_test_metrics(tmp_path: Path) -> None:
    for run in write_study(tmp_path).runs:
        is_final = run.tags["role"] == "final"
        assert any(name.startswith("test/") for name in run.metrics) == is_final


def test_epochs_end_one_after_another_and_the_last_one_when_the_trial_does(tmp_path: Path) -> None:
    for run in write_study(tmp_path).runs:
        (record,) = (one for i, one in records(tmp_path).items() if i == run.trial_id)
        second = record["epochs"][1]
        took = second["train_s"] + second["eval_s"]
        assert abs(run.epochs[1].ended_s - run.epochs[0].ended_s - took) < 1e-5
        assert run.epochs[-1].ended_s == run.ended_s == 1767225600  # 2026-01-01T00:00:00Z


def test_a_digest_changes_with_the_record_and_with_nothing_else(tmp_path: Path) -> None:
    before = {run.trial_id: run.digest for run in write_study(tmp_path).runs}
    assert {run.trial_id: run.digest for run in read_study(tmp_path).runs} == before
    changed = next(iter(before))
    change_record(tmp_path, changed, finished_at="2026-01-02T00:00:00Z")
    after = {run.trial_id: run.digest for run in read_study(tmp_path).runs}
    assert {i for i in before if before[i] != after[i]} == {changed}
    assert len(after) == NUM_RUNS


def test_a_key_is_of_study_and_trial_and_made_of_letters_and_digits(tmp_path: Path) -> None:
    study = write_study(tmp_path / "one")
    run = replace(study.runs[0], trial_id="sasrec-id+text-s1-00000000")
    key = run_key(study, run)
    assert key.endswith("-sasrec-id-text-s1-00000000")
    assert run_key(write_study(tmp_path / "other", "other"), run) != key


def test_a_metric_has_no_at_sign_where_none_is_allowed() -> None:
    assert plain_name("test/HR@10") == "test/HR_10"
