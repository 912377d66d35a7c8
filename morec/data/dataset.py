"""A dataset ready for training: windows of item ids, titles and images.

Comes in: a ``DatasetSpec``. Goes out: a ``Dataset``, in memory or memory-mapped from a folder.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter

from morec.config import LEAVE_ONE_OUT, DatasetSpec, ImagesSpec, MissingImagesSpec, SplitSpec
from morec.data.images.sources import ImageSource, find_images
from morec.data.interactions import Interactions
from morec.data.missing_images import check_images, drop_items_without_images
from morec.data.readers.table import READERS
from morec.data.split_rows import AnySplit, RowsOfSplits, SplitRows, leave_one_out
from morec.data.titles import read_titles
from morec.data.windows import cut_windows
from morec.errors import DataError
from morec.results import write_atomically

FORMAT = 5
"""Version of the folder that ``save_dataset`` writes."""
HEADER = "dataset.json"
ROWS: Mapping[AnySplit, str] = {
    "train": "train_rows_3R",
    "valid": "valid_rows_3R",
    "test": "test_rows_3R",
}
"""The field of ``Dataset`` that holds the rows of a split by time."""
ARRAYS = ("offsets_U1", "item_ids", "is_tied", "ages_s", "times_s", "image_array", *ROWS.values())
_SPLIT: TypeAdapter[SplitSpec] = TypeAdapter(SplitSpec)


@dataclass(frozen=True)
class Dataset:
    """Users' windows over items 1..N; 0 is padding. Shape legend: U users, U1 = U + 1, N items."""

    name: str
    kind: str
    is_synthetic: bool
    sha256: str
    """``source_hash`` of its sources."""
    num_users: int
    num_items: int
    max_seq_len: int
    """L: model inputs per user; a window of leave-one-out holds at most L + 3 items."""
    offsets_U1: npt.NDArray[np.int64]
    """User u's window is ``item_ids[offsets_U1[u]:offsets_U1[u + 1]]``, in time order. Which part
    of it is for training, validation or test only ``rows_of`` says."""
    item_ids: npt.NDArray[np.int32]
    counts: Mapping[str, int]
    """How many rows, interactions, items or users each rule of reading and windowing concerned."""
    notes: tuple[str, ...] = ()
    """What a reader of results must know of the data: sentences, shown beside the verdict."""
    is_tied: npt.NDArray[np.bool_] | None = None
    """Shaped like ``item_ids``: whether an interaction has the time of the user's previous one;
    None where none has."""
    ages_s: npt.NDArray[np.int64] | None = None
    """Shaped like ``item_ids``: seconds since the item's first interaction in the full data; None
    if the source orders interactions without clock times."""
    times_s: npt.NDArray[np.int64] | None = None
    """Shaped like ``item_ids``: full seconds of the source's clock; None as for ``ages_s``."""
    item_names: tuple[str, ...] | None = None
    """The id that the source gives item i, at index i - 1."""
    titles: tuple[str, ...] | None = None
    """Text of item i at index i - 1."""
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Further texts by the name of their column in the items' file, each like ``titles``; those
    that ``morec.data.text_columns`` was asked for."""
    images: ImageSource | None = None
    """Where the images lie; that of item i is key i - 1."""
    image_array: npt.NDArray[np.uint8] | None = None
    """(N, H, W, 3), item i at index i - 1; only of datasets that draw their images."""
    split: SplitSpec = LEAVE_ONE_OUT
    """How the windows are divided; ``evaluation.split`` of the trials that read them."""
    cuts_s: tuple[int, int] | None = None
    """Beginnings of validation and test in seconds from 1970; None without a split by time."""
    train_rows_3R: npt.NDArray[np.int64] | None = None
    """``SplitRows`` as columns; None of leave-one-out, whose rows follow from ``offsets_U1``."""
    valid_rows_3R: npt.NDArray[np.int64] | None = None
    test_rows_3R: npt.NDArray[np.int64] | None = None

    def rows_of(self, split: AnySplit) -> SplitRows:
        """Return which users a split has, what it reads of each, and where the targets stand."""
        stored_3R = getattr(self, ROWS[split])
        if stored_3R is None:
            return leave_one_out(self.offsets_U1, self.max_seq_len).rows[split]
        return SplitRows(*stored_3R)

    @property
    def has_images(self) -> bool:
        """Whether items have images, stored or drawn."""
        return self.images is not None or self.image_array is not None

    def name_of(self, item: int) -> str:
        """Return an item's own id, for errors: nobody knows the numbers that are given here."""
        return str(item) if self.item_names is None else self.item_names[item - 1]


def load_dataset(spec: DatasetSpec, root: Path, split: SplitSpec = LEAVE_ONE_OUT) -> Dataset:
    """Read the sources and cut the windows; relative paths in ``spec`` are relative to ``root``.

    Raises:
        DataError: a source is missing or does not fit ``spec``, or no user is left.
    """
    digest = source_hash(spec, root)
    return make_dataset(spec, digest, read_interactions(spec, root), split)


def read_interactions(spec: DatasetSpec, root: Path) -> Interactions:
    """Read the sources, find the images, and drop items without one if ``spec`` says so.

    Raises:
        DataError: a source is missing or does not fit ``spec``.
    """
    interactions = READERS[spec.kind].read(spec, root)
    if isinstance(spec, ImagesSpec) and spec.images is not None:
        images = find_images(root / spec.images, interactions.item_names)
        interactions = replace(interactions, images=images)
    if _drops_images(spec) and interactions.images is not None:
        return drop_items_without_images(interactions)
    return interactions


