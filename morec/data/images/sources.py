"""Where the items' images lie: files in folders, the paper's LMDB, or a Parquet file of bytes.

Comes in: a path and item names. Goes out: an ``ImageSource``, which says where each item's image
is, and ``read_images``, which reads them one after another in the order that suits the place.
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
from morec.data.images.open import BROKEN, RawImage
from morec.errors import DataError, did_you_mean

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
NUM_SHOWN = 3
"""Items named in an error."""
CHUNK = 256
"""Images read before they are used, at most."""


@dataclass(frozen=True)
class ImageSource:
    """Where the image of every item is."""

    kind: Literal["files", "lmdb", "parquet"]
    path: Path
    """The folder, the LMDB, or the Parquet file."""
    keys: tuple[str | None, ...]
    """Per item: its file within the folder, its key in the LMDB, or ``<row group>/<row>``; None
    where there is no image."""

    def of(self, items: Iterable[int]) -> "ImageSource":
        """The images of some items, given by their places in ``keys``."""
        return replace(self, keys=tuple(self.keys[item] for item in items))

    def where(self, item: int) -> str:
        """An image's place, for errors."""
        key = self.keys[item] or "no image"
        return str(self.path / key) if self.kind == "files" else f"{self.path}: {key}"


@dataclass(frozen=True)
class Unreadable:
    """Places in a source whose image is missing, and whose image is broken and why."""

    missing: tuple[int, ...]
    broken: dict[int, str]


def find_images(images: Path, item_names: Sequence[str]) -> ImageSource:
    """Find the items' images; what ``images`` is follows from what lies there.

    A folder is searched with all folders below it for ``<item>.jpg``, ``.jpeg``, ``.png`` or
    ``.webp``. An LMDB, a folder with ``data.mdb`` or a file ``.lmdb`` or ``.mdb``, has the items'
    names as keys; for the paper's names ``v<number>``, also the number. A Parquet file has the
    columns ``item_id`` and ``image``.

    Raises:
        DataError: nothing usable is there, or an item has more than one image.
    """
    kind = _kind(images)
    if kind == "files":
        return ImageSource(kind, images, _file_keys(images, item_names))
    if kind == "lmdb":
        candidates = [_lmdb_candidates(name) for name in item_names]
        return ImageSource(kind, images, lmdb_images.find_keys(images, candidates))
    return ImageSource(kind, images, parquet_images.find_rows(images, item_names))


def image_files(images: Path) -> list[Path]:
    """The files that hold images, by name; what a dataset's hash is taken of.

    Raises:
        DataError: nothing usable is there.
    """
    if _kind(images) == "files":
        return _files_below(images)
    return [images / lmdb_images.DATA if images.is_dir() else images]


def read_images(source: ImageSource) -> Iterator[tuple[int, RawImage | None]]:
    """Give every item's place and image as it is stored, each once, None where it is missing.

    One at a time, so that whoever drops them needs the memory of one (a Parquet file: of one row
    group).
    """
    match source.kind:
        case "files":
            for item, key in enumerate(source.keys):
                yield item, None if key is None else source.path / key
        case "lmdb":
            yield from lmdb_images.read_values(source.path, source.keys)
        case "parquet":
            yield from parquet_images.read_rows(source.path, source.keys)


def for_each_image(source: ImageSource, use: Callable[[int, RawImage], None]) -> Unreadable:
    """Call ``use`` with every image there is and its place, several at once.

    Broken are those for which ``use`` raises what Pillow does.
    """

    def attempt(stored: tuple[int, RawImage | None]) -> tuple[int, str | None] | None:
        place, raw = stored
        try:
            if raw is None:
                return place, None
            use(place, raw)
        except FileNotFoundError:
            return place, None
        except BROKEN as error:
            return place, f"{source.where(place)} ({error})"
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
        tuple(sorted(place for place, why in found if why is None)),
        {place: why for place, why in sorted(found, key=itemgetter(0)) if why is not None},
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
    for path in _files_below(folder):
        if path.stem in found:
            found[path.stem].append(path.relative_to(folder).as_posix())
    several = {name: keys for name, keys in found.items() if len(keys) > 1}
    if several:
        shown = [f"{name!r} ({', '.join(several[name])})" for name in list(several)[:NUM_SHOWN]]
        raise DataError(
            f"dataset.images: {len(several):,} items have more than one image in {folder}: "
            + "; ".join(shown)
        )
    return tuple(found[name][0] if found[name] else None for name in item_names)


def _files_below(folder: Path) -> list[Path]:
    paths = (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    return sorted(path for path in paths if path.is_file())


def _lmdb_candidates(name: str) -> tuple[str, ...]:
    number = re.fullmatch(r"v(\d+)", name)
    return (name, number[1]) if number else (name,)


def _chunks(
    stored: Iterator[tuple[int, RawImage | None]],
) -> Iterator[list[tuple[int, RawImage | None]]]:
    while chunk := list(islice(stored, CHUNK)):
        yield chunk
