"""No model hub, where nothing can be fetched, or a folder in its place."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import huggingface_hub
import pytest


@pytest.fixture
def without_a_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder in the hub's place, ``<owner>/<name>``; what is fetched is copied to another."""
    remote, cache = tmp_path / "remote", tmp_path / "cache"

    def fetch(name: str, allow_patterns: Sequence[str] = ("*",)) -> str:
        if not (remote / name).is_dir():
            raise OSError(f"no {name} on the hub")
        for path in (remote / name).iterdir():
            if any(path.match(pattern) for pattern in allow_patterns):
                (cache / name).mkdir(parents=True, exist_ok=True)
                shutil.copy(path, cache / name)
        return str(cache / name)

    monkeypatch.setattr("morec.encoders.weights.files.snapshot_download", fetch)
    return remote