def make_dataset(
    spec: DatasetSpec,
    digest: str,
    interactions: Interactions,
    split: SplitSpec = LEAVE_ONE_OUT,
) -> Dataset:
    """Cut the windows and join them with the titles and images of the items in them.

    ``digest`` is the ``source_hash`` of what was read.

    Raises:
        DataError: no user is left, an item has no readable image, or the data cannot be split so.
    """
    windows = cut_windows(interactions, spec, split)
    kept = windows.kept_items.tolist()
    titles, images = interactions.titles, interactions.image_array
    texts = None if titles is None else read_titles(spec, [titles[code] for code in kept])
    reader = READERS[spec.kind]
    return Dataset(
        name=reader.name(spec),
        kind=spec.kind,
        is_synthetic=reader.is_synthetic,
        sha256=digest,
        num_users=len(windows.offsets_U1) - 1,
        num_items=len(kept),
        max_seq_len=spec.max_seq_len,
        offsets_U1=windows.offsets_U1,
        item_ids=windows.item_ids,
        is_tied=windows.is_tied if windows.is_tied.any() else None,
        ages_s=windows.ages_s,
        times_s=windows.times_s,
        counts={**windows.counts, **(texts.counts if texts else {})},
        notes=interactions.notes,
        item_names=tuple(interactions.item_names[code] for code in kept),
        titles=texts.titles if texts else None,
        images=_images(interactions, kept, are_checked=_drops_images(spec)),
        image_array=None if images is None else images[windows.kept_items],
        split=split,
        cuts_s=windows.splits.cuts_s,
        **({} if split == LEAVE_ONE_OUT else _rows(windows.splits)),
    )


def _rows(found: RowsOfSplits) -> dict[str, Any]:
    """The rows of every split as they are stored."""
    return {name: np.stack(found.rows[split]) for split, name in ROWS.items()}


def source_hash(spec: DatasetSpec, root: Path) -> str:
    """Name the content of the sources: a SHA-256 of files, the version of drawn data.

    Raises:
        DataError: a source is missing.
    """
    return READERS[spec.kind].source_hash(spec, root)


def save_dataset(dataset: Dataset, folder: Path) -> None:
    """Write ``dataset`` to ``folder``, which is made if missing; ``open_dataset`` reads it."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays = _arrays(dataset)
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)
    plain = {
        field.name: getattr(dataset, field.name)
        for field in fields(dataset)
        if field.name not in ARRAYS
    }
    plain["counts"] = dict(dataset.counts)
    plain["columns"] = dict(dataset.columns)
    plain["split"] = _SPLIT.dump_python(dataset.split, mode="json")
    if dataset.images is not None:
        plain["images"] = {**vars(dataset.images), "path": str(dataset.images.path)}
    header = {"format": FORMAT, "arrays": sorted(arrays), "fields": plain}
    # The header is written last, so a folder that has one is complete.
    write_atomically(folder / HEADER, json.dumps(header, ensure_ascii=False))


def open_dataset(folder: Path) -> Dataset:
    """Open what ``save_dataset`` wrote; its arrays are read-only and memory-mapped.

    Raises:
        DataError: the folder holds no complete dataset of this format.
    """
    path = folder / HEADER
    if not path.is_file():
        raise DataError(f"{folder}: not a saved dataset: {HEADER} is missing")
    header = json.loads(path.read_text(encoding="utf-8"))
    if header["format"] != FORMAT:
        raise DataError(f"{path}: format {header['format']}, this version reads format {FORMAT}")
    plain = header["fields"]
    plain["notes"] = tuple(plain["notes"])
    # Folders of leave-one-out that an earlier version made say nothing of a split.
    plain["split"] = _SPLIT.validate_python(plain.get("split", LEAVE_ONE_OUT))
    plain["cuts_s"] = tuple(plain["cuts_s"]) if plain.get("cuts_s") else None
    columns = plain.get("columns", {}).items()
    plain["columns"] = {name: tuple(values) for name, values in columns}
    for name in ("item_names", "titles"):
        if plain[name] is not None:
            plain[name] = tuple(plain[name])
    if plain["images"] is not None:
        stored = plain["images"]
        places = {"path": Path(stored["path"]), "keys": tuple(stored["keys"])}
        plain["images"] = ImageSource(**stored | places)
    arrays = {
        name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
        for name in header["arrays"]
    }
    return Dataset(**plain, **arrays)


def _drops_images(spec: DatasetSpec) -> bool:
    """Whether items without a readable image have been dropped when the sources were read."""
    return isinstance(spec, MissingImagesSpec) and spec.missing_images == "drop"


def _images(
    interactions: Interactions, kept: list[int], *, are_checked: bool
) -> ImageSource | None:
    """Return the images of the kept items, of which all can be read."""
    if interactions.images is None:
        return None
    images = interactions.images.select(kept)
    if not are_checked:
        check_images(images, [interactions.item_names[code] for code in kept])
    return images


def _arrays(dataset: Dataset) -> dict[str, npt.NDArray[np.generic]]:
    arrays = {name: getattr(dataset, name) for name in ARRAYS}
    return {name: array for name, array in arrays.items() if array is not None}
