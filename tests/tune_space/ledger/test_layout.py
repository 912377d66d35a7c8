"""Sizes of what lies in a study's folder."""

import os
from pathlib import Path

from tune_space.ledger.layout import path_bytes


def test_a_folder_counts_its_files_and_never_what_a_link_points_to(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "a").write_bytes(b"x" * 10)
    (tmp_path / "deep" / "b").write_bytes(b"x" * 300)
    assert path_bytes(tmp_path) == 310
    assert path_bytes(tmp_path / "a") == 10
    os.symlink("/", tmp_path / "deep" / "root")
    assert path_bytes(tmp_path) == 311
    assert path_bytes(tmp_path / "none") == 0
