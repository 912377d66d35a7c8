"""Weight files are hashed once; formats that can run code are refused."""

import os
from pathlib import Path

import pytest

from morec.encoders.weights import files as weight_files
from morec.encoders.weights.files import cached_sha256, checked_folder
from morec.errors import DataError


def test_a_file_is_hashed_once_until_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "weights"
    path.write_bytes(b"one")
    first = cached_sha256(path)
    monkeypatch.setattr(weight_files, "file_sha256", lambda _: "read again")
    assert cached_sha256(path) == first
    os.utime(path, ns=(0, 0))
    assert cached_sha256(path) == "read again"


def test_other_weight_formats_are_refused_with_what_was_found(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.ckpt").write_bytes(b"")
    found = r"neither \*.safetensors nor pytorch_model\*.bin \(found: config.json, model.ckpt\)"
    with pytest.raises(DataError, match=found):
        checked_folder(tmp_path, with_weights=True)
    assert checked_folder(tmp_path, with_weights=False) == tmp_path
