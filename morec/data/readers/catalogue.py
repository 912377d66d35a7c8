"""The catalogue of items that a dataset lists, and its join with the interactions."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import pandas as pd

from morec.data.files.tables import NUM_SHOWN, as_names, as_texts
from morec.data.interactions import Interactions, from_rows
from morec.errors import DataError


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
) -> Interactions:
    """Join the rows of interactions with the catalogue; ``files`` are where both were read from.

    Raises:
        DataError: they share no item.
    """
    interactions = from_rows(rows, catalogue.names, repeats=repeats, titles=catalogue.titles)
    if len(rows) and not len(interactions.item_ids):
        seen = rows["item"].dropna().head(NUM_SHOWN).tolist()
        raise DataError(
            f"{files[0].name} and {files[1].name} share no item: interactions have {seen}, "
            f"items have {catalogue.names[:NUM_SHOWN]}"
        )
    return replace(interactions, counts={**interactions.counts, **catalogue.counts})
