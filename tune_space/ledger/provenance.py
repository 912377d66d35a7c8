"""Where a result comes from: package versions, the checkout, the machine."""

import os
import platform
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from morec.code_version import TRAINING, installed_version
from morec.config import SCHEMA_VERSION
from morec.results import TrialResult
from morec.trial_code import extensions_used

IN_STUDIES = ("optuna", "plotly")
"""Packages that search and report, which no trial imports."""


def versions() -> dict[str, str]:
    """The versions a manifest records: of Python, this project, and what trains and searches."""
    packages = ("morec-studies", *TRAINING, *IN_STUDIES)
    return {"python": platform.python_version(), **{p: installed_version(p) for p in packages}}


def git_state(source: Path = Path(__file__)) -> dict[str, str]:
    """Revision and state of the checkout that this source file is part of; empty outside of one.

    An environment inside somebody's repository is no part of it: the file has to be tracked.
    """
    if not _git(source.parent, "ls-files", "--error-unmatch", source.name):
        return {}
    revision = _git(source.parent, "rev-parse", "HEAD")
    state = "modified" if _git(source.parent, "status", "--porcelain") else "clean"
    return {"revision": revision, "state": state}


def other_code(records: Iterable[TrialResult], code: Mapping[str, str]) -> list[str]:
    """Which of ``records`` were not made by ``code`` and the installed packages, a line for each.

    Such trials are not trained again, because most changes of code change no number. Whoever uses
    their records says so with these lines. Records of another schema are left to ``other_schema``.
    """
    differences = (
        _differing(record.code, {**code, **extensions_used(record.config)})
        for record in records
        if record.schema_version == SCHEMA_VERSION
    )
    return [
        f"{number} record{'s' * (number != 1)} made by other code ({difference}): they count as "
        "they are; --fresh trains everything anew"
        for difference, number in Counter(filter(None, differences)).items()
    ]


def other_schema(records: Iterable[TrialResult]) -> list[str]:
    """How many of ``records`` have configurations that meant something else then, a line a schema.

    The same configuration is another trial today: no study asks for such a record any more.
    """
    versions = (one.schema_version for one in records if one.schema_version != SCHEMA_VERSION)
    return [
        f"{number} record{'s' * (number != 1)} of schema {version}: configurations meant something "
        f"else than today, in schema {SCHEMA_VERSION} (the changelog says what). The same "
        "command trains these trials again and keeps the records"
        for version, number in sorted(Counter(versions).items())
    ]


def _differing(other: Mapping[str, str], code: Mapping[str, str]) -> str:
    if not other:
        return "they do not say which"
    names = [name for name in {**other, **code} if other.get(name) != code.get(name)]
    return ", ".join(f"{name} {other.get(name)}, not {code.get(name)}" for name in names)


def machine() -> str:
    """Processor architecture, cores and operating system."""
    return f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}"


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()
