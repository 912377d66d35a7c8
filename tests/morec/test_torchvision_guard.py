"""The guard declares the operators that a broken torchvision lacks.

Operators cannot be undeclared, so every case has a process of its own.
"""

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import morec.encoders.image
import morec.encoders.text

ROOT = Path(__file__).parents[2]
GUARD = "from morec import torchvision_guard"
MODULES = sorted((ROOT / "morec").rglob("*.py"))
NO_MODELS = {"morec/encoders/weights/architectures.py"}
"""Imports configurations of transformers, which need no torchvision."""
REPORT = (
    "import morec.torchvision_guard as guard, torch;"
    "print(guard.DECLARED is not None, hasattr(torch.ops.torchvision, 'nms'))"
)


def run(code: str, *first: Path) -> subprocess.CompletedProcess[str]:
    path = ":".join(str(folder) for folder in (*first, ROOT))
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": path}
    )


def torchvision(tmp_path: Path, code: str) -> Path:
    package = tmp_path / "torchvision"
    package.mkdir()
    (package / "__init__.py").write_text(code)
    return tmp_path


def test_a_torchvision_without_its_operators_gets_them_named(tmp_path: Path) -> None:
    broken = "import torch; torch.library.register_fake('torchvision::nms')(lambda *_: None)"
    first_try = "\ntry: import torchvision\nexcept RuntimeError as error: print(error)\n"
    done = run(first_try + REPORT, torchvision(tmp_path, broken))
    assert done.stdout == "operator torchvision::nms does not exist\nTrue True\n"


def test_a_healthy_or_missing_torchvision_is_not_changed(tmp_path: Path) -> None:
    missing = ";import importlib, sys; sys.modules['torchvision'] = None; importlib.reload(guard);"
    done = run(f"{REPORT}{missing}{REPORT}", torchvision(tmp_path, ""))
    assert done.stdout == "False False\n" * 2


def test_another_failure_is_not_hidden(tmp_path: Path) -> None:
    folder = torchvision(tmp_path, "raise RuntimeError('out of luck')")
    assert "RuntimeError: out of luck" in run(REPORT, folder).stderr


def test_the_installed_timm_and_transformers_import_behind_the_guard() -> None:
    assert morec.encoders.text.torchvision_guard is morec.encoders.image.torchvision_guard
    assert importlib.import_module("timm").is_model("resnet18")
    assert importlib.import_module("transformers").BertModel


def of_libraries(path: Path) -> list[int]:
    """Lines that import timm or transformers, at the top of a module."""
    nodes = ast.parse(path.read_text()).body
    pattern = re.compile(r"(import|from) (timm|transformers)\b")
    return [node.lineno for node in nodes if pattern.match(ast.unparse(node))]


@pytest.mark.parametrize("path", [path for path in MODULES if of_libraries(path)], ids=str)
def test_the_guard_stands_before_every_import_of_timm_and_transformers(path: Path) -> None:
    name = str(path.relative_to(ROOT))
    before = path.read_text().splitlines()[: of_libraries(path)[0]]
    rooms = [parent / "__init__.py" for parent in path.parents[:2]]
    is_guarded = any(GUARD in line for line in before) or any(
        GUARD in room.read_text() for room in rooms if room.exists()
    )
    assert is_guarded or name in NO_MODELS


def test_an_id_trial_imports_no_library_of_encoders() -> None:
    """They take as long to import as a small trial trains."""
    libraries = ("timm", "torchvision", "transformers", "onnx")
    code = f"import sys, morec.trial; print([n for n in {libraries} if n in sys.modules])"
    assert run(code).stdout == "[]\n"
