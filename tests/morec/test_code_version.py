"""A record's code is that of the sources as they are and of the libraries that are installed."""

import re
import shutil
from importlib.metadata import version
from pathlib import Path

import morec
from morec import code_version as module
from morec.code_version import code_version


def test_the_code_is_named_by_its_sources_and_its_libraries() -> None:
    found = code_version()
    assert re.fullmatch("[0-9a-f]{8}", found["morec"])
    assert found["torch"] == version("torch")


def test_any_changed_source_is_other_code(tmp_path: Path, monkeypatch) -> None:
    copy = tmp_path / "morec"
    sources = Path(morec.__file__).parent
    shutil.copytree(sources, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(module, "__file__", str(copy / "code_version.py"))
    code_version.cache_clear()
    same = code_version()
    (copy / "metrics.py").write_text((copy / "metrics.py").read_text() + "\n")
    code_version.cache_clear()
    other = code_version()
    monkeypatch.undo()
    code_version.cache_clear()
    assert same == code_version()
    assert other["morec"] != same["morec"]
