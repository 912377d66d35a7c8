"""A wheel of this project, and its command as an installer would leave it."""

import os
import subprocess
import sys
from pathlib import Path
from shutil import copytree, ignore_patterns
from zipfile import ZipFile

ROOT = Path(__file__).parents[1]
PACKAGES = ("morec", "tune_space", "reports", "studies")
RUBBISH = (
    *("runs/mine/manifest.json", "studies/runs/mine/manifest.json", "studies/data/items.csv"),
    *("studies/.env", "morec/artefacts/features.safetensors", "reports/.pytest_cache/x.json"),
    *("tune_space/__pycache__/spec.cpython-311.pyc", "morec/data/notes.json"),
)
"""What lies about where people work, and belongs into no wheel."""
COMMAND = """\
import sys
from studies.run import main
sys.exit(main())
"""


def build_wheel(folder: Path) -> ZipFile:
    """Build it below ``folder``, of a copy, since building leaves traces, and without a network."""
    source, out = folder / "source", folder / "wheel"
    source.mkdir()
    out.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        (source / name).write_bytes((ROOT / name).read_bytes())
    for package in (*PACKAGES, "tests"):
        copytree(ROOT / package, source / package, ignore=_left_out)
    for name in RUBBISH:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text("{}")
    code = f"from setuptools import build_meta; build_meta.build_wheel({str(out)!r})"
    subprocess.run([sys.executable, "-c", code], cwd=source, check=True, capture_output=True)
    (built,) = out.glob("*.whl")
    return ZipFile(built)


def _left_out(folder: str, names: list[str]) -> set[str]:
    """Compiled files, and what was downloaded for the studies."""
    downloaded = {"data"} if Path(folder) == ROOT / "studies" else set()
    return ignore_patterns("__pycache__")(folder, names) | downloaded


def install(wheel: ZipFile, folder: Path) -> tuple[Path, Path]:
    """Where its packages lie now, and its command ``morec``; what it needs stays where it is."""
    site, command = folder / "site", folder / "bin" / "morec"
    wheel.extractall(site)
    command.parent.mkdir()
    command.write_text(COMMAND)
    return site, command


def run_installed(
    installed: tuple[Path, Path], words: list[str], *, cwd: Path, timeout: float | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run the command that ``install`` gave, in a process of its own."""
    site, command = installed
    return subprocess.run(
        [sys.executable, str(command), *words],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(site)},
        timeout=timeout,
        check=False,
    )
