"""How a command ends: its exit code, one sentence on stderr, and a manifest that says why.

Real signals and a real Ray are in ``tests/integration``.
"""

import errno
import os
import signal
import sys
from pathlib import Path

import pytest

from morec.errors import (
    EXIT_CODES,
    ClusterError,
    DataError,
    ExitCode,
    FolderInUseError,
    RayStartError,
    SpecError,
    format_exit_codes,
)
from studies.run import main, parse
from tune_space.capacity.busyness import Load
from tune_space.execution import runner
from tune_space.ledger.records import Ledger

README = Path(__file__).parents[2] / "README.md"
STUDY = """\
question: q
baseline: A
base: {dataset: {kind: synthetic, num_users: 60, num_items: 40}, item: {id: true}}
arms: {A: {}}
seeds: [1]
"""


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    path = tmp_path / "one.yaml"
    path.write_text(STUDY)
    return path


def run(study: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException | None) -> int:
    """Run the study; Ray's part ends at once, with ``error``."""

    def run_jobs(*arguments: object) -> None:
        if error is not None:
            raise error

    monkeypatch.setattr(runner, "run_jobs", run_jobs)
    return main([str(study)])


def manifest_after(study: Path) -> tuple[str, str | None]:
    manifest = Ledger(study.parent / "runs" / "one").manifest()
    return manifest.state, manifest.interrupted_by


@pytest.mark.parametrize(
    ("error", "ending"),
    [
        (RayStartError("Ray did not start; wait"),
         (3, "Ray did not start; wait\n", "Ray did not start; wait")),
        (ClusterError("--address h:1: refused"),
         (2, "--address h:1: refused\n", "--address h:1: refused")),
        (DataError("f.tsv: line 3\nf.tsv: line 4"),
         (2, "f.tsv: line 3\nf.tsv: line 4\n", "f.tsv: line 3")),
        (OSError(errno.ENOSPC, "No space left on device", "runs/one"), (2,
         "runs/one: No space left on device. What had finished is recorded; once the disk can be "
         "written, the same command continues\n",
         "OSError: [Errno 28] No space left on device: 'runs/one'")),
        (KeyboardInterrupt(),
         (130, "not finished: run the same command again to continue\n", "SIGINT")),
        (SystemExit(signal.SIGTERM),
         (143, "not finished: run the same command again to continue\n", "SIGTERM")),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)  # fmt: skip
def test_what_ends_a_study_before_its_first_trial_is_said_and_leaves_it_interrupted(
    study: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    ending: tuple[int, str, str],
) -> None:
    code, said, by = ending
    assert run(study, monkeypatch, error) == code
    assert capsys.readouterr().err == said
    assert manifest_after(study) == ("interrupted", by)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_before_ray_runs_ends_the_study_in_good_order(
    study: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, code: int
) -> None:
    monkeypatch.setattr(runner, "run_jobs", lambda *arguments: os.kill(os.getpid(), number))
    assert main([str(study)]) == code
    assert manifest_after(study) == ("interrupted", number.name)


@pytest.mark.parametrize(
    ("error", "by"),
    [
        (ValueError("a fault of the program\nmore"), "ValueError: a fault of the program"),
        (SystemExit(5), "SystemExit: 5"),
        (AssertionError(), "AssertionError"),
    ],
)
def test_a_fault_keeps_its_traceback_and_leaves_the_study_interrupted(
    study: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, by: str
) -> None:
    with pytest.raises(type(error)):
        run(study, monkeypatch, error)
    assert manifest_after(study) == ("interrupted", by)


def test_the_status_and_the_report_say_what_interrupted_a_study(
    study: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(study, monkeypatch, RayStartError("Ray did not start; wait")) == ExitCode.NO_RAY
    assert main([str(study), "--status"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert "Status of one: interrupted" in said
    assert said[-1] == "interrupted by: Ray did not start; wait"
    assert main([str(study), "--report"]) == 0
    page = (study.parent / "runs" / "one" / "report.html").read_text()
    assert "The study is interrupted (Ray did not start; wait); numbers will change." in page


def test_a_later_run_forgets_what_interrupted_the_earlier_one(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(study, monkeypatch, RayStartError("Ray did not start; wait"))
    # Four nanoseconds: over before anything could start.
    assert main([str(study), "--set", "budget.hours=1e-12"]) == ExitCode.OK
    assert manifest_after(study) == ("interrupted", "budget.hours")


def test_a_busy_machine_is_said_once_before_the_trials(
    study: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sentence = (
        "this machine is busy (load 12 on 2 cores): times and energy in the report are not "
        "comparable with those of an idle machine"
    )
    for average, num in ((12.0, 1), (3.0, 0)):
        monkeypatch.setattr(runner, "machine_load", lambda average=average: Load(average, 2))
        run(study, monkeypatch, KeyboardInterrupt())
        assert capsys.readouterr().out.splitlines().count(sentence) == num


def test_every_code_is_in_the_table_in_the_help_and_in_the_readme(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert {code: int(code) for code in EXIT_CODES} == {code: int(code) for code in ExitCode}
    assert [int(code) for code in ExitCode] == [0, 1, 2, 3, 128 + signal.SIGINT, 128 + 15]
    with pytest.raises(SystemExit):
        parse(["--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert format_exit_codes() in shown
    (told,) = (part for part in README.read_text().split("\n\n") if part.startswith("Exit codes"))
    assert [code for code in ExitCode if f"{code:d} " not in told] == []


@pytest.mark.parametrize("kind", [SpecError, DataError, FolderInUseError, ClusterError])
def test_an_error_before_anything_ran_is_a_refusal(kind: type[DataError]) -> None:
    assert kind("x").exit_code == ExitCode.REFUSED == 2
    assert RayStartError("x").exit_code == 3


def test_a_wrong_option_is_a_refusal_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", sys.stdout)
    with pytest.raises(SystemExit) as caught:
        main(["--plann"])
    assert caught.value.code == ExitCode.REFUSED
