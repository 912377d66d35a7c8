"""A content-addressed store of what many trials share: tokens, pixels, features, frozen states.

An artefact is a folder named after the hash of its key. It is made once, under a lock, in a folder
of another name, and renamed when it is complete; trials memory-map its arrays.
"""

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from filelock import FileLock

from morec.config import canonical_json
from morec.results import write_atomically

FORMAT = 1
"""Part of every key: raise it when the content of an artefact with the same key changes."""
META = "meta.json"


@dataclass(frozen=True)
class Artefact:
    """One complete artefact on disk."""

    path: Path
    seconds: float
    """What making it took, whenever that was and however often it was interrupted."""
    num_bytes: int

    def array(self, name: str) -> npt.NDArray[Any]:
        """Memory-map ``<name>.npy``; trials share its pages, and writes stay private."""
        return np.load(self.path / f"{name}.npy", mmap_mode="c")  # type: ignore[no-any-return]


class ArtefactStore:
    """The artefacts under one folder."""

    def __init__(self, folder: Path, *, verify: bool = False) -> None:
        """``verify``: check the content of every artefact when it is first opened here."""
        self.folder = folder
        self._verify = verify
        self._verified: set[Path] = set()

    def get_or_make(
        self, name: str, key: Mapping[str, Any], make: Callable[[Path], float | None]
    ) -> Artefact:
        """Find the artefact of ``key`` or have ``make`` fill an empty folder with its files.

        ``make`` may return the seconds that earlier, interrupted attempts took.
        Opening checks that every file has its recorded size, and with ``verify`` its SHA-256; an
        artefact that fails is made again.
        """
        path = self.folder / f"{name}-{_digest(name, key)}"
        found = self._open(path)
        if found is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self.folder / f".{path.name}.lock"):
                found = self._open(path) or _make(path, key, make)
        self._verified.add(path)
        return found

    def _open(self, path: Path) -> Artefact | None:
        return _open(path, verify=self._verify and path not in self._verified)


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _digest(name: str, key: Mapping[str, Any]) -> str:
    identity = {"format": FORMAT, "name": name, "key": dict(key)}
    return hashlib.sha256(canonical_json(identity).encode()).hexdigest()[:16]


def _open(path: Path, *, verify: bool) -> Artefact | None:
    try:
        meta = json.loads((path / META).read_text(encoding="utf-8"))
        is_whole = all(
            (path / name).stat().st_size == known["num_bytes"]
            and (not verify or file_sha256(path / name) == known["sha256"])
            for name, known in meta["files"].items()
        )
        num_bytes = sum(known["num_bytes"] for known in meta["files"].values())
        return Artefact(path, meta["seconds"], num_bytes) if is_whole else None
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _make(path: Path, key: Mapping[str, Any], make: Callable[[Path], float | None]) -> Artefact:
    partial = path.with_name(f".{path.name}.part")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        started = time.perf_counter()
        earlier_s = make(partial) or 0.0
        seconds = earlier_s + time.perf_counter() - started
        _write_meta(partial, key, seconds)
        shutil.rmtree(path, ignore_errors=True)
        partial.rename(path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    made = _open(path, verify=False)
    assert made is not None, path
    return made


def _write_meta(folder: Path, key: Mapping[str, Any], seconds: float) -> None:
    files = {
        str(file.relative_to(folder)): {
            "num_bytes": file.stat().st_size,
            "sha256": file_sha256(file),
        }
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }
    meta = {"key": dict(key), "seconds": seconds, "files": files}
    write_atomically(folder / META, json.dumps(meta, indent=1, sort_keys=True) + "\n")
