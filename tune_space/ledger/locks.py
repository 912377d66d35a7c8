"""Locks: one process at a time in a study's output folder, and the artefact store while in use."""

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
    """Hold ``folder`` while a study runs in it; the lock ends with the process at the latest.

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
    """Use the artefacts in ``store``, as other processes may; none can delete them meanwhile."""
    store.mkdir(parents=True, exist_ok=True)
    with (store / STORE_LOCK).open("a") as stream:
        fcntl.flock(stream, fcntl.LOCK_SH)
        yield


@contextmanager
def alone(store: Path) -> Iterator[None]:
    """Keep every other process from using the artefacts in ``store``.

    Raises:
        FolderInUseError: another process uses them.
    """
    with (store / STORE_LOCK).open("a") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FolderInUseError(f"{store} is in use") from error
        yield


def set_aside(folder: Path) -> Path | None:
    """Rename ``folder`` to the first free ``<folder>.<n>``; None where there is no such folder.

    Raises:
        FolderInUseError: a study runs in it.
    """
    if not folder.exists():
        return None
    with hold(folder):
        numbered = (folder.with_name(f"{folder.name}.{n}") for n in count(1))
        return folder.rename(next(path for path in numbered if not path.exists()))


def holder_pid(folder: Path) -> int | None:
    """The pid of the process that runs a study in ``folder``, or None if none does."""
    if not (folder / LOCK).exists():
        return None
    try:
        with FileLock(folder / LOCK).acquire(timeout=0):
            return None
    except Timeout:
        return _holder(folder)


def _holder(folder: Path) -> int | None:
    try:
        pid: int = json.loads((folder / HOLDER).read_text(encoding="utf-8"))["pid"]
    except (OSError, ValueError, KeyError):
        return None
    return pid
