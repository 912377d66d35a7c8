"""What lists hold: by hand, by loops over the lists, and by what must be true of any lists."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morec.data.dataset import Dataset
from morec.data.slices import popularity_codes_N1
from morec.data.splits import train_popularity_N1
from morec.list_metrics import LIST_METRICS, Catalogue, ListCounts, catalogue_of, list_metrics_of

ITEMS = Catalogue(
    popularity_N=np.array([100, 40, 12, 3, 0]),
    is_candidate_N=np.array([True, True, True, True, False]),
    is_tail_N=np.array([False, False, True, True, True]),
)
LISTS = [[1, 2], [1, 3], [1, 5], [4, 1]]
"""Of four users; the third has the untrained item 5, which is the user's own target."""
GOLDEN: dict[str, dict[int, float]] = {
    "coverage": {1: 2 / 4, 2: 4 / 4},
    "mean popularity": {1: (3 * 100 + 3) / 4, 2: (4 * 100 + 40 + 12 + 3 + 0) / 8},
    "tail share": {1: 1 / 4, 2: 3 / 8},
    # Ascending counts of the candidates: 0, 0, 1, 3 and 1, 1, 1, 4; weights -3, -1, 1, 3.
    "gini": {1: (1 * 1 + 3 * 3) / (4 * 4), 2: (-3 - 1 + 1 + 3 * 4) / (4 * 7)},
}
"""Metric -> k -> its value for these lists, by hand."""


def measured(lists: list[list[int]], ks: tuple[int, ...], items: Catalogue) -> dict[str, float]:
    counts = ListCounts(ks, len(items.popularity_N))
    for one in lists:
        counts.add(np.array([one]))
    return list_metrics_of(counts.counts_KN1, ks, items)


def test_every_metric_of_lists_has_golden_values() -> None:
    assert list(GOLDEN) == list(LIST_METRICS)


@pytest.mark.parametrize(
    ("name", "k", "value"), [(name, k, v) for name, row in GOLDEN.items() for k, v in row.items()]
)
def test_the_value_of_four_lists_is_the_golden_one(name: str, k: int, value: float) -> None:
    assert measured(LISTS, (1, 2), ITEMS)[f"{name}@{k}"] == pytest.approx(value, abs=1e-15)


def test_names_are_metric_by_metric_in_the_order_of_the_table() -> None:
    expected = [f"{name}@{k}" for name in LIST_METRICS for k in (1, 2)]
    assert list(measured(LISTS, (1, 2), ITEMS)) == expected


def test_counts_are_whole_numbers_added_up_over_lists() -> None:
    counts = ListCounts((1, 2), 5)
    for one in LISTS:
        counts.add(np.array([one]))
    assert counts.counts_KN1.tolist() == [[0, 3, 0, 0, 1, 0], [0, 4, 1, 1, 1, 1]]
    assert counts.counts_KN1.dtype == np.int64


def test_a_cutoff_beyond_a_list_counts_what_the_list_holds() -> None:
    at_2, at_9 = measured(LISTS, (2,), ITEMS), measured(LISTS, (9,), ITEMS)
    assert list(at_2.values()) == list(at_9.values())


def test_empty_places_are_no_entries() -> None:
    found = measured([[1, 0], [2, 0]], (2,), ITEMS)
    assert found["mean popularity@2"] == (100 + 40) / 2
    assert found["coverage@2"] == 2 / 4


def test_lists_that_are_all_empty_recommend_nothing() -> None:
    assert set(measured([[0, 0]], (2,), ITEMS).values()) == {0.0}


@st.composite
def some_lists(draw: st.DrawFn) -> tuple[list[list[int]], Catalogue]:
    num_items = draw(st.integers(2, 12))
    k = draw(st.integers(1, num_items))
    one = st.permutations(range(1, num_items + 1)).map(lambda items: items[:k])
    popularity = draw(st.lists(st.integers(0, 50), min_size=num_items, max_size=num_items))
    popularity_N = np.array(popularity)
    items = Catalogue(popularity_N, np.ones(num_items, dtype=bool), popularity_N < 10)
    return draw(st.lists(one, min_size=1, max_size=8)), items


@given(some_lists())
def test_values_are_those_of_a_loop_over_all_entries(case) -> None:
    lists, items = case
    k, num_items = len(lists[0]), len(items.popularity_N)
    found = measured(lists, (k,), items)
    entries = [item for one in lists for item in one]
    popularity = [items.popularity_N[item - 1] for item in entries]
    assert found[f"coverage@{k}"] == pytest.approx(len(set(entries)) / num_items)
    assert found[f"mean popularity@{k}"] == pytest.approx(sum(popularity) / len(entries))
    assert found[f"tail share@{k}"] == pytest.approx(sum(p < 10 for p in popularity) / len(entries))
    counts = [entries.count(item) for item in range(1, num_items + 1)]
    # Half the mean absolute difference of two items' counts, relative to the mean count.
    apart = sum(abs(a - b) for a in counts for b in counts) / num_items**2
    assert found[f"gini@{k}"] == pytest.approx(apart / 2 / (len(entries) / num_items), abs=1e-12)


@given(some_lists())
def test_shares_are_shares_and_the_mean_popularity_is_one_that_items_have(case) -> None:
    lists, items = case
    k = len(lists[0])
    found = measured(lists, (k,), items)
    assert k / len(items.popularity_N) <= found[f"coverage@{k}"] <= 1
    assert 0 <= found[f"tail share@{k}"] <= 1
    assert -1e-12 <= found[f"gini@{k}"] < 1
    assert min(items.popularity_N) <= found[f"mean popularity@{k}"] <= max(items.popularity_N)


@given(some_lists())
def test_one_list_for_all_covers_k_of_the_candidates(case) -> None:
    (first, *_), items = case
    k, num_items = len(first), len(items.popularity_N)
    found = measured([first] * 5, (k,), items)
    assert found[f"coverage@{k}"] == pytest.approx(k / num_items)
    assert found[f"gini@{k}"] == pytest.approx(1 - k / num_items, abs=1e-12)


@given(some_lists())
def test_every_item_for_everybody_is_even(case) -> None:
    lists, items = case
    num_items = len(items.popularity_N)
    found = measured([list(range(1, num_items + 1))] * len(lists), (num_items,), items)
    assert found[f"coverage@{num_items}"] == 1
    assert found[f"gini@{num_items}"] == pytest.approx(0, abs=1e-12)
    assert found[f"mean popularity@{num_items}"] == pytest.approx(items.popularity_N.mean())


@pytest.mark.parametrize("candidates", ["all", "trained"])
def test_the_tail_is_what_the_slices_call_new_cold_or_tail(
    tiny_dataset: Dataset, candidates: str
) -> None:
    """Item 4 is in no train list: it belongs to the tail, and is no trained candidate."""
    train = np.where(tiny_dataset.item_ids == 4, 5, tiny_dataset.item_ids)
    dataset = replace(tiny_dataset, item_ids=train)
    items = catalogue_of(dataset, candidates)
    counts = train_popularity_N1(dataset)[1:].tolist()
    assert items.popularity_N.tolist() == counts and counts[3] == 0
    assert items.is_candidate_N[3] == (candidates == "all")
    labels = [("new", "cold", "tail", "mid", "head")[c] for c in popularity_codes_N1(dataset)[1:]]
    assert items.is_tail_N.tolist() == [one in ("new", "cold", "tail") for one in labels]
    assert {"new", "head"} <= set(labels)
