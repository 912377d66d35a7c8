"""The trackers of a running study: sent to in time, and never able to hold the study."""

import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from reports.live_trackers import LiveTrackers
from tests.reports.trackers.ledgers import NUM_RUNS, write_study
from tune_space.study.tracking import TrackingSpec

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """What trackers start finds this project, installed or not."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, (ROOT, *sys.path))))


@pytest.fixture
def mute() -> Iterator[str]:
    """The address of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def wait_until(is_so: Callable[[], object]) -> None:
    end = time.monotonic() + 400
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.05)


def marks(logdir: Path) -> list[Path]:
    """None while a folder is put in its place: it then has another name than a moment ago."""
    try:
        return [*logdir.rglob("morec.record.txt")]
    except FileNotFoundError:
        return []


def test_records_are_sent_while_the_study_runs_and_the_last_ones_at_its_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study, logdir = tmp_path / "study", tmp_path / "tb"
    write_study(study)
    late = next(iter(study.glob("trials/*.json")))
    kept = late.read_text()
    late.unlink()
    tracking = TrackingSpec(tensorboard=str(logdir))
    with LiveTrackers(study, tracking, every_s=0, limit_s=400, finish_s=400) as trackers:
        trackers.refresh()
        wait_until(lambda: len(marks(logdir)) == NUM_RUNS - 1)
        late.write_text(kept)
        trackers.finish()
    assert len(marks(logdir)) == NUM_RUNS
    assert capsys.readouterr().err == ""


def children() -> set[psutil.Process]:
    """Processes of this one, also those that have ended and were not asked how."""
    return set(psutil.Process().children())


def test_a_tracker_that_hangs_is_ended_and_the_others_have_everything(
    tmp_path: Path, mute: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("mlflow", reason='MLflow is not installed: pip install -e ".[mlflow]"')
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "3600")
    study, logdir = tmp_path / "study", tmp_path / "tb"
    write_study(study)
    tracking = TrackingSpec(mlflow=mute, tensorboard=str(logdir))
    trackers = LiveTrackers(study, tracking, every_s=0, limit_s=3600, finish_s=0)
    others = children()  # Other tests may have left some.
    trackers.refresh()
    wait_until(lambda: trackers.refresh() or len(children() - others) == 1)
    assert len(marks(logdir)) == NUM_RUNS
    trackers.finish()
    assert capsys.readouterr().err == (
        f"mlflow:{mute}: ended, since it took longer than 0 s. No result is lost: the next run of "
        f"the study sends what is missing, or python -m reports {study} --to mlflow:{mute}\n"
    )
    assert children() <= others


def test_a_tracker_that_refuses_is_a_warning_said_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = tmp_path / "study"
    write_study(study)
    (tmp_path / "file").write_text("no folder")
    tracking = TrackingSpec(tensorboard=str(tmp_path / "file"))
    with LiveTrackers(study, tracking, every_s=0, limit_s=400, finish_s=400) as trackers:
        trackers.refresh()
        trackers.finish()
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"tensorboard:{tmp_path / 'file'}: ")
    assert line.endswith(f"or python -m reports {study} --to tensorboard:{tmp_path / 'file'}")


def test_without_trackers_or_records_nothing_is_started(tmp_path: Path) -> None:
    others = children()
    for tracking in (TrackingSpec(), TrackingSpec(tensorboard=str(tmp_path / "tb"))):
        with LiveTrackers(tmp_path / "study", tracking) as trackers:
            trackers.refresh()
            trackers.finish()
    assert children() <= others
    assert not (tmp_path / "tb").exists()
