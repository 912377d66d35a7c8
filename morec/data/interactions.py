"""``Interactions``, which every reader returns, and the rules that turn raw rows into them.

Every rule counts what it drops in ``counts``, under a name of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from morec.data.images.sources import ImageSource

FIRST_CLOCK_S, LAST_CLOCK_S = 31_536_000, 4_102_444_800
"""The beginnings of 1971 and 2100, in seconds from 1970."""


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


def from_rows(
    rows: pd.DataFrame,
    item_names: Sequence[str] | None = None,
    *,
    repeats: Literal["first", "keep"] = "first",
    titles: tuple[str, ...] | None = None,
    images: ImageSource | None = None,
) -> Interactions:
    """Apply the rules to raw rows with the columns ``user``, ``item`` and ``timestamp``.

    In this order: rows without a value are dropped (``broken_rows``). If ``item_names`` are given,
    rows of other items are dropped (``unknown_item_rows``). Of a user's repeated interactions with
    an item, the earliest stays (``repeated_interactions_dropped``) or all stay
    (``repeated_interactions_kept``).
    """
    is_whole = rows.notna().all(axis=1)
    whole = rows[is_whole]
    codes = _item_codes(whole, item_names)
    known, item_ids = whole[codes.ids >= 0], codes.ids[codes.ids >= 0]
    user_ids, user_names = pd.factorize(known["user"])
    timestamps = known["timestamp"].to_numpy(np.int64)
    is_repeat = _repeats(user_ids, item_ids, timestamps)
    kept = ~is_repeat if repeats == "first" else np.ones_like(is_repeat)
    counts = {
        "rows_read": len(rows),
        "broken_rows": len(rows) - len(whole),
        "unknown_item_rows": len(whole) - len(known),
        f"repeated_interactions_{'dropped' if repeats == 'first' else 'kept'}": is_repeat.sum(),
    }
    return Interactions(
        user_ids=user_ids[kept].astype(np.int64),
        item_ids=item_ids[kept],
        timestamps=timestamps[kept],
        ticks_per_s=clock_ticks_per_s(timestamps),
        user_names=user_names.astype(str).tolist(),
        item_names=codes.names,
        counts={name: int(count) for name, count in counts.items()},
        titles=titles,
        images=images,
    )


def clock_ticks_per_s(timestamps: npt.NDArray[np.int64]) -> int | None:
    """Return the units of ``timestamps`` in a second, or None if they are no clock times.

    Clock times count seconds, milliseconds, microseconds or nanoseconds from 1970 and lie between
    1971 and 2100. These ranges do not overlap, so the numbers tell the unit. Counters, ranks and
    dates written as numbers (20230718) lie in no range.
    """
    if not len(timestamps):
        return None
    lowest, highest = timestamps.min(), timestamps.max()
    for ticks in (1, 10**3, 10**6, 10**9):
        if FIRST_CLOCK_S * ticks <= lowest and highest < LAST_CLOCK_S * ticks:
            return ticks
    return None


def time_order(
    user_ids: npt.NDArray[np.int64], timestamps: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return the indices (n,) that sort by user, then time, then position in the file."""
    return np.lexsort((timestamps, user_ids))


@dataclass(frozen=True)
class _ItemCodes:
    ids: npt.NDArray[np.int64]
    names: list[str]


def _item_codes(rows: pd.DataFrame, item_names: Sequence[str] | None) -> _ItemCodes:
    if item_names is None:
        ids, names = pd.factorize(rows["item"])
        return _ItemCodes(ids.astype(np.int64), names.astype(str).tolist())
    ids = pd.Index(item_names).get_indexer(rows["item"])
    return _ItemCodes(ids.astype(np.int64), list(item_names))


def _repeats(
    user_ids: npt.NDArray[np.int64],
    item_ids: npt.NDArray[np.int64],
    timestamps: npt.NDArray[np.int64],
) -> npt.NDArray[np.bool_]:
    """Mark every interaction of a user with an item except the earliest."""
    order = time_order(user_ids, timestamps)
    pairs = pd.DataFrame({"user": user_ids[order], "item": item_ids[order]})
    is_repeat = np.empty(len(order), dtype=bool)
    is_repeat[order] = pairs.duplicated().to_numpy()
    return is_repeat
