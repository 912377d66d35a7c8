"""Users are sliced by popularity, history and item age, with labels that state the bounds."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morec.config import POPULARITY_LABELS
from morec.data.dataset import Dataset
from morec.data.slices import COLD_BELOW, Slicing, slicings
from morec.data.splits import Split
from tests.morec.data.hand_made import dataset_of, datasets, quick, windows_of

DAY = 86_400
splits: st.SearchStrategy[Split] = st.sampled_from(["valid", "test"])
lengths = st.lists(st.integers(1, 21), min_size=1, max_size=60)


def labels_of(slicing: Slicing) -> list[str]:
    return [slicing.labels[code] for code in slicing.codes_U]


def by_popularity(dataset: Dataset, split: Split = "test") -> list[str]:
    return labels_of(slicings(dataset, split)[0])


def by_history(train_lengths: list[int]) -> Slicing:
    windows = [[1] * (length + 2) for length in train_lengths]
    return slicings(dataset_of(windows, 1, max_seq_len=20), "test")[1]


def by_age(*ages_s: int) -> Slicing:
    """A user per age of a test target; the other positions' ages must not matter."""
    dataset = dataset_of([[1, 1, 1]] * len(ages_s), 1)
    positions = np.full((len(ages_s), 3), 7 * DAY)
    positions[:, 2] = ages_s
    return slicings(replace(dataset, ages_s=positions.ravel()), "test")[2]


@pytest.mark.parametrize(("split", "expected"), [("test", [0, 1, 1, 0]), ("valid", [0, 1, 1, 1])])
def test_a_target_is_tied_with_the_interaction_before_or_after_it(
    split: Split, expected: list[int]
) -> None:
    ties = [[0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 1], [0, 1, 1, 0]]
    dataset = dataset_of([[1, 2, 3, 4]] * 4, 4)
    tied = replace(dataset, is_tied=np.array(ties, dtype=bool).ravel())
    slicing = slicings(tied, split)[-1]
    assert (slicing.dimension, slicing.labels) == ("ties in time", ("untied", "tied"))
    assert slicing.codes_U.tolist() == expected


def test_there_is_no_slice_of_ties_where_no_target_is_tied() -> None:
    dataset = dataset_of([[1, 2, 3, 4]], 4)
    tied_in_training = replace(dataset, is_tied=np.array([False, True, False, False]))
    for one in (dataset, tied_in_training):
        assert [s.dimension for s in slicings(one, "test")] == ["popularity", "history"]


def train_lists(counts: dict[int, int]) -> list[int]:
    return [item for item, count in counts.items() for _ in range(count)]


def test_a_target_is_new_cold_or_in_a_third_of_the_other_interactions() -> None:
    # The items 3 to 6 share 90 interactions; 3 and 4 have the first third of them.
    counts = {2: 9, 3: 10, 4: 20, 5: 30, 6: 30, 7: 1}
    targets = [1, 7, 2, 3, 4, 5, 6]
    windows = [[*train_lists(counts), 8, targets[0]], *([[7, 8, item] for item in targets[1:]])]
    dataset = dataset_of(windows, num_items=8, max_seq_len=200)
    # The six short windows have the item 7 in their train lists, which stays cold with 7.
    # The items 5 and 6 are equal, so neither may be in another third: theirs is the last.
    assert by_popularity(dataset) == ["new", "cold", "cold", "tail", "tail", "head", "head"]


def test_an_item_is_cold_below_ten_train_interactions() -> None:
    assert COLD_BELOW == 10
    windows = [[*train_lists({1: 9, 2: 10}), 3, 1], [3, 3, 2]]
    assert by_popularity(dataset_of(windows, 3, max_seq_len=50)) == ["cold", "mid"]


@quick
@given(datasets(), splits)
def test_popularity_counts_the_train_lists_alone_for_both_splits(
    dataset: Dataset, split: Split
) -> None:
    from_end = {"valid": 2, "test": 1}[split]
    train = [item for window in windows_of(dataset) for item in window[:-2]]
    counts = [train.count(window[-from_end]) for window in windows_of(dataset)]
    for label, count in zip(by_popularity(dataset, split), counts, strict=True):
        assert (label == "new") == (count == 0)
        assert (label == "cold") == (1 <= count < 10)


@quick
@given(st.lists(st.integers(0, 40), min_size=2, max_size=30))
def test_the_more_popular_target_is_never_in_an_earlier_slice(counts: list[int]) -> None:
    items = range(1, len(counts) + 1)
    train = train_lists(dict(zip(items, counts, strict=True)))
    filler = len(counts) + 1
    windows = [[*train, filler, filler, 1], *([filler, filler, item] for item in items)]
    dataset = dataset_of(windows, filler, max_seq_len=2000)
    order = np.argsort(counts, kind="stable")
    found = [POPULARITY_LABELS.index(label) for label in by_popularity(dataset)[1:]]
    assert (np.diff(np.array(found)[order]) >= 0).all()
    equal = {(count, code) for count, code in zip(counts, found, strict=True)}
    assert len(equal) == len(set(counts))


