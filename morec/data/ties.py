"""The order of a user's interactions at equal times, which decides what a model is tested on.

A source whose times are coarse (days, a batch of ratings saved together) does not say which of two
interactions came last. An order that follows item numbers can be learnt by a model of item IDs and
by no model of contents; ``studies/ties.yaml`` measures what that does on MovieLens.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from morec.config import Ties
from morec.data.interactions import Interactions, follows_a_tie, time_order

HASH_KEY = "order at a tie 1"
"""Seed of the hash, 16 characters, the same for every data set: every run has the same order."""

_Ints = npt.NDArray[np.int64]
_Keys = npt.NDArray[np.uint64]


def sequence_order(interactions: Interactions, ties: Ties) -> _Ints:
    """Return the indices (n,) that sort by user, then time, then as ``ties`` says.

    ``file``: position in the file. ``item``: position in the catalogue. ``hash``: a number drawn
    from the names of user and item, so that neither the files' order nor other rows matter.
    """
    order = time_order(interactions.user_ids, interactions.timestamps)
    key = _KEYS[ties]
    if key is None:
        return order
    starts = ~follows_a_tie(interactions.user_ids[order], interactions.timestamps[order])
    tie_n = np.cumsum(starts)
    is_tied_n = np.bincount(tie_n)[tie_n] > 1
    tied = order[is_tied_n]
    order[is_tied_n] = tied[np.lexsort((key(interactions, tied), tie_n[is_tied_n]))]
    return order


def _item_keys(interactions: Interactions, rows: _Ints) -> _Keys:
    return interactions.item_ids[rows].astype(np.uint64)


def _hash_keys(interactions: Interactions, rows: _Ints) -> _Keys:
    users = _name_hashes(interactions.user_names, interactions.user_ids[rows])
    items = _name_hashes(interactions.item_names, interactions.item_ids[rows])
    return mixed(users * np.uint64(0x9E3779B97F4A7C15) + items)


def _name_hashes(names: Sequence[str], codes: _Ints) -> _Keys:
    """Hash the name of every code (n,); a name is hashed once, however many rows have it."""
    is_used = np.zeros(len(names), dtype=bool)
    is_used[codes] = True
    texts = np.array([names[code] for code in np.flatnonzero(is_used).tolist()], dtype=object)
    hashes = np.empty(len(names), dtype=np.uint64)
    hashes[is_used] = pd.util.hash_array(texts, hash_key=HASH_KEY, categorize=False)
    return hashes[codes]


def mixed(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Return splitmix64's finalizer (Steele, Lea, Flood, OOPSLA 2014): every bit moves all."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))


_KEYS: Mapping[Ties, Callable[[Interactions, _Ints], _Keys] | None] = {
    "hash": _hash_keys,
    "file": None,
    "item": _item_keys,
}
"""What sorts rows of equal time; None leaves them in the file's order."""
