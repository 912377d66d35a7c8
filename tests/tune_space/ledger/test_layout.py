"""The names in a study's output folder, and the sizes of what lies there."""

import os
from pathlib import Path

from tune_space.ledger import layout
from tune_space.ledger.layout import path_bytes


def test_the_names_in_an_output_folder_stay_those_of_folders_made_earlier() -> None:
    names = {
        name: value
        for name, value in vars(layout).items()
        if name.isupper() and isinstance(value, str)
    }
    assert names == {
        "TRIALS": "trials",
        "MANIFEST": "manifest.json",
        "CHECKPOINTS": "checkpoints",
        "ARTEFACTS": "artefacts",
        "REPORT": "report.html",
        "TABLES": "tables",
        "EXAMPLES": "examples.json",
        "EXPORTS": "exports",
        "LOCK": ".lock",
        "HOLDER": ".holder.json",
        "STORE_LOCK": ".users.lock",
        "RAY_TUNE": ".ray_tune",
        "RAY_TRAIN": "ray_train",
    }


def test_the_size_of_a_folder_leaves_out_what_its_links_point_to(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "a").write_bytes(b"x" * 10)
    (tmp_path / "deep" / "b").write_bytes(b"x" * 300)
    assert path_bytes(tmp_path) == 310
    assert path_bytes(tmp_path / "a") == 10
    os.symlink("/", tmp_path / "deep" / "root")
    assert path_bytes(tmp_path) == 311
    assert path_bytes(tmp_path / "none") == 0
