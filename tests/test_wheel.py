"""The wheel holds what runs and nothing else, and its command works far from the checkout."""

from pathlib import Path, PurePath
from zipfile import ZipFile

import pytest

from tests.wheels import PACKAGES, ROOT, build_wheel, install, run_installed

SHIPPED = (".py", ".yaml", ".j2", ".json", ".typed")
DATA = {
    "morec": {"morec/py.typed"},
    "tune_space": {"tune_space/py.typed"},
    "reports": {"reports/py.typed", "reports/page/templates/*.j2"},
    "studies": {"studies/*.yaml", "studies/study.schema.json"},
}
"""Package -> what is not Python in it."""
ABOUT = {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "top_level.txt", "licenses/LICENSE"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    return build_wheel(tmp_path_factory.mktemp("built"))


def contents(wheel: ZipFile) -> set[str]:
    return {name for name in wheel.namelist() if ".dist-info/" not in name}


def test_it_holds_every_module_study_template_and_marker_and_nothing_else(wheel: ZipFile) -> None:
    there = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.suffix in SHIPPED and not path.is_relative_to(ROOT / "studies" / "data")
    }
    assert contents(wheel) == there
    assert {"studies/fusion.yaml", "studies/study.schema.json", "morec/py.typed"} <= there
    assert "reports/page/templates/style.css.j2" in there


def test_it_has_four_packages_with_their_data_and_says_what_it_is(wheel: ZipFile) -> None:
    assert {name.partition("/")[0] for name in contents(wheel)} == set(DATA)
    for package, patterns in DATA.items():
        data = {n for n in contents(wheel) if n.startswith(f"{package}/") and n[-3:] != ".py"}
        assert {n for n in data if not any(PurePath(n).match(one) for one in patterns)} == set()
        assert all(any(PurePath(n).match(one) for n in data) for one in patterns)
    about = {name.partition(".dist-info/")[2] for name in wheel.namelist()}
    assert about - {""} == ABOUT


def test_it_has_no_test_run_cache_or_setting_of_anybody(wheel: ZipFile) -> None:
    """``build_wheel`` puts some of each into the tree that it builds of."""
    left_out = {
        "tests",
        "runs",
        "__pycache__",
        ".env",
        ".git",
        ".pytest_cache",
        "artefacts",
    }
    parts = {part for name in contents(wheel) for part in PurePath(name).parts}
    assert not parts & left_out
    assert not any(name.endswith((".pyc", ".ipynb", ".md", ".safetensors")) for name in parts)


def test_it_has_the_licence_and_the_command(wheel: ZipFile) -> None:
    about = {name.partition(".dist-info/")[2]: name for name in wheel.namelist()}
    assert wheel.read(about["licenses/LICENSE"]) == (ROOT / "LICENSE").read_bytes()
    command = wheel.read(about["entry_points.txt"]).decode()
    assert command.split() == ["[console_scripts]", "morec", "=", "studies.run:main"]


def test_its_command_works_far_from_the_checkout(wheel: ZipFile, tmp_path: Path) -> None:
    installed = install(wheel, tmp_path)
    here = tmp_path / "here"
    here.mkdir()
    for words, said in (
        (["--list"], "morec NAME runs one; --plan says before what it takes"),
        (["smoke", "--plan"], "Plan of smoke"),
        (["--schema"], '"$schema": "http://json-schema.org/draft-07/schema#",'),
        (["--status", "nowhere.yaml"], ""),
    ):
        done = run_installed(installed, words, cwd=here)
        assert done.returncode == (0 if said else 2), done.stderr
        assert str(ROOT) not in done.stdout + done.stderr
        assert not said or said in done.stdout.splitlines()
    assert list(here.iterdir()) == []
