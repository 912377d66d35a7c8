"""MLflow: what it reads back from a real database is what the ledger says."""

from collections.abc import Mapping
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

pytest.importorskip("mlflow", reason='MLflow is not installed: pip install -e ".[mlflow]"')

from mlflow.tracking import MlflowClient

from reports.trackers.mlflow import send

# Of MLflow's own use of SQLAlchemy.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One database for all tests: its tables take MLflow seconds to make."""
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'mlflow.db'}"


def stored(uri: str, name: str) -> Mapping[str, Any]:
    """Trial id -> run, as MLflow has it."""
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name(name)
    runs = client.search_runs([experiment.experiment_id])
    assert len({run.data.tags["morec.trial_id"] for run in runs}) == len(runs)
    return {run.data.tags["morec.trial_id"]: run for run in runs}


def test_every_trial_is_a_run_with_its_epochs_metrics_status_and_cost(
    uri: str, tmp_path: Path
) -> None:
    study = write_study(tmp_path, "all")
    assert send(study, uri) == NUM_RUNS
    client, found = MlflowClient(uri), stored(uri, "all")
    expected = records(tmp_path)
    assert found.keys() == expected.keys()
    ends = {"completed": "FINISHED", "pruned": "KILLED", "failed": "FAILED", "collapsed": "FAILED"}
    for trial_id, record in expected.items():
        run, epochs = found[trial_id], record["epochs"]
        assert run.info.status == ends[record["status"]]
        for key, of in (("train_loss", "train_loss"), ("valid/HR_10", "HR@10")):
            history = client.get_metric_history(run.info.run_id, key)
            values = [one["valid"].get(of, one["train_loss"]) for one in epochs]
            assert [(one.step, one.value) for one in history] == list(enumerate(values, start=1))
        assert run.data.params["optim.lr"] == str(record["config"]["optim"]["lr"])
        assert run.data.params["model.dim"] == "512"
        if record["cost"]:
            assert run.data.metrics["cost/total_s"] == record["cost"]["total_s"]
        if record["test"]:
            assert run.data.metrics["test/NDCG_10"] == record["test"]["metrics"]["NDCG@10"]
        else:
            assert not [name for name in run.data.metrics if name.startswith("test/")]
        assert run.info.end_time == 1767225600 * 1000  # 2026-01-01T00:00:00Z
    about = [(run.data.tags["arm"], run.data.tags["role"]) for run in found.values()]
    assert about.count(("ID", "search")) == 3
    assert about.count(("TS", "final")) == 1
    (failed,) = (run for run in found.values() if run.data.tags["status"] == "failed")
    assert failed.info.run_name == "ID search 2"
    assert failed.data.tags["error"].endswith("TrialError: made to fail")


def test_a_second_send_changes_nothing_and_a_changed_record_takes_the_place_of_its_run(
    uri: str, tmp_path: Path
) -> None:
    study = write_study(tmp_path, "again")
    send(study, uri)
    before = {trial_id: run.info.run_id for trial_id, run in stored(uri, "again").items()}
    assert send(read_study(tmp_path), uri) == 0
    assert {i: run.info.run_id for i, run in stored(uri, "again").items()} == before
    (failed,) = (i for i, one in records(tmp_path).items() if one["status"] == "failed")
    change_record(tmp_path, failed, error="another error", reason="out of memory")
    assert send(read_study(tmp_path), uri) == 1
    after = stored(uri, "again")
    assert {i for i, run in after.items() if run.info.run_id != before[i]} == {failed}
    assert after[failed].data.tags["error"] == "another error"
    assert after[failed].data.tags["reason"] == "out of memory"


def test_a_run_that_was_cut_short_is_made_again(uri: str, tmp_path: Path) -> None:
    send(write_study(tmp_path, "cut"), uri)
    client = MlflowClient(uri)
    trial_id, run = next(iter(stored(uri, "cut").items()))
    client.delete_tag(run.info.run_id, "morec.record")
    assert send(read_study(tmp_path), uri) == 1
    assert stored(uri, "cut")[trial_id].info.run_id != run.info.run_id


def test_runs_that_others_put_into_the_experiment_stay(uri: str, tmp_path: Path) -> None:
    client = MlflowClient(uri)
    theirs = client.create_run(client.create_experiment("shared"))
    assert send(write_study(tmp_path, "shared"), uri) == NUM_RUNS
    assert client.get_run(theirs.info.run_id).info.lifecycle_stage == "active"
