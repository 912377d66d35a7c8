"""The catalogue keeps one row per item, and its join with interactions counts what it drops."""

from pathlib import Path

import pandas as pd
import pytest

from morec.data.readers.catalogue import catalogue_of, join_catalogue
from morec.errors import DataError

FILES = (Path("far/log.csv"), Path("far/items.csv"))
ITEMS = pd.DataFrame({"id": ["b", None, "a", "b"], "title": [" Bread ", "lost", None, "again"]})


def test_the_first_row_of_every_item_stays_and_the_others_are_counted() -> None:
    catalogue = catalogue_of(ITEMS, "id", "title")
    assert catalogue.names == ["b", "a"]
    assert catalogue.titles == ("Bread", "")
    assert catalogue.rows.index.tolist() == [0, 2]
    assert catalogue.counts == {"broken_item_rows": 1, "repeated_item_rows_dropped": 1}
    assert catalogue_of(ITEMS, "id", None).titles is None


def test_interactions_have_the_counts_of_both_files() -> None:
    rows = pd.DataFrame({"user": ["u", "u"], "item": ["a", "x"], "timestamp": [1, 2]})
    interactions = join_catalogue(rows, catalogue_of(ITEMS, "id", "title"), files=FILES)
    assert interactions.item_ids.tolist() == [1]
    assert interactions.counts["unknown_item_rows"] == 1
    assert interactions.counts["broken_item_rows"] == 1


def test_files_that_share_no_item_show_examples_of_both() -> None:
    rows = pd.DataFrame({"user": ["u", "u"], "item": ["A", "B"], "timestamp": [1, 2]})
    with pytest.raises(DataError) as error:
        join_catalogue(rows, catalogue_of(ITEMS, "id", None), files=FILES)
    assert str(error.value) == (
        "log.csv and items.csv share no item: interactions have 'A', 'B'; items have 'b', 'a'. "
        "Did you mean 'a'? They differ in upper and lower case: write them alike."
    )
