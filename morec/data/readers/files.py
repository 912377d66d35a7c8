"""Reads a user's own interactions and items: any text files, also packed, or Parquet.

Memory: 125 MB per million interactions, as measured for ``movielens``, which is read likewise.
"""

from dataclasses import replace
from pathlib import Path
from typing import Literal, TypedDict

import pandas as pd

from morec.config import FilesSpec
from morec.data.files.gather import gather
from morec.data.files.parquet import read_parquet
from morec.data.files.ratings import rating_columns
from morec.data.files.sources import hash_files, locate
from morec.data.files.tables import as_texts, columns_of, missing_columns, read_columns, read_rows
from morec.data.files.text_format import TextFormat, is_parquet, text_format
from morec.data.files.times import TimeColumn
from morec.data.images.parquet import holds_images, keys_of_rows
from morec.data.images.sources import ImageSource, image_files, listed_files
from morec.data.interactions import Interactions, all_ratings_count, from_rows
from morec.data.readers.catalogue import Catalogue, catalogue_of, join_catalogue
from morec.data.readers.random_order import RANDOM_ORDER, random_order
from morec.data.readers.reader import ItemColumns, Reader, file_name
from morec.errors import DataError

WITHOUT_TIMES = (
    "Without times: dataset.order: file (a user's rows are in time order) "
    "or dataset.order: none (they have no order)"
)


def read_files(spec: FilesSpec, root: Path) -> Interactions:
    """Read interactions and, where given, items.

    Items are in the order of the items file or, without one, of their first interaction.

    Raises:
        DataError: a file is missing, empty or broken, misses a column, has unreadable times, or
            the two files share no item.
    """
    _check(spec, root)
    paths = source_files(spec, root)
    rows = _read_rows(spec, paths[0])
    rules = _Rules(repeats=spec.repeats, min_rating=spec.min_rating)
    if len(paths) == 1:
        return _noted(spec, paths[0], from_rows(rows, **rules))
    catalogue = _read_items(spec, paths[1])
    interactions = join_catalogue(rows, catalogue, files=(paths[0], paths[1]), **rules)
    images = _images(spec, catalogue, paths[1])
    return replace(_noted(spec, paths[0], interactions), images=images)


def source_files(spec: FilesSpec, root: Path) -> list[Path]:
    """Return interactions and, where given, items; a missing file raises a ``DataError``."""
    return locate([spec.interactions, *([spec.items] if spec.items else [])], root)


def source_hash(spec: FilesSpec, root: Path) -> str:
    """Name the content of both files, and the names and sizes of the images.

    Raises:
        DataError: a file is missing, empty or broken, or misses a column.
    """
    named = [] if spec.images is None else image_files(root / spec.images)
    return hash_files(source_files(spec, root), [*listed_images(spec, root), *named])


def listed_images(spec: FilesSpec, root: Path) -> list[Path | None]:
    """Return the image of every item, in catalogue order; none without an image column."""
    if spec.image_column is None:
        return []
    _check(spec, root)
    items = source_files(spec, root)[1]
    images = _images(spec, _read_items(spec, items), items)
    return listed_files(images) if images else []


def _check(spec: FilesSpec, root: Path) -> None:
    """Raise all problems with paths and columns that show without reading rows."""
    columns = {"text_column": spec.text_column, "image_column": spec.image_column}
    given = {f"dataset.{option}": column for option, column in columns.items() if column}
    if given and spec.items is None:
        raise DataError(f"{' and '.join(given)} need dataset.items, the file to look them up in")
    paths = source_files(spec, root)
    wanted = {
        "dataset.user_column": spec.user_column,
        "dataset.item_column": spec.item_column,
    }
    text = _text_of_interactions(spec, paths[0])
    rating = {"dataset.rating_column": spec.rating_column} if spec.rating_column else {}
    problems = missing_columns(paths[0], wanted | rating, text)
    if spec.order is None:
        no_times = missing_columns(paths[0], {"dataset.time_column": spec.time_column}, text)
        problems += [f"{problem}. {WITHOUT_TIMES}" for problem in no_times]
    if len(paths) > 1:
        option = "items_item_column" if spec.items_item_column else "item_column"
        if _path_column(spec, paths[1]) is None:
            given.pop("dataset.image_column", None)  # The file itself holds the images.
        wanted = {f"dataset.{option}": _item_column(spec), **given}
        problems += missing_columns(paths[1], wanted, _text_of_items(spec, paths[1]))
    if problems:
        raise DataError("\n".join(problems))


class _Rules(TypedDict):
    repeats: Literal["first", "keep"]
    min_rating: float | None


def _read_rows(spec: FilesSpec, path: Path) -> pd.DataFrame:
    time = TimeColumn(spec.time_column, spec.time_format) if spec.order is None else None
    rows = read_rows(
        path,
        spec.user_column,
        spec.item_column,
        time,
        rating=spec.rating_column,
        text=_text_of_interactions(spec, path),
    )
    return random_order(rows) if spec.order == "none" else rows


def _noted(spec: FilesSpec, path: Path, interactions: Interactions) -> Interactions:
    """Say what the options leave open: the order of time, and what a rating means."""
    if spec.order == "none":
        interactions = replace(interactions, notes=(*interactions.notes, RANDOM_ORDER))
    if spec.min_rating is None and rating_columns(
        columns_of(path, _text_of_interactions(spec, path))
    ):
        return all_ratings_count(interactions)
    return interactions


def _read_items(spec: FilesSpec, path: Path) -> Catalogue:
    described_by = [column for column in (spec.text_column, _path_column(spec, path)) if column]
    item = _item_column(spec)
    table = read_columns(path, [item, *described_by], text=_text_of_items(spec, path))
    return catalogue_of(table, item, spec.text_column)


def _item_column(spec: FilesSpec) -> str:
    return spec.items_item_column or spec.item_column


def _text_of_interactions(spec: FilesSpec, path: Path) -> TextFormat | None:
    return None if is_parquet(path) else text_format(path, spec.separator, spec.encoding)


def _text_of_items(spec: FilesSpec, path: Path) -> TextFormat | None:
    if is_parquet(path):
        return None
    separator, encoding = spec.items_separator, spec.items_encoding
    return text_format(
        path, separator or spec.separator, encoding or spec.encoding, prefix="items_"
    )


def _path_column(spec: FilesSpec, path: Path) -> str | None:
    """The column of image paths; None without images, and where the file holds images itself."""
    column = spec.image_column
    return None if column is None or holds_images(path, column) else column


def _images(spec: FilesSpec, items: Catalogue, path: Path) -> ImageSource | None:
    if spec.image_column is None:
        return None
    column = _path_column(spec, path)
    if column is None:
        keys = keys_of_rows(path, items.rows.index - 1)  # Rows are numbered from 1.
        return ImageSource("parquet", path, keys, spec.image_column)
    paths = as_texts(items.rows[column])
    return ImageSource("files", path.parent, tuple(name or None for name in paths))


def item_columns(spec: FilesSpec, root: Path) -> ItemColumns | None:
    """Offer the columns of the items; lists in a cell of a Parquet file become text."""
    if spec.items is None:
        return None
    path = source_files(spec, root)[1]
    text, item = _text_of_items(spec, path), _item_column(spec)

    def read(wanted: list[str]) -> pd.DataFrame:
        if is_parquet(path):
            return gather(read_parquet(path, [item, *wanted], joins_lists=True))
        return read_columns(path, [item, *wanted], text=text)

    return ItemColumns(file=path.name, names=columns_of(path, text), item=item, read=read)


READER = Reader(FilesSpec, read_files, source_hash, file_name("interactions"), columns=item_columns)
