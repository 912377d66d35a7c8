"""``Interactions``, which every reader returns, and the rules that turn raw rows into them.

Every rule counts what it drops in ``counts``, under a name of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from morec.data.clock import look_rounded
from morec.data.ids import ids_in, ids_of
from morec.data.images.sources import ImageSource
from morec.data.usable_rows import usable_rows

REPEATS = {"first": "dropped", "keep": "kept"}
"""What becomes of repeated interactions, by option."""


@dataclass(frozen=True)
class Interactions:
    """Which user interacted with which item and when, in file order, and the catalogue of items.

    Shapes: n interactions. Codes count from 0: users in order of first appearance, items in
    the order of the items file or, without one, of first appearance.
    """

    user_ids: npt.NDArray[np.int64]
    """(n,) codes into ``user_names``."""
    item_ids: npt.NDArray[np.int64]
    """(n,) codes into ``item_names``."""
    timestamps: npt.NDArray[np.int64]
    """(n,) in any unit; ``morec.data.ties`` orders interactions of equal time."""
    user_names: Sequence[str]
    item_names: Sequence[str]
    counts: Mapping[str, int]
    """How many rows, interactions or items each rule concerned."""
    titles: tuple[str, ...] | None = None
    """Text per item; an empty text is an empty string."""
    images: ImageSource | None = None
    """Where the image of each item is."""
    image_array: npt.NDArray[np.uint8] | None = None
    """(num_items, H, W, 3); only of datasets that draw their images."""
    ticks_per_s: int | None = None
    """Units of ``timestamps`` in a second; None if they are no clock times, only an order."""
    notes: tuple[str, ...] = ()
    """What a reader of results must know of the data: sentences, shown beside the verdict."""


def from_rows(
    rows: pd.DataFrame,
    item_names: Sequence[str] | None = None,
    *,
    repeats: Literal["first", "keep"] = "first",
    titles: tuple[str, ...] | None = None,
    images: ImageSource | None = None,
    min_rating: float | None = None,
) -> Interactions:
    """Apply the rules to raw rows with the columns ``user``, ``item`` and ``timestamp``.

    In this order: rows without a user or an item (``broken_rows``) or without a usable time are
    dropped, then those below ``min_rating`` in the column ``rating``. If ``item_names`` are given,
    rows of other items are dropped (``unknown_item_rows``); ids are matched as ``morec.data.ids``
    says. Of a user's repeated interactions with an item, the earliest stays
    (``repeated_interactions_dropped``) or all stay (``repeated_interactions_kept``).
    """
    usable = usable_rows(rows, min_rating)
    wanted = usable.rows["item"]
    items = ids_of(wanted, "item") if item_names is None else ids_in(wanted, item_names, "item")
    is_known = items.codes >= 0
    users = ids_of(usable.rows["user"][is_known], "user")
    item_ids, timestamps = items.codes[is_known], usable.timestamps[is_known]
    order = time_order(users.codes, timestamps)
    is_repeat = _repeats(order, users.codes, item_ids)
    kept = ~is_repeat if repeats == "first" else np.ones_like(is_repeat)
    in_order = order[kept[order]]
    return Interactions(
        user_ids=users.codes[kept],
        item_ids=item_ids[kept],
        timestamps=timestamps[kept],
        ticks_per_s=usable.ticks_per_s,
        user_names=users.names,
        item_names=items.names,
        counts={
            **usable.counts,
            "unknown_item_rows": int((~is_known).sum()),
            f"repeated_interactions_{REPEATS[repeats]}": int(is_repeat.sum()),
            **items.counts,
            **users.counts,
            **_rounded(users.codes[in_order], timestamps[in_order], usable.ticks_per_s),
        },
        titles=titles,
        images=images,
    )


def all_ratings_count(interactions: Interactions) -> Interactions:
    """Count the interactions as rated ones of which none was left out for a low rating."""
    counts = {**interactions.counts, "all_ratings_count": interactions.counts["rows_read"]}
    return replace(interactions, counts=counts)


def time_order(
    user_ids: npt.NDArray[np.int64], timestamps: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return the indices (n,) that sort by user, then time, then position in the file."""
    return np.lexsort((timestamps, user_ids))


def follows_a_tie(
    users: npt.NDArray[np.int64], times: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Mark rows, sorted by user and time, whose user and time are those of the row before."""
    is_same: npt.NDArray[np.bool_] = np.zeros(len(users), dtype=bool)
    is_same[1:] = (np.diff(users) == 0) & (np.diff(times) == 0)
    return is_same


def _repeats(
    order: npt.NDArray[np.int64],
    user_ids: npt.NDArray[np.int64],
    item_ids: npt.NDArray[np.int64],
) -> npt.NDArray[np.bool_]:
    """Mark every interaction of a user with an item except the first in ``order``."""
    pairs = pd.DataFrame({"user": user_ids[order], "item": item_ids[order]})
    is_repeat = np.empty(len(order), dtype=bool)
    is_repeat[order] = pairs.duplicated().to_numpy()
    return is_repeat


def _rounded(
    user_ids: npt.NDArray[np.int64], timestamps: npt.NDArray[np.int64], ticks_per_s: int | None
) -> dict[str, int]:
    """Count ties, by user and time in order, whose times look rounded; nothing if none do."""
    num_ties = int(np.count_nonzero(follows_a_tie(user_ids, timestamps)))
    if not look_rounded(timestamps, num_ties, ticks_per_s):
        return {}
    return {"ties_of_times_that_look_rounded": num_ties}
