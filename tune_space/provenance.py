"""Where a result comes from: package versions, the checkout, the machine."""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = (
    "morec-studies", "ray", "torch", "torchvision", "transformers", "timm", "optuna", "numpy",
    "pandas", "plotly", "pydantic", "tokenizers",
)  # fmt: skip


def versions() -> dict[str, str]:
    """Python's and every relevant package's version."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def git_state() -> dict[str, str]:
    """Revision and state of the checkout this code runs from; empty outside of one."""
    revision = _git("rev-parse", "HEAD")
    if not revision:
        return {}
    state = "modified" if _git("status", "--porcelain") else "clean"
    return {"revision": revision, "state": state}


def machine() -> str:
    """Processor architecture, cores and operating system."""
    return f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}"


def _git(*arguments: str) -> str:
    folder = Path(__file__).parent
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()
