"""A content-addressed store of what many trials share: tokens, pixels, features, frozen states.

An artefact is a folder named after the hash of its key. It is made once, under a lock, in a folder
of another name, and renamed when it is complete; trials memory-map its arrays. Where machines have
no folder in common it goes up to a storage once, and each of them fetches it into its own cache.
"""

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from filelock import FileLock
from huggingface_hub import constants

from morec.config import canonical_json
from morec.errors import DataError
from morec.results import write_atomically
from morec.storage import Storage

FORMAT = 2
"""Part of every key: raise it when the content of an artefact with the same key changes."""
META = "meta.json"


@dataclass(frozen=True)
class Artefact:
    """One complete artefact on disk."""

    path: Path
    seconds: float
    """Seconds that making it took, interrupted attempts included."""
    num_bytes: int

    def array(self, name: str) -> npt.NDArray[Any]:
        """Memory-map ``<name>.npy``; trials share its pages, and writes stay private."""
        return np.load(self.path / f"{name}.npy", mmap_mode="c")  # type: ignore[no-any-return]


class ArtefactStore:
    """Artefacts in a local folder and, if one is given, in a storage that machines share."""

    def __init__(
        self, folder: Path, storage: Storage | None = None, *, verify: bool = False
    ) -> None:
        """``verify``: check the SHA-256 of every file when its artefact is first opened."""
        self.folder = folder
        self.storage = storage
        self._verify = verify
        self._verified: set[Path] = set()
        self._asked_for: set[str] = set()

    def get_or_make(
        self, name: str, key: Mapping[str, Any], make: Callable[[Path], float | None]
    ) -> Artefact:
        """Find the artefact of ``key`` or have ``make`` fill an empty folder with its files.

        ``make`` may return the seconds that earlier, interrupted attempts took.
        Opening checks that every file has its recorded size, and with ``verify`` its SHA-256; an
        artefact that fails is fetched or made again.

        Raises:
            DataError: a file of the artefact in the storage is damaged.
        """
        path = self.folder / f"{name}-{_digest(name, key)}"
        self._asked_for.add(path.name)
        found = self._get(path)
        if found is None:
            with self._lock(path):
                found = self._open(path) or _make(path, key, make)
        self._verified.add(path)
        return found

    def find(self, name: str, key: Mapping[str, Any]) -> Artefact | None:
        """The artefact of ``key`` in the local folder; None if it is not complete there."""
        return self._open(self.folder / f"{name}-{_digest(name, key)}")

    def _open(self, path: Path) -> Artefact | None:
        return _open(path, verify=self._verify and path not in self._verified)

    def named(self, name: str) -> Artefact:
        """The artefact whose folder has this name.

        Raises:
            DataError: there is none, or a file of the one in the storage is damaged.
        """
        found = self._get(self.folder / name)
        if found is None:
            places = [str(self.folder), *([self.storage.place] if self.storage else [])]
            raise DataError(f"no artefact {name} in {' or '.join(places)}")
        return found

    def publish(self) -> None:
        """Upload every artefact that was asked for by its key, unless the storage has it.

        Raises:
            DataError: a local file is damaged.
        """
        for name in sorted(self._asked_for):
            assert self.storage is not None, name
            path, target = self.folder / name, self.storage.within(name)
            sizes = {str(file.relative_to(path)): file.stat().st_size for file in _files(path)}
            if target.sizes() == sizes:
                continue
            if _open(path, verify=True) is None:
                raise DataError(f"{path}: a file is not what it was made as; delete the folder")
            # The list of the files goes last: without it an artefact counts as incomplete.
            for file in sorted(sizes, key=lambda file: (file == META, file)):
                target.put(path / file, file)

    def _get(self, path: Path) -> Artefact | None:
        """The artefact in the local folder or, if there is none, fetched from the storage."""
        found = self._open(path)
        if found is not None or self.storage is None:
            return found
        with self._lock(path):
            return self._open(path) or _fetch(path, self.storage.within(path.name))

    def _lock(self, path: Path) -> FileLock:
        self.folder.mkdir(parents=True, exist_ok=True)
        return FileLock(self.folder / f".{path.name}.lock")


def local_cache() -> Path:
    """Folder of the artefacts that one machine keeps for itself, next to the model hub's cache."""
    return Path(constants.HF_HOME) / "morec-studies"


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
    with _partial(path) as partial:
        started = time.perf_counter()
        earlier_s = make(partial) or 0.0
        _write_meta(partial, key, earlier_s + time.perf_counter() - started)
    made = _open(path, verify=False)
    assert made is not None, path
    return made


def _fetch(path: Path, source: Storage) -> Artefact | None:
    """Fetch an artefact that is complete in the storage; None if there is none.

    Raises:
        DataError: a file of it is damaged.
    """
    sizes = source.sizes()
    if META not in sizes:
        return None
    with _partial(path) as partial:
        for name in sizes:
            source.get(name, partial / name)
        if _open(partial, verify=True) is None:
            raise DataError(
                f"{source.place}: a file has another size or SHA-256 than {META} says; delete this "
                "folder, and the next start of the study puts it there again"
            )
    return _open(path, verify=False)


@contextmanager
def _partial(path: Path) -> Iterator[Path]:
    """An empty folder to fill; it replaces ``path`` if nothing is raised inside."""
    partial = path.with_name(f".{path.name}.part")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        yield partial
        shutil.rmtree(path, ignore_errors=True)
        partial.rename(path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _files(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file()]


def _write_meta(folder: Path, key: Mapping[str, Any], seconds: float) -> None:
    files = {
        str(file.relative_to(folder)): {
            "num_bytes": file.stat().st_size,
            "sha256": file_sha256(file),
        }
        for file in _files(folder)
    }
    meta = {"key": dict(key), "seconds": seconds, "files": files}
    write_atomically(folder / META, json.dumps(meta, indent=1, sort_keys=True) + "\n")
