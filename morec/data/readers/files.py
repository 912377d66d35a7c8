"""Reads a user's own interactions and items: any text files, also packed, or Parquet.

Memory: 125 MB per million interactions, as measured for ``movielens``, which is read likewise.
"""

from dataclasses import replace
from pathlib import Path

from morec.config import FilesSpec
from morec.data.files.sources import hash_files, locate
from morec.data.files.tables import as_texts, missing_columns, read_columns, read_rows
from morec.data.files.text_format import TextFormat, is_parquet, text_format
from morec.data.images.sources import ImageSource, image_files
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
    text = _text_of_interactions(spec, paths[0])
    rows = read_rows(paths[0], spec.user_column, spec.item_column, spec.time_column, text)
    if len(paths) == 1:
        return from_rows(rows, repeats=spec.repeats)
    catalogue = _read_items(spec, paths[1])
    interactions = join_catalogue(rows, catalogue, files=(paths[0], paths[1]), repeats=spec.repeats)
    return replace(interactions, images=_images(spec, catalogue, paths[1].parent))


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
    if spec.items is None or spec.image_column is None:
        return []
    _check(spec, root)
    items = root / spec.items
    images = _images(spec, _read_items(spec, items), items.parent)
    return [images.path / key if key else None for key in images.keys] if images else []


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
        "dataset.time_column": spec.time_column,
    }
    problems = missing_columns(paths[0], wanted, _text_of_interactions(spec, paths[0]))
    if len(paths) > 1:
        option = "items_item_column" if spec.items_item_column else "item_column"
        wanted = {f"dataset.{option}": _item_column(spec), **given}
        problems += missing_columns(paths[1], wanted, _text_of_items(spec, paths[1]))
    if problems:
        raise DataError("\n".join(problems))


def _read_items(spec: FilesSpec, path: Path) -> Catalogue:
    described_by = [column for column in (spec.text_column, spec.image_column) if column]
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


def _images(spec: FilesSpec, items: Catalogue, folder: Path) -> ImageSource | None:
    if spec.image_column is None:
        return None
    keys = as_texts(items.rows[spec.image_column])
    return ImageSource("files", folder, tuple(key or None for key in keys))


READER = Reader(FilesSpec, read_files, source_hash, file_name("interactions"))
