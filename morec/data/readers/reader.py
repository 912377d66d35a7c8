"""What is known of every kind of dataset: how it is read, named, and told from other content."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from morec.config import ImagesSpec, WindowSpec
from morec.data.files.sources import hash_files
from morec.data.images.sources import image_files
from morec.data.interactions import Interactions


@dataclass(frozen=True)
class Reader:
    """One kind of dataset; functions take its specification, most also the root of its paths.

    An installed package adds a kind by an entry point of the group ``morec.readers``: the entry's
    name is the kind, its object a ``Reader``.
    """

    spec: type[WindowSpec]
    """Options of the kind, with ``kind: Literal[...]``. Derived from ``ImagesSpec``, the images are
    found in ``spec.images``; from ``MissingImagesSpec``, items without an image can be dropped."""
    read: Callable[[Any, Path], Interactions]
    """Read interactions and items; raises ``DataError`` for everything that is wrong in a file."""
    source_hash: Callable[[Any, Path], str]
    """Name the content of the sources, mostly ``hash_of`` the files; part of trials' identities."""
    name: Callable[[Any], str]
    """Name the dataset in reports; without a whole path, which would be published with them."""
    is_synthetic: bool = False
    """Whether the data are made up, which reports say."""


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
