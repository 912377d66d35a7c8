"""TensorBoard: what its own reader finds in the event files is what the ledger says."""

from pathlib import Path
from typing import Any

import pytest

from tests.reports.trackers.ledgers import (
    NUM_RUNS,
    change_record,
    read_study,
    records,
    write_study,
)

pytest.importorskip("tensorboard", reason='no TensorBoard: pip install -e ".[tensorboard]"')

from tensorboard.backend.event_processing.event_accumulator import (
    EventAccumulator,
)
from tensorboard.plugins.hparams import plugin_data_pb2

from reports.trackers.tensorboard import send


def accumulated(folder: Path) -> Any:
    found = EventAccumulator(str(folder), size_guidance={"tensors": 0, "scalars": 0})
    found.Reload()
    return found


def test_every_trial_is_a_folder_with_its_epochs_and_metrics(tmp_path: Path) -> None:
    study = write_study(tmp_path / "study")
    assert send(study, str(tmp_path / "tb")) == NUM_RUNS
    expected = records(tmp_path / "study")
    folders = {path.parent.name: path.parent for path in tmp_path.glob("tb/**/events.*")}
    assert folders.keys() == expected.keys()
    for trial_id, record in expected.items():
        found = accumulated(folders[trial_id])
        history = [(one.step, one.value) for one in found.Scalars("valid/HR_10")]
        values = [(one["epoch"], pytest.approx(one["valid"]["HR@10"])) for one in record["epochs"]]
        assert history == values
        assert ("test/HR_10" in found.Tags()["scalars"]) == (record["test"] is not None)
        (status,) = found.Tensors("status/text_summary")
        assert status.tensor_proto.string_val[0].decode() == record["status"]
        assert folders[trial_id].parent.relative_to(tmp_path / "tb").parts[0] == "made_up"


def test_the_page_of_hyperparameters_has_settings_arm_and_status(tmp_path: Path) -> None:
    study = write_study(tmp_path / "study")
    send(study, str(tmp_path / "tb"))
    (run,) = (one for one in study.runs if one.name == "TS final seed 1")
    found = accumulated(tmp_path / "tb" / "made_up" / "TS" / run.trial_id)
    content = found.summary_metadata["_hparams_/session_start_info"].plugin_data.content
    start = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info
    record = records(tmp_path / "study")[run.trial_id]
    assert start.hparams["optim.lr"].number_value == record["config"]["optim"]["lr"]
    assert start.hparams["arm"].string_value == "TS"
    assert start.hparams["status"].string_value == "completed"


def test_a_second_send_writes_nothing_and_a_changed_record_is_written_anew(tmp_path: Path) -> None:
    logdir = tmp_path / "tb"
    send(write_study(tmp_path / "study"), str(logdir))
    before = {path: path.stat().st_mtime_ns for path in logdir.rglob("*")}
    assert send(read_study(tmp_path / "study"), str(logdir)) == 0
    assert {path: path.stat().st_mtime_ns for path in logdir.rglob("*")} == before
    (failed,) = (i for i, one in records(tmp_path / "study").items() if one["status"] == "failed")
    epochs = records(tmp_path / "study")[failed]["epochs"]
    longer = [*epochs, epochs[-1] | {"epoch": len(epochs) + 1}]
    change_record(tmp_path / "study", failed, epochs=longer)
    assert send(read_study(tmp_path / "study"), str(logdir)) == 1
    (events,) = logdir.glob(f"made_up/ID/{failed}/events.*")
    assert len(accumulated(events.parent).Scalars("train_loss")) == len(longer)
    assert not [*logdir.rglob("*.part")]


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    study = write_study(tmp_path / "study")
    theirs = tmp_path / "tb" / "made_up" / "ID" / study.runs[0].trial_id
    theirs.mkdir(parents=True)
    (theirs / "events.mine").write_text("mine")
    with pytest.raises(FileExistsError, match="was not written by this project"):
        send(study, str(tmp_path / "tb"))
    assert (theirs / "events.mine").read_text() == "mine"
