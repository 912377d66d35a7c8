"""Reads the paper's layout: ``users.tsv`` (user, items in time order) and ``items.tsv``.

Neither has a header. ``users.tsv``: user name, tab, item names separated by blanks.
``items.tsv``: item name, then optionally a title (and an abstract, which is not used).
"""

import csv
from pathlib import Path

import numpy as np
import pandas as pd

from morec.config import SequencesSpec
from morec.data.image_sources import find_images
from morec.data.interactions import Interactions, from_rows
from morec.data.sources import locate
from morec.data.tables import read_delimited
from morec.errors import DataError


def read_sequences(spec: SequencesSpec, root: Path) -> Interactions:
    """Read users' item lists; the order in a list is its time, repeats are kept as they stand.

    Raises:
        DataError: a file is missing, empty or has too many columns, or an item is listed twice.
    """
    users_path, items_path = source_files(spec, root)
    users = _read_tsv(users_path, max_columns=2)
    items = _read_tsv(items_path, max_columns=3)
    names = items[0].astype(str).tolist()
    _check_unique(names, items_path)
    return from_rows(
        _rows(users),
        names,
        repeats="keep",
        titles=tuple(items[1].fillna("").str.strip()) if 1 in items else None,
        images=find_images(root / spec.images, names) if spec.images else None,
    )


def source_files(spec: SequencesSpec, root: Path) -> list[Path]:
    """Return the users file and the items file.

    Raises:
        DataError: one is missing.
    """
    return locate([spec.users, spec.items], root)


def _rows(users: pd.DataFrame) -> pd.DataFrame:
    """Give every listed item a row; its place in the file is its time."""
    lists = users[1] if 1 in users else pd.Series(pd.NA, index=users.index, dtype="string")
    rows = pd.DataFrame({"user": users[0], "item": lists.str.split()}).explode("item")
    rows["timestamp"] = np.arange(len(rows))
    return rows.reset_index(drop=True)


def _read_tsv(path: Path, max_columns: int) -> pd.DataFrame:
    columns = range(max_columns)
    table = read_delimited(path, "\t", header=None, names=columns, quoting=csv.QUOTE_NONE)
    if table.empty:
        raise DataError(f"{path.name}: the file is empty")
    return table.dropna(axis="columns", how="all")


def _check_unique(names: list[str], path: Path) -> None:
    repeated = pd.Series(names)[pd.Series(names).duplicated()].unique().tolist()
    if repeated:
        raise DataError(
            f"{path.name}: {len(repeated)} items are listed more than once: {repeated[:3]}"
        )
