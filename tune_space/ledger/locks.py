"""One process at a time in a study's output folder."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from filelock import FileLock, Timeout

from morec.errors import FolderInUseError
from morec.results import write_atomically
from tune_space.ledger.layout import HOLDER, LOCK, STORE_LOCK


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Hold ``folder`` while a study runs in it; the lock goes with the process, however it ends.

    Raises:
        FolderInUseError: another process holds it; the message names its pid.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise FolderInUseError(
            f"{folder}: process {_holder(folder)} runs a study here; wait for it, stop it, or "
            "give another folder with --out"
        ) from error
    try:
        write_atomically(folder / HOLDER, json.dumps({"pid": os.getpid()}))
        yield
    finally:
        (folder / HOLDER).unlink(missing_ok=True)
        lock.release()


@contextmanager
def shared(store: Path) -> Iterator[None]:
    """Use the artefacts in ``store`` beside others; nobody deletes them meanwhile."""
    store.mkdir(parents=True, exist_ok=True)
    with (store / STORE_LOCK).open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_SH)
        yield


@contextmanager
def alone(store: Path) -> Iterator[None]:
    """Have the artefacts in ``store`` for oneself.

    Raises:
        FolderInUseError: somebody uses them.
    """
    with (store / STORE_LOCK).open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FolderInUseError(f"{store} is in use") from error
        yield


def set_aside(folder: Path) -> Path | None:
    """Rename ``folder`` to the first free ``<folder>.<n>``; None where there is none to rename.

    Raises:
        FolderInUseError: a study runs in it.
    """
    if not folder.exists():
        return None
    with hold(folder):
        numbered = (folder.with_name(f"{folder.name}.{n}") for n in count(1))
        aside = next(path for path in numbered if not path.exists())
        return folder.rename(aside)


def holder_pid(folder: Path) -> int | None:
    """The pid of the process that runs a study in ``folder``, or None if none does."""
    lock = FileLock(folder / LOCK)
    if not (folder / LOCK).exists():
        return None
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return _holder(folder)
    lock.release()
    return None


def _holder(folder: Path) -> int | None:
    try:
        pid: int = json.loads((folder / HOLDER).read_text(encoding="utf-8"))["pid"]
    except (OSError, ValueError, KeyError):
        return None
    return pid
