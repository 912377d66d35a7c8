"""Reads a user's own interactions and items: CSV, TSV or Parquet, also packed as .gz or .xz."""

from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from morec.config import FilesSpec
from morec.data.image_sources import ImageSource
from morec.data.interactions import Interactions, from_rows
from morec.data.sources import locate
from morec.data.tables import as_sortable, as_text, missing_columns, read_columns
from morec.errors import DataError


def read_files(spec: FilesSpec, root: Path) -> Interactions:
    """Read interactions and, where given, items.

    Items are in the order of the items file, or else of their first interaction. An item row
    without an id is dropped (``broken_item_rows``), and of rows of one item the first stays
    (``repeated_item_rows_dropped``).

    Raises:
        DataError: a file is missing, empty or broken, misses a column, has unreadable times, or
            the two files share no item.
    """
    _check(spec, root)
    rows = _read_rows(spec, root)
    if spec.items is None:
        return from_rows(rows, repeats=spec.repeats)
    items = _read_items(spec, root)
    interactions = from_rows(
        rows,
        items.names,
        repeats=spec.repeats,
        titles=items.titles,
        images=items.images,
    )
    if len(rows) and not len(interactions.item_ids):
        raise DataError(_nothing_shared(spec, rows, items.names))
    return replace(interactions, counts={**interactions.counts, **items.counts})


def source_files(spec: FilesSpec, root: Path) -> list[Path]:
    """Return the interactions file and, where given, the items file.

    Raises:
        DataError: one is missing.
    """
    return locate([spec.interactions, *([spec.items] if spec.items else [])], root)


def listed_images(spec: FilesSpec, root: Path) -> list[Path | None]:
    """Return the image of every item, in catalogue order; none without an image column."""
    if spec.items is None or spec.image_column is None:
        return []
    _check(spec, root)
    images = _read_items(spec, root).images
    return [images.path / key if key else None for key in images.keys] if images else []


@dataclass(frozen=True)
class _Items:
    names: list[str]
    titles: tuple[str, ...] | None
    images: ImageSource | None
    counts: dict[str, int]


def _check(spec: FilesSpec, root: Path) -> None:
    """Raise every problem with paths and columns that shows without reading rows."""
    looks = {"text_column": spec.text_column, "image_column": spec.image_column}
    given = {f"dataset.{option}": column for option, column in looks.items() if column}
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


def _read_rows(spec: FilesSpec, root: Path) -> pd.DataFrame:
    path = root / spec.interactions
    table = read_columns(path, [spec.user_column, spec.item_column, spec.time_column])
    where = f"{path.name}: column {spec.time_column!r}"
    return pd.DataFrame(
        {
            "user": as_text(table[spec.user_column]),
            "item": as_text(table[spec.item_column]),
            "timestamp": as_sortable(table[spec.time_column], where),
        }
    )


def _read_items(spec: FilesSpec, root: Path) -> _Items:
    path = root / str(spec.items)
    looks = [column for column in (spec.text_column, spec.image_column) if column]
    table = read_columns(path, [spec.item_column, *looks])
    names = as_text(table[spec.item_column])
    whole = table[names.notna()]
    items = whole[~names[names.notna()].duplicated()]
    return _Items(
        names=as_text(items[spec.item_column]).tolist(),
        titles=_titles(items, spec.text_column),
        images=_images(items, spec.image_column, path.parent),
        counts={
            "broken_item_rows": len(table) - len(whole),
            "repeated_item_rows_dropped": len(whole) - len(items),
        },
    )


def _titles(items: pd.DataFrame, column: str | None) -> tuple[str, ...] | None:
    if column is None:
        return None
    return tuple(as_text(items[column]).fillna("").str.strip().tolist())


def _images(items: pd.DataFrame, column: str | None, folder: Path) -> ImageSource | None:
    if column is None:
        return None
    names = as_text(items[column]).fillna("").tolist()
    return ImageSource("files", folder, tuple(name or None for name in names))


def _nothing_shared(spec: FilesSpec, rows: pd.DataFrame, item_names: list[str]) -> str:
    seen = rows["item"].dropna().head(3).tolist()
    return (
        f"{Path(spec.interactions).name} and {Path(str(spec.items)).name} share no item in column "
        f"{spec.item_column!r}: interactions have {seen}, items have {item_names[:3]}"
    )
