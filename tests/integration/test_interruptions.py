"""A study that is killed, stopped or started twice: real Ray, the command as a user starts it."""

import contextlib
import os
import signal
import time
from collections.abc import Sequence

import psutil
import pytest

from morec.errors import ExitCode
from morec.results import Reason, TrialStatus
from tests.integration.command import (
    Command,
    descendants,
    kill_with_ray,
    listening,
    study_numbers,
    trial_processes,
    wait_until,
    words_of,
)
from tune_space.ledger.records import Ledger

pytestmark = pytest.mark.ray
STOP_S = 60
"""From a signal to the end of the command: 10 on an idle machine, more beside others."""
LOOPBACK = {"127.0.0.1", "::1", "::ffff:127.0.0.1"}


def niceness_of(processes: Sequence[psutil.Process]) -> set[int]:
    """Of those that have not ended since they were listed."""
    found = set()
    for each in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            found.add(each.nice())
    return found


def auth_mode(process: psutil.Process) -> str | None:
    """What Ray's servers ask of whoever connects."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.environ().get("RAY_AUTH_MODE")
    return None


def test_kill_9_and_the_same_command_give_the_numbers_of_an_uninterrupted_run(
    uninterrupted, study_file, tmp_path
) -> None:
    command = Command(study_file, tmp_path / "out")
    starts = []
    for num_records in (0, 3):
        process = command.start()
        wait_until(
            lambda wanted=num_records: len(command.records()) >= wanted and command.checkpoints(),
            process,
        )
        kill_with_ray(process)
        starts.append(len(command.records()))
    assert command.run_here() == 0
    assert study_numbers(command.out) == study_numbers(uninterrupted.out)
    manifests = [Ledger(each.out).read_manifest() for each in (command, uninterrupted)]
    assert manifests[0].arms == manifests[1].arms
    assert starts[0] < len(command.records())
    assert command.checkpoints() == []


def test_the_same_command_again_trains_nothing(uninterrupted) -> None:
    before = {path: path.stat().st_mtime_ns for path in uninterrupted.records()}
    assert uninterrupted.run_here() == 0
    assert {path: path.stat().st_mtime_ns for path in uninterrupted.records()} == before


@pytest.mark.parametrize(
    ("number", "code", "niceness"), [(signal.SIGINT, 130, 3), (signal.SIGTERM, 143, 0)]
)
def test_a_signal_stops_nice_trials_in_good_order_and_says_how_to_continue(
    study_file, tmp_path, number, code, niceness
) -> None:
    command = Command(study_file, tmp_path / "out", "--set", f"resources.niceness={niceness}")
    process = command.start()
    wait_until(command.checkpoints, process)
    nice: set[int] = set()
    wait_until(lambda: nice.update(niceness_of(trial_processes(process))) or nice, process)
    assert nice == {min(19, psutil.Process().nice() + niceness)}
    others = descendants(process)
    assert set() < listening(process) <= LOOPBACK
    assert "token" in {auth_mode(each) for each in others}
    left_out = ("dashboard/dashboard.py", "log_monitor.py", "autoscaler/_private/monitor.py")
    assert not any(name in words_of(each) for each in others for name in left_out)
    asked = time.monotonic()
    os.kill(process.pid, number)
    output = process.communicate()[0]
    assert time.monotonic() - asked < STOP_S
    assert process.returncode == code, output
    assert "run the same command again to continue" in output
    _, alive = psutil.wait_procs(others, timeout=10)
    assert alive == []
    manifest = Ledger(command.out).read_manifest()
    assert manifest.state == "interrupted"
    statuses = {result.status for result in Ledger(command.out).read_all().values()}
    assert statuses <= {TrialStatus.COMPLETED}


def test_a_second_process_is_refused_with_the_pid_of_the_first(
    study_file, tmp_path, capsys
) -> None:
    command = Command(study_file, tmp_path / "out")
    process = command.start()
    wait_until(lambda: (command.out / ".holder.json").exists(), process)
    second = command.run_here()
    kill_with_ray(process)
    assert second == 2
    assert f"process {process.pid} runs a study here" in capsys.readouterr().err


@pytest.mark.usefixtures("ray_session")
def test_a_trial_whose_process_is_always_killed_has_failed_and_can_be_retried(
    study_file, tmp_path
) -> None:
    words = ("--only", "ID", "--set", "training.max_epochs=40")
    command = Command(study_file, tmp_path / "out", *words)
    process = command.start()
    while not command.records():
        wait_until(lambda: command.records() or trial_processes(process), process)
        for trial in trial_processes(process):
            with contextlib.suppress(psutil.NoSuchProcess):
                trial.kill()
    output = process.communicate()[0]
    assert process.returncode == 1, output
    results = Ledger(command.out).read_all().values()
    failed = [result for result in results if result.status is TrialStatus.FAILED]
    assert failed
    assert all("the trial's process was lost" in result.error for result in failed)
    assert all("worker process has died" in result.error for result in failed)
    assert {result.reason for result in failed} == {Reason.PROCESS_LOST}
    assert all(f"failed: {result.trial_id} (process lost)" in output for result in failed)
    again = Command(study_file, command.out, "--retry-failed", *words)
    assert again.run_here() == 0
    assert Ledger(command.out).read(failed[0].trial_id).status is TrialStatus.COMPLETED


def test_a_ray_that_does_not_start_is_one_sentence_and_leaves_nothing_running(
    study_file, tmp_path
) -> None:
    # Ray's control service would have to be there within 0 s.
    impossible = {**os.environ, "RAY_gcs_server_port_wait_time_s": "0"}
    command = Command(study_file, tmp_path / "out", environment=impossible)
    process = command.start()
    output = process.communicate()[0]
    assert process.returncode == ExitCode.NO_RAY == 3, output
    (sentence,) = (line for line in output.splitlines() if line.startswith("Ray did not start on"))
    assert "tried 3 times" in sentence
    assert sentence in output.splitlines()[-1]
    assert "Traceback" not in output
    manifest = Ledger(command.out).manifest()
    assert (manifest.state, manifest.interrupted_by) == ("interrupted", sentence)
    words = (words_of(each) for each in psutil.process_iter())
    assert not [each for each in words if f"_{process.pid}/" in each and "session_" in each]
