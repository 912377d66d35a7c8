"""Ratings of a column as numbers; a rating that is no number is named."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from morec.data.files.gather import MISSING
from morec.errors import DataError

NUM_SHOWN = 3
"""Ratings shown in an error."""
RATING_NAMES = ("rating", "ratings", "overall", "stars", "star_rating", "score")
"""Names of a column of ratings in headers, in lower case."""


def rating_columns(names: Iterable[str]) -> list[str]:
    """Return those names of columns that stand for ratings."""
    return [name for name in names if name.lower() in RATING_NAMES]


def as_ratings(values: pd.Series, where: str) -> pd.Series:
    """Return ratings as float64; a missing one is NaN. ``where`` names the column.

    Raises:
        DataError: a rating is no number.
    """
    codes, found = pd.factorize(values)
    distinct = pd.Series(found).astype(object)
    texts = distinct.astype(str).str.strip()
    is_missing = texts.isin(["", *MISSING]).to_numpy()
    numbers = pd.to_numeric(texts.where(~is_missing), errors="coerce").to_numpy(float)
    is_bad = ~is_missing & ~np.isfinite(numbers)
    if is_bad.any():
        shown = ", ".join(map(repr, texts[is_bad].head(NUM_SHOWN)))
        raise DataError(f"{where}: ratings that are no numbers: {shown}")
    return pd.Series(np.append(numbers, np.nan)[codes], index=values.index)
