"""``Reader``: how one kind of dataset is read, named, and identified by its content."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from morec.config import ImagesSpec, WindowSpec
from morec.data.files.sources import hash_files
from morec.data.images.sources import image_files
from morec.data.interactions import Interactions


@dataclass(frozen=True)
class ItemColumns:
    """The columns of a dataset's items, of which templates make texts (``item.text.template``)."""

    file: str
    """Name of the items' file, for errors."""
    names: Sequence[str]
    item: str
    """Name of the column of items' ids."""
    read: Callable[[list[str]], pd.DataFrame]
    """Read these columns: a row per line of the file; raises a ``DataError`` for what is wrong."""


@dataclass(frozen=True)
class Reader:
    """One kind of dataset. Functions take a specification, and mostly the root of relative paths.

    An installed package adds a kind by an entry point of the group ``morec.readers``: the entry's
    name is the kind, its object a ``Reader``.
    """

    spec: type[WindowSpec]
    """Options of the kind, with ``kind: Literal[...]``. It derives from ``WindowSpec``; from
    ``MissingImagesSpec`` if items without an image can be dropped; from ``ImagesSpec`` if images
    are found by item name in ``spec.images``."""
    read: Callable[[Any, Path], Interactions]
    """Read interactions and items; raise a ``DataError`` for anything wrong in a file."""
    source_hash: Callable[[Any, Path], str]
    """Name the content of the sources, mostly by ``hash_of``; part of every trial's identity."""
    name: Callable[[Any], str]
    """Name the dataset in reports; no whole path, since reports are published."""
    is_synthetic: bool = False
    """Whether the data are made up; reports say so."""
    columns: Callable[[Any, Path], ItemColumns | None] | None = None
    """Find the columns of the items' file; None, or a result of None: there is no such file."""


def hash_of(source_files: Callable[[Any, Path], list[Path]]) -> Callable[[Any, Path], str]:
    """Return a ``source_hash``: the bytes of all files, and names and sizes of ``spec.images``.

    It raises a ``DataError`` where a file or the images are missing.
    """

    def source_hash(spec: WindowSpec, root: Path) -> str:
        folder = spec.images if isinstance(spec, ImagesSpec) else None
        images = [] if folder is None else image_files(root / folder)
        return hash_files(source_files(spec, root), images)

    return source_hash


def folder_name(spec: Any) -> str:
    """Name a dataset by the folder in ``spec.folder``, or else by its kind."""
    return Path(spec.folder or "").name or str(spec.kind)


def file_name(option: str) -> Callable[[Any], str]:
    """Return a ``name``: folder and file in ``option``, without suffixes: ``shop/purchases``."""

    def name(spec: Any) -> str:
        path = Path(getattr(spec, option))
        return f"{path.parent.name}/{path.name.split('.')[0]}".removeprefix("/")

    return name
