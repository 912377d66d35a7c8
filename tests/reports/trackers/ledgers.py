"""A made-up study with a trial of every kind, and its records as plain JSON."""

import json
from pathlib import Path
from typing import Any

from reports.study.summary import summarise
from reports.trackers.runs import TrackedStudy
from tests.reports.made_up_studies import SMALL, FakeStudy

ENDS = {
    ("ID", "search", 1): "failed",
    ("ID", "search", 2): "pruned",
    ("TS", "search", 0): "collapsed",
    ("TS", "final", 1): "missing",
}
SPACE = {"optim.lr": {"loguniform": [1e-4, 1e-2]}}
NUM_RUNS = 2 * (3 + 2) - 1
"""Two arms, three search trials and two seeds each; one trial has no record yet."""


def write_study(folder: Path, name: str = "made_up", **fields: Any) -> TrackedStudy:
    """A study of the arms ID and TS in ``folder``, with failed, collapsed and pruned trials."""
    base = {"dataset": {"kind": "synthetic"}, "item": {"id": True}}
    overrides = {"name": name, "base": base, "search": SPACE, "arms": ARMS} | fields
    made = FakeStudy(
        arms=SMALL[:2], seeds=(1, 2), searches=3, num_users=40, statuses=ENDS, overrides=overrides
    )
    return read_study(made.write(folder))


def read_study(folder: Path) -> TrackedStudy:
    return TrackedStudy(folder, summarise(folder))


def records(folder: Path) -> dict[str, Any]:
    """Trial id -> record, read as JSON from its file, by nothing of this project."""
    found = {path.stem: json.loads(path.read_text()) for path in folder.glob("trials/*.json")}
    assert len(found) == NUM_RUNS
    return found


def change_record(folder: Path, trial_id: str, **fields: Any) -> None:
    """Write other values into a trial's file, as a trial that ran again would."""
    path = folder / "trials" / f"{trial_id}.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


ARMS = {
    "ID": {"set": {}},
    "TS": {"set": {"item.id": False, "item.text": {"name": "minilm"}}},
}
