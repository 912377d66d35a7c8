"""Reads a user's own interactions and items: CSV, TSV or Parquet, also packed as .gz or .xz.

Memory: 125 MB per million interactions, as measured for ``movielens``, which is read likewise.
"""

from dataclasses import replace
from pathlib import Path

from morec.config import FilesSpec
from morec.data.files.sources import hash_files, locate
from morec.data.files.tables import as_texts, missing_columns, read_columns, read_rows
from morec.data.images.parquet import holds_images, keys_of_rows
from morec.data.images.sources import ImageSource, listed_files
from morec.data.interactions import Interactions, from_rows
from morec.data.readers.catalogue import Catalogue, catalogue_of, join_catalogue
from morec.data.readers.reader import Reader, file_name
from morec.errors import DataError


def read_files(spec: FilesSpec, root: Path) -> Interactions:
    """Read interactions and, where given, items.

    Items are in the order of the items file or, without one, of their first interaction.

    Raises:
        DataError: a file is missing, empty or broken, misses a column, has unreadable times, or
            the two files share no item.
    """
    _check(spec, root)
    paths = source_files(spec, root)
    rows = read_rows(paths[0], spec.user_column, spec.item_column, spec.time_column)
    if len(paths) == 1:
        return from_rows(rows, repeats=spec.repeats)
    catalogue = _read_items(spec, paths[1])
    interactions = join_catalogue(rows, catalogue, files=(paths[0], paths[1]), repeats=spec.repeats)
    return replace(interactions, images=_images(spec, catalogue, paths[1]))


def source_files(spec: FilesSpec, root: Path) -> list[Path]:
    """Return interactions and, where given, items; a missing file raises a ``DataError``."""
    return locate([spec.interactions, *([spec.items] if spec.items else [])], root)


def source_hash(spec: FilesSpec, root: Path) -> str:
    """Name the content of both files, and the names and sizes of the images in the image column.

    Raises:
        DataError: a file is missing, empty or broken, or misses a column.
    """
    return hash_files(source_files(spec, root), listed_images(spec, root))


def listed_images(spec: FilesSpec, root: Path) -> list[Path | None]:
    """Return the image of every item, in catalogue order; none without an image column."""
    if spec.items is None or spec.image_column is None:
        return []
    _check(spec, root)
    items = root / spec.items
    images = _images(spec, _read_items(spec, items), items)
    return listed_files(images) if images else []


def _check(spec: FilesSpec, root: Path) -> None:
    """Raise all problems with paths and columns that show without reading rows."""
    columns = {"text_column": spec.text_column, "image_column": spec.image_column}
    given = {f"dataset.{option}": column for option, column in columns.items() if column}
    if given and spec.items is None:
        raise DataError(f"{' and '.join(given)} need dataset.items, the file to look them up in")
    paths = source_files(spec, root)
    problems = missing_columns(
        paths[0],
        {
            "dataset.user_column": spec.user_column,
            "dataset.item_column": spec.item_column,
            "dataset.time_column": spec.time_column,
        },
    )
    if len(paths) > 1:
        problems += missing_columns(paths[1], {"dataset.item_column": spec.item_column, **given})
    if problems:
        raise DataError("\n".join(problems))


def _read_items(spec: FilesSpec, path: Path) -> Catalogue:
    described_by = [column for column in (spec.text_column, _path_column(spec, path)) if column]
    table = read_columns(path, [spec.item_column, *described_by])
    return catalogue_of(table, spec.item_column, spec.text_column)


def _path_column(spec: FilesSpec, path: Path) -> str | None:
    """The column of image paths; None without images, and where the file holds images itself."""
    column = spec.image_column
    return None if column is None or holds_images(path, column) else column


def _images(spec: FilesSpec, items: Catalogue, path: Path) -> ImageSource | None:
    if spec.image_column is None:
        return None
    column = _path_column(spec, path)
    if column is None:
        keys = keys_of_rows(path, items.rows.index)
        return ImageSource("parquet", path, keys, spec.image_column)
    paths = as_texts(items.rows[column])
    return ImageSource("files", path.parent, tuple(name or None for name in paths))


READER = Reader(FilesSpec, read_files, source_hash, file_name("interactions"))
