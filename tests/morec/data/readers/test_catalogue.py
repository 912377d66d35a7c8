"""The catalogue keeps one row per item, and its join with interactions counts what it drops."""

from pathlib import Path

import pandas as pd
import pytest

from morec.data.interactions import Interactions
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


def join(items: list[str], names: list[str]) -> Interactions:
    rows = pd.DataFrame({"user": "u", "item": items, "timestamp": range(len(items))})
    catalogue = catalogue_of(pd.DataFrame({"id": names}), "id", None)
    return join_catalogue(rows, catalogue, files=FILES)


def test_a_share_of_unknown_items_is_noted_with_examples() -> None:
    interactions = join(["i1", "i2", "I3", "i4", "i1"], ["i1", "i2", "i3", "i4"])
    assert interactions.counts["unknown_item_rows"] == 1
    assert interactions.notes == (
        "items.csv lacks the items of 20.0% of the rows of log.csv: 'I3'; items have 'i1', 'i2', "
        "'i3'. Did you mean 'i3'? They differ in upper and lower case: write them alike.",
    )


@pytest.mark.parametrize(("num_known", "noted"), [(99, True), (100, False)])
def test_less_than_one_in_a_hundred_is_counted_and_not_noted(num_known: int, noted: bool) -> None:
    interactions = join([*["a"] * num_known, "z"], ["a"])
    assert interactions.counts["unknown_item_rows"] == 1
    assert bool(interactions.notes) is noted


def test_files_belong_together_up_to_half_of_the_rows() -> None:
    assert join(["a", "x", "b", "y"], ["a", "b"]).counts["unknown_item_rows"] == 2
    assert join(["a", "a", "a", "x", "y"], ["a"]).counts["unknown_item_rows"] == 2
    with pytest.raises(DataError) as error:
        join(["a", "108775015", "108775016"], ["a", "0108775015", "0108775016"])
    assert str(error.value) == (
        "items.csv lacks the items of 66.7% of the rows of log.csv: '108775015', '108775016'; "
        "items have 'a', '0108775015', '0108775016'. Did you mean '0108775015'? Leading zeros are "
        "lost on one side: write ids as text on both sides, with pandas "
        'read_csv(..., dtype="str").'
    )


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


def test_a_single_row_of_an_unknown_item_shares_no_item() -> None:
    with pytest.raises(DataError, match=r"^log.csv and items.csv share no item: "):
        join(["x"], ["a"])


def test_rows_without_users_are_broken_and_of_no_unknown_item() -> None:
    rows = pd.DataFrame({"user": [None], "item": ["a"], "timestamp": [1]})
    interactions = join_catalogue(rows, catalogue_of(ITEMS, "id", None), files=FILES)
    assert interactions.counts["broken_rows"] == 1
    assert interactions.notes == ()


def test_repeats_and_low_ratings_follow_the_study() -> None:
    rows = pd.DataFrame({"user": "u", "item": ["a", "b", "a"], "timestamp": [1, 2, 3]})
    rows["rating"] = [5.0, 1.0, 4.0]
    catalogue = catalogue_of(ITEMS, "id", "title")
    kept = join_catalogue(rows, catalogue, files=FILES, repeats="keep", min_rating=4)
    assert kept.item_ids.tolist() == [1, 1]
    assert kept.titles == ("Bread", "")
    assert join_catalogue(rows, catalogue, files=FILES).item_ids.tolist() == [1, 0]
