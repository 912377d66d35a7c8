"""Nothing in a study file or a data file can run code: what could is not called, or named here."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("morec", "tune_space", "reports", "studies")
SOURCES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
RUNS_CODE = {
    *("eval", "exec", "compile", "__import__"),
    *("os.system", "os.popen", "subprocess.call", "subprocess.Popen", "subprocess.check_output"),
    *("pickle.load", "pickle.loads", "yaml.load", "yaml.unsafe_load", "yaml.full_load"),
    *("marshal.loads", "shelve.open", "joblib.load", "zipfile.ZipFile", "tarfile.open"),
    *("runpy.run_path", "importlib.import_module", "shutil.unpack_archive"),
}
KNOWN = {
    # Of the packaged file, whose hash is checked:
    ("morec/data/readers/movielens.py", "pd.read_pickle"),
    # Of names that stand in the source:
    ("studies/run.py", "importlib.import_module"),
    ("tune_space/commands/doctor.py", "importlib.import_module"),
    ("morec/torchvision_guard.py", "importlib.import_module"),
    ("morec/extensions.py", "importlib.import_module"),
    # Of this Python, with a tracker's name that the study's check let pass:
    ("reports/live_trackers.py", "subprocess.Popen"),
}
SAFE = {"weights_only": True, "trust_remote_code": False, "allow_pickle": False}
"""Arguments that must have this value wherever they are given."""


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_source_calls_what_runs_code_from_data(path: Path) -> None:
    name = str(path.relative_to(ROOT))
    found = {call for call, _ in calls(path) if call in RUNS_CODE or call.endswith("read_pickle")}
    assert {(name, call) for call in found} <= KNOWN
    for call, node in calls(path):
        given = {word.arg: ast.unparse(word.value) for word in node.keywords}
        assert all(given.get(key, str(safe)) == str(safe) for key, safe in SAFE.items()), call
        if call == "torch.load":
            assert given.get("weights_only") == "True"
        if "shell" in given:
            assert given["shell"] == "False", call


def test_models_of_the_hub_run_no_code_of_theirs() -> None:
    """Every loader of transformers that could is told not to."""
    loaders = [
        (path, call, node)
        for path in SOURCES
        for call, node in calls(path)
        if call.startswith("Auto") and call.endswith(".from_pretrained")
    ]
    assert len(loaders) >= 3
    for path, call, node in loaders:
        given = {word.arg: ast.unparse(word.value) for word in node.keywords}
        assert given.get("trust_remote_code", "False") == "False", (path, call)
