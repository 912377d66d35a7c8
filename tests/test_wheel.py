"""The wheel holds what runs and nothing else, and its command works far from the checkout."""

import subprocess
import sys
from pathlib import Path
from shutil import copytree, ignore_patterns
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("morec", "tune_space", "reports", "studies")
SHIPPED = (".py", ".yaml", ".j2", ".json", ".typed")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    """Built from a copy, since building leaves traces; with the setuptools that is installed."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        (source / name).write_bytes((ROOT / name).read_bytes())
    for package in (*PACKAGES, "tests"):
        copytree(ROOT / package, source / package, ignore=ignore_patterns("__pycache__", "data"))
    copytree(ROOT / "morec" / "data", source / "morec" / "data", dirs_exist_ok=True)
    code = f"from setuptools import build_meta; build_meta.build_wheel({str(out)!r})"
    subprocess.run([sys.executable, "-c", code], cwd=source, check=True, capture_output=True)
    (built,) = out.glob("*.whl")
    return ZipFile(built)


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


def test_it_has_the_licence_and_the_command(wheel: ZipFile) -> None:
    about = {name.partition(".dist-info/")[2]: name for name in wheel.namelist()}
    assert wheel.read(about["licenses/LICENSE"]) == (ROOT / "LICENSE").read_bytes()
    command = wheel.read(about["entry_points.txt"]).decode()
    assert command.split() == ["[console_scripts]", "morec", "=", "studies.run:main"]


def test_it_runs_far_from_the_checkout(wheel: ZipFile, tmp_path: Path) -> None:
    """Unpacked as an installer would and called by its entry point; what it needs is here."""
    site, here = tmp_path / "site", tmp_path / "here"
    here.mkdir()
    wheel.extractall(site)
    code = (
        "import sys; sys.argv[0] = 'morec'; sys.path.insert(0, sys.argv.pop(1)); "
        "from studies.run import main; import morec; print(morec.__file__); sys.exit(main())"
    )
    for words in (["--list"], ["smoke", "--plan"], ["--schema"]):
        done = subprocess.run(
            [sys.executable, "-I", "-c", code, str(site), *words],
            capture_output=True,
            text=True,
            cwd=here,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        first, *said = done.stdout.splitlines()
        assert first.startswith(str(site))
        assert said
    assert list(here.iterdir()) == []