def test_many_distinct_popularities_give_thirds_of_equal_interactions() -> None:
    counts = {item: 10 + item for item in range(1, 301)}
    train = train_lists(counts)
    windows = [[*train, 301, 301, 1], *([301, 301, item] for item in range(1, 301))]
    found = by_popularity(dataset_of(windows, 301, max_seq_len=10**6))[1:]
    for label in ("tail", "mid", "head"):
        share = sum(10 + item for item in range(1, 301) if found[item - 1] == label) / len(train)
        assert share == pytest.approx(1 / 3, abs=0.01)


def test_histories_are_thirds_of_the_users_labelled_by_their_bounds() -> None:
    slicing = by_history([3, 12, 5, 8, 21, 4, 13, 9, 20])
    assert slicing.dimension == "history"
    assert slicing.labels == ("3-5", "8-12", "13-21")
    assert slicing.codes_U.tolist() == [0, 1, 0, 1, 2, 0, 2, 1, 2]


def test_a_length_that_most_users_have_is_a_slice_of_its_own() -> None:
    slicing = by_history([3, 7, 21, 21, 21, 21, 21, 21])
    assert slicing.labels == ("3-7", "21")
    # H&M: every user has 11 train interactions.
    assert by_history([11, 11, 11]).labels == ("11",)


@quick
@given(lengths)
def test_every_history_lies_within_the_bounds_of_its_label(train_lengths: list[int]) -> None:
    slicing = by_history(train_lengths)
    bounds = [[int(bound) for bound in label.split("-")] for label in labels_of(slicing)]
    assert all(
        bound[0] <= length <= bound[-1] for bound, length in zip(bounds, train_lengths, strict=True)
    )
    assert len(slicing.labels) <= 3
    assert set(slicing.codes_U.tolist()) == set(range(len(slicing.labels)))


def test_item_ages_are_thirds_of_the_users_in_units_that_can_be_read() -> None:
    slicing = by_age(0, 3600, 12 * DAY, 30 * DAY, 400 * DAY, 1000 * DAY)
    assert slicing.dimension == "item age"
    assert slicing.labels == ("< 12 days", "12 days to 400 days", ">= 400 days")
    assert slicing.codes_U.tolist() == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize(
    ("seconds", "label"),
    [
        (1, ">= 1 second"),
        (119, ">= 120 seconds"),
        (120, ">= 2 minutes"),
        (7199, ">= 120 minutes"),
        (7200, ">= 2 hours"),
        (47 * 3600, ">= 47 hours"),
        (2 * DAY + 5 * 3600, ">= 2.2 days"),
        (123 * DAY, ">= 120 days"),
        (731 * DAY, ">= 2 years"),
    ],
)
def test_bounds_are_rounded_to_two_digits_of_their_unit(seconds: int, label: str) -> None:
    assert by_age(0, seconds).labels[-1] == label


def test_users_are_counted_by_the_rounded_bounds() -> None:
    # 12.4 days are rounded to 12, 99.6 to 100: both labels stay true.
    slicing = by_age(DAY, 12 * DAY + 9 * 3600, 99 * DAY + 14 * 3600)
    assert slicing.labels == ("< 12 days", "12 days to 100 days", ">= 100 days")
    assert slicing.codes_U.tolist() == [0, 1, 1]


def test_bounds_that_round_to_the_same_are_merged() -> None:
    assert by_age(0, 101, 102).labels == ("< 100 seconds", ">= 100 seconds")
    assert by_age(5, 5, 5).labels == ("any age",)


def test_without_clock_times_there_is_no_item_age() -> None:
    assert [one.dimension for one in slicings(dataset_of([[1, 1, 1]], 1), "test")] == [
        "popularity",
        "history",
    ]


@quick
@given(datasets(), splits, st.randoms())
def test_every_user_has_a_label_in_every_dimension(
    dataset: Dataset, split: Split, random: Callable[..., float]
) -> None:
    ages = np.array([random.randrange(10**9) for _ in dataset.item_ids])  # type: ignore[attr-defined]
    for slicing in slicings(replace(dataset, ages_s=ages), split):
        assert slicing.codes_U.shape == (dataset.num_users,)
        assert slicing.codes_U.dtype == np.int64
        assert set(slicing.codes_U.tolist()) <= set(range(len(slicing.labels)))


@pytest.mark.parametrize("bound", [2, 120, 7200, 2 * DAY, 63_115_200])
def test_an_age_that_is_the_bound_lies_above_it(bound: int) -> None:
    """A minute, an hour, a day, a year of 365.25 days, each twice."""
    assert by_age(0, bound).codes_U.tolist() == [0, 1]
    assert by_age(0, bound - 1, bound + 1).codes_U.max() >= 1
