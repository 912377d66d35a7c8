"""What a manifest says of its making: package versions, the checkout, the machine."""

import platform
import subprocess
import tomllib
from importlib.metadata import version
from pathlib import Path
from re import match

from morec.code_version import IN_TRIALS, code_version
from tune_space.ledger.provenance import IN_STUDIES, git_state, machine, versions

ROOT = Path(__file__).parents[3]


def test_recorded_versions_and_code_keep_their_keys() -> None:
    assert set(versions()) == {
        "python", "morec-studies", "ray", "torch", "torchvision", "transformers", "timm", "optuna",
        "numpy", "pandas", "plotly", "pydantic", "tokenizers",
    }  # fmt: skip
    assert list(code_version()) == ["morec", "torch", "numpy", "transformers", "timm"]


def test_every_package_that_is_asked_for_its_version_is_a_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    names = {found[0] for text in project["dependencies"] if (found := match(r"[\w-]+", text))}
    assert {*IN_TRIALS, *IN_STUDIES} <= names


def test_versions_are_those_installed() -> None:
    found = versions()
    assert found["python"] == platform.python_version()
    assert found["ray"] == version("ray")
    assert found["torch"] == version("torch")


def test_the_checkout_is_named_by_revision_and_state() -> None:
    found = git_state()
    assert found == {} or (len(found["revision"]) == 40 and found["state"] in ("clean", "modified"))


def test_an_environment_inside_a_repository_is_no_part_of_it(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        who = ("-c", "user.name=a", "-c", "user.email=a@b")
        done = ["git", "-C", str(tmp_path), *who, *words]
        return subprocess.run(done, check=True, capture_output=True, text=True).stdout.strip()

    git("init")
    for name in ("ours.py", "installed.py"):
        (tmp_path / name).write_text("")
    git("add", "ours.py")
    git("commit", "-m", "one")
    (tmp_path / ".gitignore").write_text("installed.py")
    assert git_state(tmp_path / "installed.py") == {}
    tracked = {"revision": git("rev-parse", "HEAD"), "state": "modified"}
    assert git_state(tmp_path / "ours.py") == tracked


def test_the_machine_is_named_with_its_cores() -> None:
    assert f"{platform.machine()}, " in machine()
    assert " cores, " in machine()
