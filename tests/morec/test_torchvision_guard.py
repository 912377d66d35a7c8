"""The guard declares the operators that a broken torchvision lacks.

Operators cannot be undeclared, so the cases have a process of their own, which declares them last.
"""

import ast
import importlib
import json
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
CASES = {
    "another failure": "raise RuntimeError('out of luck')",
    "healthy": "",
    "missing": None,
    "no operators": (
        "import torch; torch.library.register_fake('torchvision::nms')(lambda *_: None)"
    ),
}
"""A torchvision's source, or None where there is none; the last declares what stays declared."""
TOLD = """
import importlib, json, pathlib, sys, torch
folder = pathlib.Path(sys.argv[1])
told = {}
for name, source in json.loads(sys.argv[2]).items():
    sys.modules.pop("torchvision", None)
    (folder / name / "torchvision").mkdir(parents=True)
    if source is None:
        sys.modules["torchvision"] = None
    else:
        (folder / name / "torchvision" / "__init__.py").write_text(source)
    sys.path.insert(0, str(folder / name))
    importlib.invalidate_caches()
    try:
        if name == "no operators":
            try: import torchvision
            except RuntimeError as error: told["first try"] = str(error)
        sys.modules.pop("morec.torchvision_guard", None)
        guard = importlib.import_module("morec.torchvision_guard")
        told[name] = [guard.DECLARED is not None, hasattr(torch.ops.torchvision, "nms")]
    except RuntimeError as error:
        told[name] = str(error)
print(json.dumps(told))
"""


def run(code: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT)},
    )


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """Case -> whether the guard declared operators, and whether there are any; or its error."""
    done = run(TOLD, str(tmp_path_factory.mktemp("cases")), json.dumps(CASES))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_torchvision_without_its_operators_gets_them_named(told: dict[str, object]) -> None:
    assert told["first try"] == "operator torchvision::nms does not exist"
    assert told["no operators"] == [True, True]


def test_a_healthy_or_missing_torchvision_is_not_changed(told: dict[str, object]) -> None:
    assert told["healthy"] == told["missing"] == [False, False]


def test_another_failure_is_not_hidden(told: dict[str, object]) -> None:
    assert told["another failure"] == "out of luck"


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
