"""Deletes what no result needs: shared artefacts, and checkpoints that no trial continues from.

Deletes only files and folders that this project names itself, inside the folders it makes. Links
are neither deleted nor followed.
"""

import json
import re
import shutil
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from morec.encoders.artefacts import META
from morec.errors import FolderInUseError
from tune_space.capacity.machine import format_bytes
from tune_space.commands.request import Answer, Request
from tune_space.ledger.layout import (
    ARTEFACTS,
    CHECKPOINTS,
    MANIFEST,
    RAY_TRAIN,
    RAY_TUNE,
    path_bytes,
)
from tune_space.ledger.locks import alone, hold, holder_pid
from tune_space.ledger.manifest import trials_of
from tune_space.ledger.records import Ledger

Kind = Literal["artefacts", "checkpoints"]
ARTEFACT = re.compile(r"\.?[a-z][a-z-]*-[0-9a-f]{16}(\.part|\.lock)?")
"""Names in a store: artefacts, unfinished ones, their locks, and checkpoints of second rounds."""


@dataclass(frozen=True)
class Store:
    """The artefact store next to some studies."""

    folder: Path
    paths: tuple[Path, ...]
    users: tuple[str, ...]
    """Names of the studies next to the store that have used one of its artefacts."""

    def format(self) -> str:
        """The store in words."""
        number = sum((path / META).is_file() for path in self.paths)
        seconds = sum(map(_seconds, self.paths))
        users = f", used by {', '.join(self.users)}" if self.users else ""
        return (
            f"{self.folder}: {_format_size(self.paths)} in {number} artefacts, "
            f"{seconds:.0f} s to make again{users}"
        )


@dataclass(frozen=True)
class Saved:
    """A study's checkpoints."""

    folder: Path
    ended: tuple[Path, ...]
    """Checkpoints that no trial continues from, and Ray's files that killed runs left behind."""
    unfinished: tuple[Path, ...]
    """Checkpoints of trials that the next run continues."""

    def format(self) -> str:
        """The study's checkpoints in words."""
        return (
            f"{self.folder / CHECKPOINTS}: {_format_size(self.ended)} of trials that have ended, "
            f"{_format_size(self.unfinished)} of {len(self.unfinished)} unfinished trials, which "
            "are kept"
        )


def answer(request: Request) -> Answer:
    """Say what may be deleted or, with the words after ``--clean``, delete it."""
    return Answer(tuple(clean(request.out, request.argument)))


def look(runs: Path) -> tuple[Store, tuple[Saved, ...]]:
    """The store and the checkpoints below ``runs``, the folder of the studies' output folders.

    Raises:
        DataError: a study's manifest cannot be read, so that what it needs is unknown.
    """
    studies = sorted(path.parent for path in runs.glob(f"*/{MANIFEST}"))
    store = runs / ARTEFACTS
    # Only what has the name of something that a store makes.
    paths = tuple(
        path
        for path in sorted(store.glob("*"))
        if ARTEFACT.fullmatch(path.name) and not path.is_symlink()
    )
    users = (folder.name for folder in studies if _uses(folder, paths))
    return Store(store, paths, tuple(users)), tuple(_saved(folder) for folder in studies)


def clean(runs: Path, kinds: Collection[Kind]) -> list[str]:
    """Delete ``kinds`` below ``runs`` where nothing uses them; without kinds, say what there is.

    Raises:
        FolderInUseError: a study uses the artefacts.
        DataError: a study's manifest cannot be read.
    """
    store, studies = look(runs)
    if not kinds:
        return [
            store.format(),
            *(saved.format() for saved in studies),
            "--clean artefacts, --clean checkpoints delete them; results, reports and data stay",
        ]
    lines = [_clean_store(store, studies)] if "artefacts" in kinds else []
    if "checkpoints" in kinds:
        lines += [_clean_study(saved.folder) for saved in studies]
    return lines


def _clean_store(store: Store, studies: Collection[Saved]) -> str:
    if not store.paths:
        return f"{store.folder}: nothing to delete"
    try:
        with alone(store.folder):
            return _delete(store.folder, store.paths)
    except FolderInUseError as error:
        running = [f"process {pid} in {s.folder}" for s in studies if (pid := holder_pid(s.folder))]
        who = ", ".join(running) or "a process that runs a study elsewhere"
        raise FolderInUseError(f"{error}: {who}; wait for it or stop it first") from error


def _clean_study(folder: Path) -> str:
    try:
        with hold(folder):
            # Read again with the lock held: a run may have ended since the first time.
            return _delete(folder / CHECKPOINTS, _saved(folder).ended)
    except FolderInUseError as error:
        return f"nothing deleted: {error}"


def _delete(where: Path, paths: Collection[Path]) -> str:
    deleted = f"{where}: {_format_size(paths)} deleted"
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    return deleted


def _format_size(paths: Iterable[Path]) -> str:
    return format_bytes(sum(map(path_bytes, paths)))


def _uses(folder: Path, paths: Collection[Path]) -> bool:
    """Whether the study in ``folder`` has used one of these artefacts."""
    keys = {each.key for each in Ledger(folder).manifest().preparations}
    return bool(keys & {path.name for path in paths})


def _saved(folder: Path) -> Saved:
    ledger = Ledger(folder)
    manifest = ledger.manifest()
    wanted = trials_of(manifest.arms) | set(manifest.running)
    open_trials = wanted.difference(ledger.recorded())
    found = [path for path in sorted((folder / CHECKPOINTS).glob("*")) if not path.is_symlink()]
    ended = [path for path in found if path.name not in open_trials]
    left = [folder / name for name in (RAY_TUNE, RAY_TRAIN) if (folder / name).is_dir()]
    unfinished = (path for path in found if path.name in open_trials)
    return Saved(folder, (*ended, *left), tuple(unfinished))


def _seconds(path: Path) -> float:
    """Seconds an artefact took to make; 0 where it does not say."""
    try:
        return float(json.loads((path / META).read_text(encoding="utf-8"))["seconds"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0.0
