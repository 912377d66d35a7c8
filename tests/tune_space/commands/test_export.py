"""Which trial of an arm is exported, and which arms are refused before anything is trained."""

from pathlib import Path

import pytest

from morec.errors import DataError, SpecError
from tests.reports.made_up_studies import FakeStudy
from tune_space.commands.export import choose, default_target
from tune_space.ledger.records import Ledger


def ledger(folder: Path, **study) -> Ledger:
    return Ledger(FakeStudy(searches=1, **study).write(folder))


def set_valid(ledger: Ledger, arm: str, scores: list[float]) -> list[str]:
    """Give the final trials of an arm these validation scores; returns their ids."""
    (entry,) = [one for one in ledger.manifest().arms if one.name == arm]
    for trial_id, score in zip(entry.final, scores, strict=True):
        record = ledger.read(trial_id)
        select = record.config.evaluation.select
        epochs = tuple(
            one.model_copy(update={"valid": {**one.valid, select: score}}) for one in record.epochs
        )
        ledger.write(record.model_copy(update={"epochs": epochs}))
    return list(entry.final)


@pytest.mark.parametrize(
    ("scores", "place"),
    [([0.3, 0.1, 0.2], 2), ([0.1, 0.2, 0.3], 1), ([0.4, 0.1, 0.2, 0.3], 2), ([0.5], 0)],
)
def test_the_median_by_validation_is_chosen(tmp_path, scores, place) -> None:
    """Of an even number, the lower of the two in the middle."""
    found = ledger(tmp_path, seeds=tuple(range(1, len(scores) + 1)))
    ids = set_valid(found, "ID", scores)
    chosen = choose(found, "ID")
    assert chosen.record.trial_id == ids[place]
    assert f"ID: seed {place + 1}, the median of {len(scores)} seeds" in chosen.sentence


def test_seeds_that_failed_are_left_out_and_said(tmp_path) -> None:
    found = ledger(tmp_path, statuses={("ID", "final", 1): "failed"})
    chosen = choose(found, "ID")
    assert chosen.record.config.seed != 2
    assert "the median of 2 of 3 seeds" in chosen.sentence


def test_an_unknown_arm_is_answered_with_the_nearest(tmp_path) -> None:
    with pytest.raises(SpecError, match=r"'E2' is no arm .* Did you mean 'E2E'\? Its arms: ID, "):
        choose(ledger(tmp_path), "E2")


def test_an_arm_of_several_data_sets_needs_its_full_name(tmp_path) -> None:
    found = ledger(tmp_path, datasets={"MIND": None, "HM": None})
    with pytest.raises(SpecError, match="'ID' names 2 arms; give one of MIND/ID, HM/ID"):
        choose(found, "ID")
    assert choose(found, "HM/ID").arm.name == "HM/ID"


def test_an_arm_without_a_completed_final_trial_is_refused_with_its_state(tmp_path) -> None:
    statuses = {("ID", "final", 0): "failed", ("ID", "final", 1): "collapsed"}
    found = ledger(tmp_path, statuses=statuses | {("ID", "final", 2): "missing"})
    state = "seed 1 failed, seed 2 collapsed, seed 3 not finished"
    with pytest.raises(DataError, match=f"ID has no completed final trial \\({state}\\)"):
        choose(found, "ID")


def test_a_record_of_another_schema_is_refused(tmp_path) -> None:
    found = ledger(tmp_path)
    (entry,) = [one for one in found.manifest().arms if one.name == "ID"]
    for trial_id in entry.final:
        found.write(found.read(trial_id).model_copy(update={"schema_version": 2}))
    with pytest.raises(DataError, match=r"--export: .*1 record of schema 2"):
        choose(found, "ID")


def test_the_default_folder_lies_in_the_studys_and_nowhere_else(tmp_path) -> None:
    arm = choose(ledger(tmp_path), "ID").arm
    assert default_target(tmp_path, arm) == tmp_path / "exports" / "ID"
    place = arm.model_copy(update={"name": "MIND/by time/ID+TS"})
    assert default_target(tmp_path, place) == tmp_path / "exports/MIND/by time/ID+TS"
    odd = arm.model_copy(update={"name": "../.."})
    assert default_target(tmp_path, odd) == tmp_path / "exports" / "_" / "_"
