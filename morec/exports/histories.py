"""Users' histories as a recommender reads them: items in time order, by the data set's own ids.

Shapes: U users, U1 = U + 1, n interactions.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from morec.data.ids import ids_in
from morec.errors import DataError, did_you_mean

USER, ITEM, TIME = "user_id", "item_id", "timestamp"
HistoriesLike: TypeAlias = Mapping[Any, Sequence[Any]] | pd.DataFrame
"""User -> items in time order; or a table with ``user_id``, ``item_id`` and, where its rows are not
in time order, ``timestamp``."""


@dataclass(frozen=True)
class Histories:
    """The known items of users, one user after the other."""

    user_ids: pd.Index
    """In the order in which they were given; of a table, of their first rows."""
    offsets_U1: npt.NDArray[np.int64]
    """User u's items are ``item_ids[offsets_U1[u]:offsets_U1[u + 1]]``, in time order."""
    item_ids: npt.NDArray[np.int32]
    """Items' places in the catalogue, from 1."""
    num_unknown: int
    """Interactions with items that the catalogue lacks; they are left out."""

    def without_items(self) -> list[Hashable]:
        """The users of whose histories no item is known."""
        return list(self.user_ids[np.diff(self.offsets_U1) == 0])


def read_histories(histories: HistoriesLike, item_names: Sequence[str]) -> Histories:
    """Find the items of histories in a catalogue, as ids of a data set are matched.

    Raises:
        DataError: a column is missing, or an id is.
    """
    table = histories if isinstance(histories, pd.DataFrame) else None
    users = _in_time(table) if table is not None else _table_of(histories)
    given = table[USER] if table is not None else pd.Series(list(histories), dtype=object)
    user_ids = pd.Index(given.drop_duplicates())
    found = ids_in(users[ITEM], item_names, "item").codes
    codes = user_ids.get_indexer(pd.Index(users[USER]))
    order = np.argsort(codes, kind="stable")
    order = order[found[order] >= 0]
    counts = np.bincount(codes[order], minlength=len(user_ids))
    return Histories(
        user_ids=user_ids,
        offsets_U1=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        item_ids=(found[order] + 1).astype(np.int32),
        num_unknown=int((found < 0).sum()),
    )


def _table_of(histories: Mapping[Any, Sequence[Any]]) -> pd.DataFrame:
    users = [user for user, items in histories.items() for _ in items]
    items = [item for one in histories.values() for item in one]
    return _checked(pd.DataFrame({USER: users, ITEM: items}, dtype=object))


def _in_time(table: pd.DataFrame) -> pd.DataFrame:
    columns = [str(column) for column in table.columns]
    if lacking := [name for name in (USER, ITEM) if name not in columns]:
        near = did_you_mean(lacking[0], columns)
        raise DataError(
            f"histories: no column {' and no column '.join(lacking)}; found: "
            f"{', '.join(columns)}.{near}"
        )
    checked = _checked(table)
    if TIME not in columns:
        return checked
    try:
        return checked.sort_values(TIME, kind="stable")
    except TypeError as error:
        raise DataError(
            f"histories: column {TIME} holds values that have no order among each other "
            f"({error}); allowed: numbers, or texts, or times"
        ) from error


def _checked(table: pd.DataFrame) -> pd.DataFrame:
    for name in (column for column in (USER, ITEM, TIME) if column in table.columns):
        if num := int(table[name].isna().sum()):
            raise DataError(f"histories: {num:,} of {len(table):,} rows have no {name}")
    return table
