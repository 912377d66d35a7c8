"""Reads the paper's layout: ``users.tsv`` (user, items in time order) and ``items.tsv``.

Neither has a header. ``users.tsv``: user name, tab, item names separated by blanks.
``items.tsv``: item name, then optionally a title (and an abstract, which is not used).

Memory (peak, measured on 0.2 and 0.6 million users with 15 items each): 125 MB per million listed
items, 3 GB for 1.6 million users.
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from morec.config import SequencesSpec
from morec.data.files.delimited import first_rows, read_batches
from morec.data.files.gather import explode, gather
from morec.data.files.sources import locate
from morec.data.files.tables import NUM_SHOWN, as_rows, is_quoted, separator_of
from morec.data.interactions import Interactions
from morec.data.readers.catalogue import catalogue_of, join_catalogue
from morec.data.readers.reader import Reader, file_name, hash_of
from morec.errors import DataError

USERS = ("user", "item")
ITEMS = ("item", "title", "abstract")


def read_sequences(spec: SequencesSpec, root: Path) -> Interactions:
    """Read users' item lists; the order in a list is the order of time, repeats are kept.

    Raises:
        DataError: a file is missing, empty or has too many columns, an item is listed twice, or
            the two files share no item.
    """
    users, items = source_files(spec, root)
    names = _names(items, ITEMS, at_least=1)
    table = gather(read_batches(items, "\t", names=names, is_quoted=False))
    catalogue = catalogue_of(table, "item", "title" if "title" in names else None)
    _check_unique(table, items)
    rows = read_lists(users, *USERS, names=_names(users, USERS, at_least=2))
    return join_catalogue(rows, catalogue, files=(users, items), repeats="keep")


def source_files(spec: SequencesSpec, root: Path) -> list[Path]:
    """Return the users file and the items file; a missing one raises a ``DataError``."""
    return locate([spec.users, spec.items], root)


def read_lists(path: Path, user: str, items: str, names: Sequence[str] = ()) -> pd.DataFrame:
    """Return a row per item of the lists in the column ``items``, with its number as its time.

    Items are separated by blanks, oldest first. ``names`` are the columns of a file without a
    header. The columns of the result are those of ``as_rows``.

    Raises:
        DataError: the file is empty or broken.
    """
    separator = separator_of(path)
    batches = read_batches(
        path, separator, names=names, columns=[user, items], is_quoted=is_quoted(separator)
    )
    table = gather(explode(batch, items) for batch in batches)
    return as_rows(table, path, user, items, None)


def _names(path: Path, allowed: tuple[str, ...], at_least: int) -> tuple[str, ...]:
    found = len(first_rows(path, "\t", 1, is_quoted=False)[0])
    if not at_least <= found <= len(allowed):
        raise DataError(
            f"{path.name}: columns in the first row: {found}; allowed: "
            f"{' to '.join(dict.fromkeys(map(str, (at_least, len(allowed)))))} "
            f"({', '.join(allowed)}), separated by tabs"
        )
    return allowed[:found]


def _check_unique(items: pd.DataFrame, path: Path) -> None:
    repeated = items["item"][items["item"].duplicated()].unique().tolist()
    if repeated:
        shown = repeated[:NUM_SHOWN]
        raise DataError(f"{path.name}: {len(repeated):,} items are listed more than once: {shown}")


READER = Reader(SequencesSpec, read_sequences, hash_of(source_files), file_name("users"))
