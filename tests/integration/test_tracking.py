"""Studies with trackers through real Ray: all arrives, and an absent tracker changes nothing."""

import json
import os
import sys
from pathlib import Path

import optuna
import pytest

from tests.integration.command import REPOSITORY, STUDY, Command

pytestmark = pytest.mark.ray


def test_a_study_is_sent_while_it_runs_and_an_absent_tracker_is_a_warning(tmp_path: Path) -> None:
    logdir, url = tmp_path / "tb", f"sqlite:///{tmp_path / 'optuna.db'}"
    absent = "http://127.0.0.1:1"
    tracking = {"tensorboard": str(logdir), "optuna": url, "mlflow": absent}
    study_file = tmp_path / "study.yaml"
    study_file.write_text(f"{STUDY}tracking: {json.dumps(tracking)}\n")
    paths = os.pathsep.join(map(str, (REPOSITORY, *sys.path)))
    command = Command(study_file, tmp_path / "out", environment={**os.environ, "PYTHONPATH": paths})
    done = command.run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(command.records()) == 8
    warnings = [line for line in done.stderr.splitlines() if line.startswith("mlflow:")]
    assert warnings and all("No result is lost" in line or "missing" in line for line in warnings)
    sent = {path.parent.name for path in logdir.rglob("morec.record.txt")}
    assert sent == {path.stem for path in command.records()}
    for arm in ("ID", "E2E"):
        found = optuna.load_study(study_name=f"study/{arm}", storage=url)
        assert [trial.state.name for trial in found.trials] == ["COMPLETE"] * 2
