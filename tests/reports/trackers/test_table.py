"""The table of trackers, and that whatever happens at one is a line with what to do."""

import sys
from pathlib import Path

import pytest
from filelock import FileLock

from morec.errors import DataError, ExitCode
from reports.__main__ import main
from reports.trackers import table
from reports.trackers.table import TRACKERS, Sent, send
from tests.reports.trackers.ledgers import NUM_RUNS, write_study
from tune_space.study.tracking import TrackingSpec


def test_a_study_can_name_every_tracker_of_the_table_and_no_other() -> None:
    assert list(TrackingSpec.model_fields) == list(TRACKERS)


def test_the_command_sends_to_each_tracker_and_writes_no_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study, here, there = tmp_path / "study", tmp_path / "here", tmp_path / "there"
    write_study(study)
    words = ["--to", f"tensorboard:{here}", "--to", f"tensorboard:{there}"]
    assert main([str(study), *words]) is ExitCode.OK
    assert capsys.readouterr().out == (
        f"{study}: {NUM_RUNS} trials sent to tensorboard:{here}\n"
        f"{study}: {NUM_RUNS} trials sent to tensorboard:{there}\n"
    )
    assert not (study / "report.html").exists()


def test_a_tracker_that_refuses_keeps_no_other_waiting(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = tmp_path / "study"
    write_study(study)
    (tmp_path / "file").write_text("no folder")
    words = ["--to", f"tensorboard:{tmp_path / 'file'}", "--to", f"tensorboard:{tmp_path / 'tb'}"]
    assert main([str(study), *words]) is ExitCode.FAILED
    said = capsys.readouterr()
    assert said.out == f"{study}: {NUM_RUNS} trials sent to tensorboard:{tmp_path / 'tb'}\n"
    assert said.err.startswith(f"tensorboard:{tmp_path / 'file'}: ")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--to", "tensorbord:x"], "'tensorbord' is not a tracker. Did you mean 'tensorboard'?"),
        (["--to", "optuna:x"], "optuna: 'x' is no URL of this tracker. Allowed: mysql://"),
        (["--to", "tensorboard:x", "--format", "csv"], "have no effect with --to"),
    ],
)
def test_a_wrong_word_is_refused_at_once(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["nowhere", *words])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_a_folder_without_a_study_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no study has run here"):
        send(tmp_path, "tensorboard", str(tmp_path / "tb"))


@pytest.mark.parametrize(
    ("name", "module", "install"),
    [("mlflow", "mlflow", '".[mlflow]"'), ("wandb", "wandb", '".[wandb]"')],
)
def test_a_missing_package_is_said_with_how_to_get_it(
    name: str, module: str, install: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_study(tmp_path)
    monkeypatch.delitem(sys.modules, TRACKERS[name].module, raising=False)
    monkeypatch.setitem(sys.modules, module, None)
    sent = send(tmp_path, name, "x")
    assert sent.number == 0
    assert sent.problem.startswith(f"{name}: nothing sent, a package is missing (")
    assert sent.problem.endswith(f"): pip install -e {install}")


def test_two_processes_do_not_send_a_study_to_one_tracker_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_study(tmp_path / "study")
    monkeypatch.setattr(table.tempfile, "gettempdir", lambda: str(tmp_path))
    send(tmp_path / "study", "tensorboard", str(tmp_path / "tb"))
    (lock,) = tmp_path.glob("morec-tracking-*.lock")
    with FileLock(lock):
        sent = send(tmp_path / "study", "tensorboard", str(tmp_path / "tb"))
    assert sent == Sent(problem="tensorboard: another process is sending this study")
