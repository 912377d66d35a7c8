"""No model hub: what is fetched is refused, and nothing is cached."""

from pathlib import Path

import huggingface_hub
import pytest


@pytest.fixture
def without_a_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
