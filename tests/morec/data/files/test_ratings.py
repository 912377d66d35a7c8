"""Ratings are numbers or missing; anything else is named."""

import numpy as np
import pandas as pd
import pytest

from morec.data.files.ratings import as_ratings
from morec.errors import DataError


@pytest.mark.parametrize(
    "values",
    [
        pd.Series(["4", "3.5", None, "NULL", " 2 "]).astype("category"),
        pd.Series([4, 3.5, np.nan, np.nan, 2]),
        pd.Series([4, 3.5, None, None, 2], dtype="Float64"),
    ],
)
def test_ratings_are_numbers_or_missing(values: pd.Series) -> None:
    ratings = as_ratings(values, "t")
    assert ratings.dtype == np.float64
    assert ratings.fillna(-1).tolist() == [4, 3.5, -1, -1, 2]


@pytest.mark.parametrize("bad", ["good", "4/5", "inf", "4,5"])
def test_a_rating_that_is_no_number_is_named(bad: str) -> None:
    with pytest.raises(DataError) as error:
        as_ratings(pd.Series(["5", bad]), "log.csv: column 'stars'")
    assert str(error.value) == f"log.csv: column 'stars': ratings that are no numbers: {bad!r}"
