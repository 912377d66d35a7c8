"""One process at a time in an output folder; earlier results are moved, never deleted."""

import os
import re
from pathlib import Path

import pytest

from morec.errors import FolderInUseError
from tune_space.ledger.locks import hold, holder_pid, set_aside


def test_a_held_folder_cannot_be_held_again_and_names_its_holder(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    with hold(folder):
        assert holder_pid(folder) == os.getpid()
        with pytest.raises(FolderInUseError) as caught, hold(folder):
            pass
    message = f"{folder}: process {os.getpid()} runs a study here"
    assert re.match(re.escape(message), str(caught.value))
    assert holder_pid(folder) is None
    with hold(folder):
        assert holder_pid(folder) == os.getpid()


def test_a_folder_is_set_aside_under_the_first_free_number(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    for n in (1, 2, 3):
        folder.mkdir()
        (folder / "result").write_text(str(n))
        aside = tmp_path / f"study.{n}"
        assert set_aside(folder) == aside
        assert not folder.exists()
        assert (aside / "result").read_text() == str(n)
        assert holder_pid(aside) is None


def test_a_folder_that_is_not_there_is_not_set_aside(tmp_path: Path) -> None:
    assert set_aside(tmp_path / "study") is None
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_use_is_not_set_aside(tmp_path: Path) -> None:
    with hold(tmp_path), pytest.raises(FolderInUseError, match="runs a study here"):
        set_aside(tmp_path)
    assert tmp_path.exists()
