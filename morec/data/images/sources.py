"""Finds and reads the items' images: in folders, an LMDB or a Parquet file.

Comes in: a path and item names. Goes out: an ``ImageSource``, which holds where each item's image
is; ``read_images`` reads them one by one, in the order in which they are stored.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from operator import itemgetter
from os import cpu_count
from pathlib import Path
from typing import Literal

from morec.data.images import lmdb as lmdb_images
from morec.data.images import parquet as parquet_images
from morec.data.images.folders import files_below
from morec.data.images.open import FORMATS, IMAGE_ERRORS, RawImage
from morec.errors import DataError, did_you_mean

SUFFIXES = tuple(suffix for suffixes in FORMATS.values() for suffix in suffixes)
UNREAD_SUFFIXES = (".avif", ".heic", ".heif", ".svg", ".jxl", ".jp2", ".ico", ".psd", ".eps")
"""Images of other formats, unless ``SUFFIXES`` has them too. The image of an item that has nothing
else counts as broken, not as missing."""
NUM_SHOWN = 3
"""Items named in an error."""
CHUNK = 256
"""Largest number of images that are read ahead of their use."""


@dataclass(frozen=True)
class ImageSource:
    """Where the image of every item is."""

    kind: Literal["files", "lmdb", "parquet"]
    path: Path
    """The folder, the LMDB, or the Parquet file."""
    keys: tuple[str | None, ...]
    """Per item: its file below the folder, its key in the LMDB, or ``<row group>/<row>``; None
    without an image."""
    column: str = parquet_images.IMAGE
    """The column of a Parquet file."""

    def select(self, items: Iterable[int]) -> "ImageSource":
        """Return the images of some items, given by their indices in ``keys``."""
        return replace(self, keys=tuple(self.keys[item] for item in items))

    def location(self, item: int) -> str:
        """Return where an item's image is, for errors."""
        key = self.keys[item] or "no image"
        return str(self.path / key) if self.kind == "files" else f"{self.path}: {key}"


@dataclass(frozen=True)
class Unreadable:
    """Indices in a source: of missing images, and of broken images with the reason."""

    missing: tuple[int, ...]
    broken: dict[int, str]


def find_images(images: Path, item_names: Sequence[str]) -> ImageSource:
    """Find the items' images in what lies at the path ``images``.

    A folder and all folders below it, also behind links, are searched for ``<item>`` with one of
    ``SUFFIXES``. An LMDB is a folder with ``data.mdb`` or a file ``.lmdb`` or ``.mdb``; its keys
    are item names, or the number of a name ``v<number>`` as in the paper. A Parquet file has the
    columns ``item_id`` and ``image``.

    Raises:
        DataError: ``images`` is none of these, an item has more than one image, or a folder cannot
            be read or leads back to a folder above it.
    """
    kind = _kind(images)
    if kind == "files":
        return ImageSource(kind, images, _file_keys(images, item_names))
    if kind == "lmdb":
        candidates = [_lmdb_candidates(name) for name in item_names]
        return ImageSource(kind, images, lmdb_images.find_keys(images, candidates))
    return ImageSource(kind, images, parquet_images.find_rows(images, item_names))


def image_files(images: Path) -> list[Path]:
    """Return the files that hold images, sorted; a dataset's source hash covers them.

    Raises:
        DataError: ``images`` is neither a folder nor an LMDB nor a Parquet file.
    """
    if _kind(images) == "files":
        return sorted(path for path in files_below(images) if path.suffix.lower() in SUFFIXES)
    return [images / lmdb_images.DATA if images.is_dir() else images]


def listed_files(source: ImageSource) -> list[Path | None]:
    """Return the files that a table of items lists; a dataset's source hash covers them."""
    if source.kind == "parquet":
        return parquet_images.linked_files(source.path, source.column)
    return [source.path / key if key else None for key in source.keys]


def read_images(source: ImageSource) -> Iterator[tuple[int, RawImage | None]]:
    """Yield every item's index and stored image, or None if it is missing.

    Images are read one at a time; of a Parquet file, one row group at a time.
    """
    match source.kind:
        case "files":
            for index, key in enumerate(source.keys):
                yield index, None if key is None else source.path / key
        case "lmdb":
            yield from lmdb_images.read_values(source.path, source.keys)
        case "parquet":
            yield from parquet_images.read_rows(source.path, source.keys, source.column)


def for_each_image(source: ImageSource, use: Callable[[int, RawImage], None]) -> Unreadable:
    """Call ``use`` with the index and the content of every image, in several threads.

    An image is broken if ``use`` raises one of ``IMAGE_ERRORS``.
    """

    def attempt(stored: tuple[int, RawImage | None]) -> tuple[int, str | None] | None:
        index, raw = stored
        try:
            if raw is None:
                return index, None
            use(index, raw)
        except FileNotFoundError:
            return index, None
        except IMAGE_ERRORS as error:
            return index, f"{source.location(index)}: {error}"
        return None

    # Threads are enough: Pillow decodes and resizes outside the interpreter lock.
    with ThreadPoolExecutor(max_workers=min(8, cpu_count() or 1)) as pool:
        found = [
            problem
            for chunk in _chunks(read_images(source))
            for problem in pool.map(attempt, chunk)
            if problem
        ]
    return Unreadable(
        tuple(sorted(index for index, why in found if why is None)),
        {index: why for index, why in sorted(found, key=itemgetter(0)) if why is not None},
    )


def _kind(images: Path) -> Literal["files", "lmdb", "parquet"]:
    if not images.exists():
        siblings = [path.name for path in images.parent.glob("*")]
        raise DataError(
            f"dataset.images: {images} does not exist.{did_you_mean(images.name, siblings)}"
        )
    if images.suffix in (".lmdb", ".mdb") or (images / lmdb_images.DATA).is_file():
        return "lmdb"
    if images.is_dir():
        return "files"
    if images.suffix == ".parquet":
        return "parquet"
    raise DataError(
        f"dataset.images: {images} is not a folder of images, an LMDB (a folder with "
        f"{lmdb_images.DATA}, or .lmdb, .mdb), or a Parquet file (.parquet)"
    )


def _file_keys(folder: Path, item_names: Sequence[str]) -> tuple[str | None, ...]:
    found: dict[str, list[str]] = {name: [] for name in item_names}
    unread: dict[str, str] = {}
    for path in files_below(folder):
        key, suffix = path.relative_to(folder).as_posix(), path.suffix.lower()
        if path.stem in found and suffix in SUFFIXES:
            found[path.stem].append(key)
        elif path.stem in found and suffix in UNREAD_SUFFIXES:
            unread[path.stem] = key
    several = {name: keys for name, keys in found.items() if len(keys) > 1}
    if several:
        shown = [f"{name!r} ({', '.join(several[name])})" for name in list(several)[:NUM_SHOWN]]
        raise DataError(
            f"dataset.images: {len(several):,} items have more than one image in {folder}: "
            + "; ".join(shown)
        )
    return tuple(found[name][0] if found[name] else unread.get(name) for name in item_names)


def _lmdb_candidates(name: str) -> tuple[str, ...]:
    number = re.fullmatch(r"v(\d+)", name)
    return (name, number[1]) if number else (name,)


def _chunks(
    stored: Iterator[tuple[int, RawImage | None]],
) -> Iterator[list[tuple[int, RawImage | None]]]:
    while chunk := list(islice(stored, CHUNK)):
        yield chunk
