"""Ratings are numbers or missing; anything else is named."""

import numpy as np
import pandas as pd
import pytest

from morec.data.files.ratings import as_ratings, rating_columns
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


def test_three_ratings_that_are_no_numbers_are_shown_and_rows_keep_their_index() -> None:
    values = pd.Series(["a", "5", "b", "a", "c", "d"])
    with pytest.raises(DataError, match=r"^t: ratings that are no numbers: 'a', 'b', 'c'$"):
        as_ratings(values, "t")
    found = as_ratings(pd.Series(["5", None, "5"], index=[7, 3, 4]), "t")
    assert found.index.tolist() == [7, 3, 4]
    assert found.fillna(0).tolist() == [5, 0, 5]


def test_columns_of_ratings_are_known_by_their_whole_name() -> None:
    names = ["Rating", "user_rating", "stars", "OVERALL", "x"]
    assert rating_columns(names) == ["Rating", "stars", "OVERALL"]
