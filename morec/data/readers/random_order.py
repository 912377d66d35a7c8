"""A fixed random order for interactions that have neither times nor an order."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from morec.data.ties import mixed

HASH_KEY = "without an order"
"""16 bytes; another key is another order."""
RANDOM_ORDER = (
    "The data have no times (order: none): a user's last interaction is a random one, and "
    "leave-one-out tests no prediction of what comes next."
)


def random_order(rows: pd.DataFrame) -> pd.DataFrame:
    """Give rows of ``user`` and ``item`` times that say nothing, the same ones in every run.

    A time is a hash of user, item and how often the pair occurred before. So it depends on no
    order of the file. Hashes are negative, since clock times are not.
    """
    hashes = [_hashes(rows[column]) for column in ("user", "item")]
    repeat = _num_before(rows).astype(np.uint64)
    spread = mixed(mixed(hashes[0]) + hashes[1] + repeat * np.uint64(0x9E3779B97F4A7C15))
    return rows.assign(timestamp=-(spread >> np.uint64(1)).astype(np.int64) - 1)


def _hashes(values: pd.Series) -> npt.NDArray[np.uint64]:
    hashes: npt.NDArray[np.uint64] = pd.util.hash_array(
        values.astype("category").array, hash_key=HASH_KEY
    )
    return hashes


def _num_before(rows: pd.DataFrame) -> npt.NDArray[np.int64]:
    pairs = rows[["user", "item"]]
    if not pairs.duplicated().any():
        return np.zeros(len(rows), dtype=np.int64)
    before = pairs.groupby(["user", "item"], observed=True, dropna=False).cumcount()
    return np.asarray(before, dtype=np.int64)
