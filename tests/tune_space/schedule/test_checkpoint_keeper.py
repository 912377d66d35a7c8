"""Which checkpoints are deleted: those of done trials, then the oldest that do not fit."""

import os
import time
from pathlib import Path

import pytest

from tests.tune_space.made_up_trials import study
from tune_space.schedule.checkpoint_keeper import CheckpointKeeper


def keeper_with(out: Path, names: str, **changes: object) -> CheckpointKeeper:
    """Checkpoints of 900 bytes each, the first one the oldest; 2,000 bytes may stay."""
    keeper = CheckpointKeeper(study(checkpoints_gb=2e-6, **changes), out)
    for age, name in enumerate(reversed(names)):
        folder = keeper.of(name).path.parent
        folder.mkdir(parents=True)
        (folder / "last.pt").write_bytes(bytes(900))
        then = time.time() - age
        os.utime(folder, (then, then))
    return keeper


def names_in(out: Path) -> str:
    return "".join(sorted(path.name for path in (out / "checkpoints").iterdir()))


@pytest.mark.parametrize("keeps", [False, True])
def test_the_oldest_go_until_the_rest_fits_but_never_those_of_trials_that_go_on(
    tmp_path: Path, keeps: bool
) -> None:
    keeper = keeper_with(tmp_path, "abcde", keep_checkpoints=keeps)
    keeper.tidy({"a"}, lambda trial_id: False)
    assert names_in(tmp_path) == "ade"


@pytest.mark.parametrize(("keeps", "left"), [(False, "b"), (True, "ab")])
def test_those_of_done_trials_go_unless_the_study_keeps_them(
    tmp_path: Path, keeps: bool, left: str
) -> None:
    keeper = keeper_with(tmp_path, "ab", keep_checkpoints=keeps)
    keeper.tidy((), lambda trial_id: trial_id == "a")
    assert names_in(tmp_path) == left
    keeper.end("b")
    assert names_in(tmp_path) == ("ab" if keeps else "")


def test_a_link_is_never_followed_or_deleted(tmp_path: Path) -> None:
    keeper = keeper_with(tmp_path, "ab")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "checkpoints" / "link").symlink_to(tmp_path / "elsewhere")
    keeper.tidy((), lambda trial_id: False)
    assert names_in(tmp_path) == "ablink"
