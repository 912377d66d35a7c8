"""Where a result comes from: package versions, the checkout, the machine."""

import os
import platform
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from morec.code_version import installed_version
from morec.results import TrialResult
from morec.trial_code import extensions_used

PACKAGES = (
    "morec-studies", "ray", "torch", "torchvision", "transformers", "timm", "optuna", "numpy",
    "pandas", "plotly", "pydantic", "tokenizers",
)  # fmt: skip


def versions() -> dict[str, str]:
    """Python's and every relevant package's version."""
    return {
        "python": platform.python_version(),
        **{package: installed_version(package) for package in PACKAGES},
    }


def git_state() -> dict[str, str]:
    """Revision and state of the checkout this code runs from; empty outside of one."""
    revision = _git("rev-parse", "HEAD")
    if not revision:
        return {}
    state = "modified" if _git("status", "--porcelain") else "clean"
    return {"revision": revision, "state": state}


def other_code(records: Iterable[TrialResult], code: Mapping[str, str]) -> list[str]:
    """Which of ``records`` were not made by ``code`` and the installed packages, a line for each.

    They are not trained again, since most changes of code change no number; that they are of
    another code is said wherever they are used.
    """
    differences = (
        _differing(record.code, {**code, **extensions_used(record.config)}) for record in records
    )
    return [
        f"{number} record{'s' * (number != 1)} made by other code ({difference}): they count as "
        "they are; --fresh trains everything anew"
        for difference, number in Counter(filter(None, differences)).items()
    ]


def _differing(other: Mapping[str, str], code: Mapping[str, str]) -> str:
    if not other:
        return "they do not say which"
    names = [name for name in {**other, **code} if other.get(name) != code.get(name)]
    return ", ".join(f"{name} {other.get(name)}, not {code.get(name)}" for name in names)


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
