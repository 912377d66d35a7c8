"""Which trial of an arm is exported, and which are refused, and when weights are."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from morec import Recommender
from morec.errors import DataError, SpecError
from morec.results import TrialResult, pack_ranks
from tests.reports.made_up_studies import FakeStudy
from tests.tune_space.commands.exported_trials import exporter, prepared_in, recorded
from tune_space.commands.export import choose, default_target
from tune_space.inputs.prepare import Prepared
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


@pytest.fixture
def prepared(tmp_path: Path) -> Prepared:
    torch.set_num_threads(1)
    return prepared_in(tmp_path)


def test_a_record_is_trained_again_and_exported_with_its_card(prepared) -> None:
    record, said = recorded(prepared), []
    target = prepared.root / "far" / "ID"
    agreement = exporter(record, prepared, say=said.append).export(target, str.upper)
    assert agreement == "The exported weights give every test user the recorded rank."
    assert (target / "README.md").read_text() == agreement.upper()
    assert [path.name for path in target.parent.iterdir()] == ["ID"]
    (line,) = said
    assert line.startswith(f"{record.trial_id}: no checkpoint was kept; it is trained again")
    notes = Recommender.load(target).notes
    assert notes["trial_id"] == record.trial_id
    assert notes["test"] == record.test.metrics
    with pytest.raises(SpecError, match="ID is there already and stays as it is"):
        exporter(record, prepared).export(target, str.upper)


def test_a_kept_checkpoint_is_read_and_stays_as_it_is(prepared, monkeypatch) -> None:
    """Paths are relative to the current folder, which is not that of the study file."""
    record, said = recorded(prepared, keeps=True), []
    kept = next((prepared.root / "out").rglob("last.pt"))
    before = kept.read_bytes()
    monkeypatch.chdir(prepared.root / "out")
    relative = replace(exporter(record, prepared, say=said.append), out=Path())
    relative.export(Path("ID"), lambda _: str(Path("checkpoints").is_dir()))
    assert (kept.parents[2] / "ID" / "README.md").read_text() == "True"
    assert said == [f"{record.trial_id}: weights of the kept checkpoint"]
    assert kept.read_bytes() == before


def with_other_ranks(record: TrialResult, **cost: str) -> TrialResult:
    """The record with another rank of the first user; ``cost`` says where it was made."""
    ranks = list(map(int, record.test.ranks))
    packed = pack_ranks([ranks[0] + 1, *ranks[1:]])
    test = record.test.model_copy(update={"packed_ranks": packed})
    return record.model_copy(
        update={"test": test, "cost": record.cost.model_copy(update=cost) if cost else record.cost}
    )


def test_other_ranks_on_the_same_processor_are_refused_and_nothing_is_written(prepared) -> None:
    record = with_other_ranks(recorded(prepared))
    with pytest.raises(DataError, match=r"differs at test: rank of user 0: .* the same processor"):
        exporter(record, prepared).export(prepared.root / "ID", str)
    assert not list(prepared.root.glob("*ID*"))


def test_other_ranks_elsewhere_must_lie_within_the_interval(prepared) -> None:
    record = with_other_ranks(recorded(prepared), device="another processor")
    agreement = exporter(record, prepared).export(prepared.root / "ID", str)
    assert "not another processor), ranks are not the recorded ones, but" in agreement
    value = record.test.value("HR@10")
    with pytest.raises(DataError, match=rf"HR@10 is {value:.4f}; .* that is another model"):
        exporter(record, prepared, interval=(2.0, 3.0)).export(prepared.root / "TS", str)
    assert not (prepared.root / "TS").exists()


def test_other_data_are_refused_before_anything_is_trained(prepared) -> None:
    record = recorded(prepared).model_copy(update={"sources": {"data": "d9"}})
    with pytest.raises(DataError, match="data: the record was made with d9"):
        exporter(record, prepared, say=pytest.fail).export(prepared.root / "ID", str)
