"""The catalogue of items that a dataset lists, and its join with the interactions."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import pandas as pd

from morec.data.files.tables import as_names, as_texts
from morec.data.ids import ids_in
from morec.data.interactions import Interactions, from_rows
from morec.data.readers.unmatched import unmatched_items
from morec.errors import DataError

NOTED_SHARE, MAX_SHARE = 0.01, 0.5
"""Share of the rows with items outside the catalogue from which on a note names them; and above
which the files do not belong together."""


@dataclass(frozen=True)
class Catalogue:
    """Items by name, each once, in the order of their file."""

    rows: pd.DataFrame
    """The kept rows of the items file."""
    names: list[str]
    titles: tuple[str, ...] | None
    """An item without a title has an empty one."""
    counts: Mapping[str, int]


def catalogue_of(table: pd.DataFrame, item: str, title: str | None) -> Catalogue:
    """Keep the first row of every item.

    Dropped are rows without an item (``broken_item_rows``) and further rows of an item
    (``repeated_item_rows_dropped``).
    """
    names = as_names(table[item])
    is_whole = names.notna()
    is_kept = is_whole & ~names.duplicated()
    rows = table[is_kept]
    return Catalogue(
        rows=rows,
        names=names[is_kept].tolist(),
        titles=None if title is None else as_texts(rows[title]),
        counts={
            "broken_item_rows": int((~is_whole).sum()),
            "repeated_item_rows_dropped": int(is_whole.sum() - is_kept.sum()),
        },
    )


def join_catalogue(
    rows: pd.DataFrame,
    catalogue: Catalogue,
    *,
    files: tuple[Path, Path],
    repeats: Literal["first", "keep"] = "first",
    min_rating: float | None = None,
) -> Interactions:
    """Join the rows of interactions with the catalogue; ``files`` are where both were read from.

    Rows of items that the catalogue lacks are dropped and counted; a note names such items.

    Raises:
        DataError: the catalogue lacks the items of more than half of the rows.
    """
    interactions = from_rows(
        rows, catalogue.names, repeats=repeats, titles=catalogue.titles, min_rating=min_rating
    )
    counts = {**interactions.counts, **catalogue.counts}
    num_unknown, num_known = counts["unknown_item_rows"], len(interactions.item_ids)
    num_known += counts.get("repeated_interactions_dropped", 0)
    share = num_unknown / max(num_unknown + num_known, 1)
    notes = [_unmatched(rows, catalogue, files, share)] if share >= NOTED_SHARE else []
    if share > MAX_SHARE:
        raise DataError(notes[0])
    return replace(interactions, counts=counts, notes=(*interactions.notes, *notes))


def _unmatched(
    rows: pd.DataFrame, catalogue: Catalogue, files: tuple[Path, Path], share: float
) -> str:
    distinct = rows["item"].dropna().drop_duplicates()
    is_unknown = ids_in(distinct, catalogue.names, "item").codes < 0
    found = unmatched_items(distinct[is_unknown].astype(str).tolist(), catalogue.names)
    log, items = (path.name for path in files)
    if share == 1:
        return f"{log} and {items} share no item: interactions have {found}"
    return f"{items} lacks the items of {share:.1%} of the rows of {log}: {found}"
