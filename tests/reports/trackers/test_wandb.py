"""W&B offline: what its own run files hold is what the ledger says."""

import json
from collections.abc import Iterator
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

pytest.importorskip("wandb", reason='W&B is not installed: pip install -e ".[wandb]"')

from wandb.proto.wandb_internal_pb2 import Record

from reports.trackers.wandb import send

pytestmark = pytest.mark.filterwarnings("ignore")
BLOCK, HEADER, MAGIC = 32768, 7, 7
"""Of LevelDB's log format, which W&B's run files have behind 7 bytes of their own."""


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")


def written(path: Path) -> Iterator[Any]:
    """Every message of a run file: chunks of crc, length and type (1 whole, 2-4 a part)."""
    data, at, parts = path.read_bytes(), MAGIC, b""
    while at + HEADER <= len(data):
        if BLOCK - at % BLOCK < HEADER:
            at += BLOCK - at % BLOCK
            continue
        size, kind = int.from_bytes(data[at + 4 : at + 6], "little"), data[at + 6]
        parts += data[at + HEADER : at + HEADER + size]
        at += HEADER + size
        if kind in (1, 4):
            yield Record.FromString(parts)
            parts = b""


def run_file(path: Path) -> dict[str, Any]:
    """The parts of a run file that matter here."""
    found: dict[str, Any] = {"history": [], "summary": {}}
    for record in written(path):
        match record.WhichOneof("record_type"):
            case "run":
                found["run"] = record.run
            case "history":
                items = record.history.item
                found["history"].append(
                    {i.key or ".".join(i.nested_key): json.loads(i.value_json) for i in items}
                )
            case "summary":
                for item in record.summary.update:
                    key = item.key or ".".join(item.nested_key)
                    found["summary"][key] = json.loads(item.value_json)
            case "exit":
                found["exit"] = record.exit.exit_code
    return found


def test_every_trial_is_a_run_in_the_studys_group(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    assert send(study, "morec") == NUM_RUNS
    assert send(read_study(tmp_path), "morec") == 0
    files = [run_file(path) for path in tmp_path.glob("wandb/offline-run-*/*.wandb")]
    found = {one["summary"]["morec.trial_id"]: one for one in files}
    expected = records(tmp_path)
    assert len(files) == NUM_RUNS and found.keys() == expected.keys()
    for trial_id, record in expected.items():
        one, summary = found[trial_id], found[trial_id]["summary"]
        assert (one["run"].project, one["run"].run_group) == ("morec", "made_up")
        assert one["run"].job_type == ("final" if record["config"]["seed"] else "search")
        curve = [(row["_step"], row["valid/HR@10"]) for row in one["history"]]
        assert curve == [(e["epoch"], e["valid"]["HR@10"]) for e in record["epochs"]]
        assert summary["status"] == record["status"]
        assert one["exit"] == (record["status"] in ("failed", "collapsed"))
        test = record["test"]
        assert summary.get("test/HR@10") == (test["metrics"]["HR@10"] if test else None)
        settings = {item.key: json.loads(item.value_json) for item in one["run"].config.update}
        assert settings["optim"]["lr"] == record["config"]["optim"]["lr"]


def test_a_longer_record_adds_its_new_epochs_to_the_same_run(tmp_path: Path) -> None:
    send(write_study(tmp_path), "morec")
    before = {*tmp_path.glob("wandb/offline-run-*/*.wandb")}
    (failed,) = (i for i, one in records(tmp_path).items() if one["status"] == "failed")
    epochs = records(tmp_path)[failed]["epochs"]
    change_record(tmp_path, failed, epochs=[*epochs, epochs[-1] | {"epoch": len(epochs) + 1}])
    assert send(read_study(tmp_path), "morec") == 1
    (added,) = {*tmp_path.glob("wandb/offline-run-*/*.wandb")} - before
    assert added.name in {path.name for path in before}
    assert [row["_step"] for row in run_file(added)["history"]] == [len(epochs) + 1]
    assert send(read_study(tmp_path), "another") == NUM_RUNS
