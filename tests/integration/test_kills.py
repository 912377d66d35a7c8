"""Whatever is killed, whenever: the study ends as if nothing had happened. Real Ray."""

from random import Random

import pytest

from morec.errors import ExitCode
from tests.integration.command import Command
from tests.integration.kills import DISK_BYTES, Kills, differences, kill_rounds, run_with_kills
from tests.mounts import mounted

pytestmark = pytest.mark.ray


def test_three_random_kills_change_no_number(uninterrupted, tmp_path) -> None:
    lines: list[str] = []
    kills = Kills(lines.append)
    with mounted(tmp_path / "disk", f"size={DISK_BYTES}") as is_small:
        second = "disk" if is_small else "raylet"
        command = Command(uninterrupted.study_file, tmp_path / "disk" / "out", "--retry-failed")
        run_with_kills(command, Random(7), ["trial", second, "driver"], kills)
        assert kills.total == 3, lines
        assert kills.survivors == []
        assert differences(command, uninterrupted) == []


@pytest.mark.usefixtures("ray_session")
@pytest.mark.parametrize("server", ["raylet", "gcs_server"])
def test_a_study_whose_ray_session_dies_ends_with_a_message(study_file, tmp_path, server) -> None:
    lines: list[str] = []
    command = Command(study_file, tmp_path / "out")
    kills = Kills(lines.append)
    # Soon after the first checkpoint: a quick machine has finished the study a few seconds later.
    run_with_kills(command, Random(1), [server], kills)
    assert kills.exit_codes == [ExitCode.NO_RAY, 0]
    assert "run the same command again to continue" in lines[-1]


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(6))
def test_thirty_random_kills_change_no_number(uninterrupted, tmp_path, seed) -> None:
    """Five at a time, so that one of the six can be run alone: ``-k "thirty and [3]"``."""
    assert kill_rounds(tmp_path, uninterrupted, num_kills=5, seed=seed) == []


@pytest.mark.nightly
def test_a_disk_that_is_full_for_a_while_changes_no_number(uninterrupted, tmp_path) -> None:
    with mounted(tmp_path / "disk", f"size={DISK_BYTES}") as is_small:
        if not is_small:
            pytest.skip("this user may not mount a small file system")
        lines: list[str] = []
        kills = Kills(lines.append)
        command = Command(uninterrupted.study_file, tmp_path / "disk" / "out")
        run_with_kills(command, Random(3), ["disk"], kills)
        assert kills.exit_codes == [2, 0], lines
        assert "once the disk can be written, the same command continues" in lines[-1]
        assert differences(command, uninterrupted) == []
