"""Reads the paper's layout: ``users.tsv`` (user, items in time order) and ``items.tsv``.

Neither has a header. ``users.tsv``: user name, tab, item names separated by blanks. A file without
tabs has blanks there too: ``user item item ...``, or a line per interaction (SASRec, S3-Rec).
``items.tsv``: item name, then optionally a title (and an abstract, which is not used).

Memory (peak, measured on 0.2 and 0.6 million users with 15 items each): 125 MB per million listed
items, 3 GB for 1.6 million users.
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from morec.config import SequencesSpec
from morec.data.files.delimited import first_rows, read_batches
from morec.data.files.gather import explode, gather
from morec.data.files.sources import locate
from morec.data.files.tables import NUM_SHOWN, as_rows
from morec.data.files.text_format import TextFormat
from morec.data.interactions import Interactions, from_rows
from morec.data.readers.catalogue import catalogue_of, join_catalogue
from morec.data.readers.reader import ItemColumns, Reader, file_name, hash_of
from morec.errors import DataError

USERS = ("user", "item")
ITEMS = ("item", "title", "abstract")


def read_sequences(spec: SequencesSpec, root: Path) -> Interactions:
    """Read users' item lists; the order in a list is the order of time, repeats are kept.

    Raises:
        DataError: a file is missing, empty or has too many columns, an item is listed twice, or
            the two files share no item.
    """
    paths = source_files(spec, root)
    rows = _read_users(spec, paths[0])
    if len(paths) == 1:
        return from_rows(rows, repeats="keep")
    text = _text_of(spec)
    names = _names(paths[1], text, ITEMS, at_least=1)
    table = gather(read_batches(paths[1], text, names=names))
    catalogue = catalogue_of(table, "item", "title" if "title" in names else None)
    _check_unique(table, paths[1])
    return join_catalogue(rows, catalogue, files=(paths[0], paths[1]), repeats="keep")


def source_files(spec: SequencesSpec, root: Path) -> list[Path]:
    """Return the users file and, where given, the items file; a missing one is a ``DataError``."""
    return locate([spec.users, *([spec.items] if spec.items else [])], root)


def read_lists(
    path: Path, text: TextFormat, user: str, items: str, names: Sequence[str] = ()
) -> pd.DataFrame:
    """Return a row per item of the lists in the column ``items``, with its number as its time.

    Items are separated by blanks, oldest first. ``names`` are the columns of a file without a
    header. The columns of the result are those of ``as_rows``.

    Raises:
        DataError: the file is empty or broken.
    """
    batches = read_batches(path, text, names=names, columns=[user, items])
    table = gather(explode(batch, items) for batch in batches)
    return as_rows(table, path, user, items, None)


def item_columns(spec: SequencesSpec, root: Path) -> ItemColumns | None:
    """Offer ``title`` and ``abstract``, as far as the items have them."""
    if spec.items is None:
        return None
    path, text = source_files(spec, root)[1], _text_of(spec)
    names = _names(path, text, ITEMS, at_least=1)

    def read(wanted: list[str]) -> pd.DataFrame:
        return gather(read_batches(path, text, names=names, columns=["item", *wanted]))

    return ItemColumns(file=path.name, names=names, item="item", read=read)


def _text_of(spec: SequencesSpec) -> TextFormat:
    return TextFormat("\t", spec.encoding or "utf-8", encoding_option="encoding")


def _read_users(spec: SequencesSpec, path: Path) -> pd.DataFrame:
    text = _text_of(spec)
    first = first_rows(path, text, 1)[0]
    if len(first) > 1 or len(first[0].split()) < 2:
        return read_lists(path, text, *USERS, names=_names(path, text, USERS, at_least=2))
    lines = read_batches(path, text, names=["line"])
    table = gather(explode(_split(batch), "item") for batch in lines)
    return as_rows(table, path, *USERS, None)


def _split(lines: pa.RecordBatch) -> pa.RecordBatch:
    """Return the first word of every line as its user, and the rest as its items."""
    parts = pc.extract_regex(pc.fill_null(lines["line"], ""), r"^\s*(?P<user>\S*)\s*(?P<item>.*)$")
    return pa.RecordBatch.from_pydict({name: pc.struct_field(parts, name) for name in USERS})


def _names(
    path: Path, text: TextFormat, allowed: tuple[str, ...], at_least: int
) -> tuple[str, ...]:
    found = len(first_rows(path, text, 1)[0])
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


READER = Reader(
    SequencesSpec,
    read_sequences,
    hash_of(source_files),
    file_name("users"),
    columns=item_columns,
)
