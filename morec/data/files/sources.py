"""The files a dataset is read from: finding them, and naming their content by a hash."""

import errno
import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from morec.errors import DataError, did_you_mean


def locate(paths: Sequence[str], root: Path) -> list[Path]:
    """Return the files that ``paths``, relative to ``root``, name.

    Raises:
        DataError: some are missing; names them all and the nearest file in their folder.
    """
    found = [root / path for path in paths]
    missing = [_is_missing(path) for path in found if not is_file(path)]
    if missing:
        raise DataError("\n".join(missing))
    return found


def hash_files(paths: Iterable[Path], images: Iterable[Path | None] = ()) -> str:
    """Return a SHA-256 over the bytes of ``paths`` and over the names and sizes of ``images``.

    Images are not read, which would take minutes: an image that is replaced by another one of
    the same name and the same number of bytes goes unseen.
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
    """Whether there is such a file; under a name that is too long for any there is none."""
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
