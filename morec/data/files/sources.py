"""Finds the files that a dataset is read from, and names their content by a hash."""

import errno
import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from morec.errors import DataError, did_you_mean


def locate(paths: Sequence[str], root: Path) -> list[Path]:
    """Return ``paths``, relative to ``root``, as existing files.

    Raises:
        DataError: some are missing; names all of them, each with the nearest name in its folder.
    """
    found = [root / path for path in paths]
    missing = [_is_missing(path) for path in found if not is_file(path)]
    if missing:
        raise DataError("\n".join(missing))
    return found


def hash_files(paths: Iterable[Path], images: Iterable[Path | None] = ()) -> str:
    """Return a SHA-256 over the bytes of ``paths`` and over the names and sizes of ``images``.

    Images are not read, since that would take minutes: an image that is replaced by another of the
    same name and number of bytes does not change the hash.
    """
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    for image in images:
        is_there = image is not None and is_file(image)
        line = f"{image.name} {image.stat().st_size}\n" if image and is_there else "missing\n"
        digest.update(line.encode())
    return digest.hexdigest()


def is_file(path: Path) -> bool:
    """Whether ``path`` is a file; a name that is too long for any file is none."""
    try:
        return path.is_file()
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        return False


def _is_missing(path: Path) -> str:
    if not path.parent.is_dir():
        return f"{path}: the folder {path.parent} does not exist"
    siblings = [sibling.name for sibling in path.parent.iterdir() if sibling.is_file()]
    return f"{path}: no such file.{did_you_mean(path.name, siblings)}"
