"""Files that machines share, in a folder or at a URL, through pyarrow.fs.

Nothing here holds credentials: every process takes its own from its environment or machine.
"""

import posixpath
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from pyarrow import fs

from morec.errors import DataError, first_line


def is_url(place: str) -> bool:
    """Whether ``place`` is a URL, not a folder of this machine."""
    return "://" in place


def place_within(place: str, *names: str) -> str:
    """The place of a folder below another."""
    if not is_url(place):
        return posixpath.join(place, *names)
    parts = urlsplit(place)
    return urlunsplit(parts._replace(path=posixpath.join(parts.path or "/", *names)))


def sibling(place: str, name: str) -> str:
    """The place of a folder in the same folder as another."""
    parts = urlsplit(place)
    path = posixpath.join(posixpath.dirname(parts.path), name)
    return urlunsplit(parts._replace(path=path)) if is_url(place) else path


class Storage:
    """The files in one folder or below one URL."""

    def __init__(self, place: str) -> None:
        """Open an absolute path or a URL; no file is read yet.

        Raises:
            DataError: the file system behind the URL cannot be opened on this machine.
        """
        self.place = place
        try:
            self._fs, self._root = fs.FileSystem.from_uri(place)
        except (OSError, ValueError, NotImplementedError) as error:
            reason = first_line(error)
            raise DataError(f"{place} cannot be opened on this machine: {reason}") from error
        self._is_local = isinstance(self._fs, fs.LocalFileSystem)

    def within(self, *names: str) -> "Storage":
        """The storage of a folder below this one."""
        return Storage(place_within(self.place, *names))

    def sizes(self) -> dict[str, int]:
        """Every file's size in bytes by its relative path; empty if the place does not exist."""
        below = fs.FileSelector(self._root, allow_not_found=True, recursive=True)
        found = (info for info in self._fs.get_file_info(below) if info.type == fs.FileType.File)
        return {posixpath.relpath(info.path, self._root): info.size for info in found}

    def put(self, source: Path, name: str) -> None:
        """Copy a file up; a reader sees the old file or the new one, never half of it.

        Object stores show a file once it is whole; on a disk it takes its name then.
        """
        target = posixpath.join(self._root, name)
        written = f"{target}.part" if self._is_local else target
        if self._is_local:
            self._fs.create_dir(posixpath.dirname(target), recursive=True)
        fs.copy_files(
            str(source),
            written,
            source_filesystem=fs.LocalFileSystem(),
            destination_filesystem=self._fs,
        )
        if written != target:
            self._fs.move(written, target)

    def get(self, name: str, target: Path) -> bool:
        """Copy a file to ``target``; False if there is none, and then nothing is written."""
        source = posixpath.join(self._root, name)
        if self._fs.get_file_info(source).type != fs.FileType.File:
            return False
        target.parent.mkdir(parents=True, exist_ok=True)
        fs.copy_files(
            source,
            str(target),
            source_filesystem=self._fs,
            destination_filesystem=fs.LocalFileSystem(),
        )
        return True

    def remove(self) -> None:
        """Delete all files here, if there are any."""
        if self._fs.get_file_info(self._root).type != fs.FileType.NotFound:
            self._fs.delete_dir(self._root)
