"""What a run leaves in the study's storage; tests/integration runs jobs with a real Ray."""

from pathlib import Path

import pytest

from morec.storage import Storage
from tests.tune_space.made_up_trials import conductor_of, play, study
from tune_space.execution.ray_jobs import tidy_storage


@pytest.mark.parametrize("keep", [False, True])
def test_checkpoints_stay_in_the_storage_until_every_trial_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep: bool
) -> None:
    seconds = 0.0
    monkeypatch.setattr("tune_space.schedule.manifest_writer.monotonic", lambda: seconds)
    (tmp_path / "storage").mkdir()
    checkpoint = tmp_path / "storage" / "last.pt"
    checkpoint.write_text("weights")
    spec = study(budget={"trials": 1, "hours": 1}, keep_checkpoints=keep)
    storage = Storage((tmp_path / "storage").as_uri())
    conductor = conductor_of(tmp_path / "out", spec, storage=storage)
    # The time is used up, and trials remain: the next run continues them.
    seconds = 3601.0
    assert conductor.is_finished()
    tidy_storage(conductor)
    assert checkpoint.exists()
    seconds = 0.0
    play(conductor)
    checkpoint.parent.mkdir(exist_ok=True)
    checkpoint.write_text("weights")
    tidy_storage(conductor)
    assert checkpoint.exists() == keep
