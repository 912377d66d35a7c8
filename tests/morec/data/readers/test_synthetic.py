"""Drawn data repeat by seed and have the documented tastes, lengths, popularity and times."""

import hashlib
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from morec.config import SyntheticSpec
from morec.data.clock import read_clock
from morec.data.dataset import load_dataset
from morec.data.interactions import Interactions
from morec.data.readers.synthetic import (
    FADING_WEEKS,
    MIN_LENGTH,
    P_TASTE,
    READER,
    START_S,
    WEEK_S,
    draw_synthetic,
)
from morec.data.readers.synthetic_items import taste_words
from morec.data.slices import slicings

SPEC = SyntheticSpec(kind="synthetic", num_users=2000, num_items=200, num_tastes=5)

LATE = SPEC.model_copy(update={"late_items": 0.5})


@pytest.fixture(scope="module")
def interactions() -> Interactions:
    return draw_synthetic(SPEC)


@pytest.fixture(scope="module")
def late() -> Interactions:
    return draw_synthetic(LATE)


def sequences(interactions: Interactions) -> list[list[int]]:
    bounds = np.flatnonzero(np.diff(interactions.user_ids)) + 1
    return [items.tolist() for items in np.split(interactions.item_ids, bounds)]


def tastes(interactions: Interactions) -> np.ndarray:
    """Each item's taste by the words of its title; -1 if the two words disagree."""
    taste_of = {word: taste for taste in range(SPEC.num_tastes) for word in taste_words(taste)}
    assert interactions.titles is not None
    words = [title.split()[1:3] for title in interactions.titles]
    return np.array([taste_of[one] if taste_of[one] == taste_of[two] else -1 for one, two in words])


def test_the_same_specification_draws_the_same_data(interactions: Interactions) -> None:
    again = draw_synthetic(SPEC)
    assert np.array_equal(again.user_ids, interactions.user_ids)
    assert np.array_equal(again.item_ids, interactions.item_ids)
    assert again.titles == interactions.titles
    assert again.image_array is not None
    assert interactions.image_array is not None
    assert np.array_equal(again.image_array, interactions.image_array)


GOLDEN = {
    "synthetic-2": {
        (0.0, 20, 3): "53c3e1d9",
        (0.5, 60, 2): "e8353671",
        (0.02, 26, 13): "757c6a0c",
    }
}
"""8 hex digits of what is drawn, by version, and by share of late items, items and tastes."""


@pytest.mark.parametrize(("late_items", "num_items", "num_tastes"), GOLDEN["synthetic-2"])
def test_a_version_draws_the_same_data_for_ever(
    late_items: float, num_items: int, num_tastes: int
) -> None:
    """Other data need another ``VERSION``: it is the source hash, by which results are kept."""
    spec = SyntheticSpec(
        kind="synthetic", num_users=40, num_items=num_items, num_tastes=num_tastes, seed=3,
        late_items=late_items, image_size=16,
    )  # fmt: skip
    drawn = draw_synthetic(spec)
    assert drawn.titles is not None
    arrays = (drawn.user_ids, drawn.item_ids, drawn.timestamps, drawn.image_array)
    content = b"".join(np.ascontiguousarray(one).tobytes() for one in arrays)
    digest = hashlib.sha256(content + "\n".join(drawn.titles).encode()).hexdigest()[:8]
    assert digest == GOLDEN[READER.source_hash(spec, Path())][late_items, num_items, num_tastes]
    assert drawn.counts == {"rows_read": len(drawn.item_ids)}
    assert (drawn.ticks_per_s, len(drawn.user_names), len(drawn.item_names)) == (1, 40, num_items)
    assert READER.name(spec) == "synthetic"
    assert READER.is_synthetic


def test_another_seed_draws_other_data(interactions: Interactions) -> None:
    other = draw_synthetic(SPEC.model_copy(update={"seed": 1}))
    assert other.titles != interactions.titles
    assert other.item_ids.tolist() != interactions.item_ids.tolist()


def test_users_have_the_asked_mean_length_and_no_repeats(interactions: Interactions) -> None:
    lists = sequences(interactions)
    lengths = [len(items) for items in lists]
    assert len(lists) == SPEC.num_users
    assert min(lengths) >= MIN_LENGTH
    # Standard deviation of a length about 8.5, of the mean of 2,000 about 0.2.
    assert np.mean(lengths) == pytest.approx(SPEC.mean_seq_len, abs=0.8)
    assert all(len(set(items)) == len(items) for items in lists)


def test_users_keep_to_few_tastes(interactions: Interactions) -> None:
    item_tastes = tastes(interactions)
    shares = []
    for items in sequences(interactions):
        known = [taste for taste in item_tastes[items] if taste >= 0]
        if len(known) >= 10:
            shares.append(Counter(known).most_common(1)[0][1] / len(known))
    # Without tastes the largest of five shares of a dozen items is about 0.4.
    assert np.mean(shares) > 0.55 > 0.4
    assert P_TASTE > 0.5


def test_the_previous_item_predicts_the_next(interactions: Interactions) -> None:
    pairs = [pair for items in sequences(interactions) for pair in pairwise(items)]
    followers: dict[int, Counter[int]] = {}
    for before, after in pairs:
        followers.setdefault(before, Counter())[after] += 1
    top = sum(counts.most_common(1)[0][1] for counts in followers.values())
    popular = Counter(after for _, after in pairs).most_common(1)[0][1]
    assert top / len(pairs) > 0.12 > 3 * popular / len(pairs)


def test_popularity_is_skewed(interactions: Interactions) -> None:
    counts = np.sort(np.bincount(interactions.item_ids, minlength=SPEC.num_items))[::-1]
    assert counts[:20].sum() / counts.sum() > 2 * 20 / SPEC.num_items


def test_images_are_bright_where_the_taste_is(interactions: Interactions) -> None:
    images, item_tastes = interactions.image_array, tastes(interactions)
    assert images is not None
    assert images.shape == (200, 32, 32, 3)
    assert images.dtype == np.uint8
    # The colour at the centre: of one taste it varies less than between tastes.
    centre = images[:, 14:18, 14:18].mean(axis=(1, 2))
    hue = centre / centre.max(axis=1, keepdims=True)
    groups = [hue[item_tastes == taste] for taste in range(SPEC.num_tastes)]
    within = np.mean([group.std(axis=0).mean() for group in groups])
    between = np.array([group.mean(axis=0) for group in groups]).std(axis=0).mean()
    assert between > 2 * within


def test_times_span_a_year_in_the_order_of_a_users_items(
    interactions: Interactions, late: Interactions
) -> None:
    for drawn in (interactions, late):
        same_user = np.diff(drawn.user_ids) == 0
        assert (np.diff(drawn.timestamps)[same_user] >= 0).all()
        days = (drawn.timestamps - START_S) / 86_400
        assert 0 <= days.min() < 1
        assert 363 < days.max() < 364
        assert drawn.ticks_per_s == read_clock(drawn.timestamps).ticks_per_s == 1


def first_weeks(interactions: Interactions) -> np.ndarray:
    """Each item's first week."""
    first = np.full(SPEC.num_items, np.inf)
    weeks = (interactions.timestamps - START_S) // WEEK_S
    np.minimum.at(first, interactions.item_ids, weeks)
    return first


def test_half_of_the_items_appear_during_the_year(
    interactions: Interactions, late: Interactions
) -> None:
    # 32,000 interactions over 200 items: what is there from the start is taken in the first weeks.
    assert (first_weeks(interactions) <= 10).all()
    weeks = first_weeks(late)
    assert 0.4 < (weeks > 4).mean() < 0.55
    assert 0.2 < (weeks > 26).mean() < 0.3


def test_late_items_fade_as_they_age(late: Interactions) -> None:
    weeks = (late.timestamps - START_S) // WEEK_S
    first = first_weeks(late)
    shares = []
    for item in np.flatnonzero((first > 4) & (first < 40)):
        ages = weeks[late.item_ids == item] - first[item]
        shares.append((ages < FADING_WEEKS).mean())
    # Without fading it would be 4 weeks of the 12 to 47 that are left, about 1 / 6.
    assert np.mean(shares) > 0.3


def test_late_items_look_like_their_taste_too(late: Interactions) -> None:
    """Users take the last items by taste as they take all others."""
    item_tastes, newest = tastes(late), first_weeks(late) > 40
    agreements = []
    for items in sequences(late):
        favourite = Counter(item_tastes[items].tolist()).most_common(1)[0][0]
        agreements += [item_tastes[item] == favourite for item in items if newest[item]]
    # A user's first taste of five holds about 0.6 of the items; by chance it would be 0.2.
    assert np.mean(agreements) > 0.45


def test_at_least_one_in_twenty_test_targets_is_new() -> None:
    spec = SyntheticSpec(
        kind="synthetic", num_users=1000, num_items=800, late_items=0.5, image_size=16
    )
    popularity = slicings(load_dataset(spec, Path()), "test")[0]
    num_users = dict(zip(popularity.labels, np.bincount(popularity.codes_U), strict=True))
    assert num_users["new"] >= 50
    assert num_users["cold"] >= 200


@pytest.mark.parametrize("late_items", [0.0, 0.02, 0.5])
@pytest.mark.parametrize(("num_items", "num_tastes"), [(20, 2), (20, 40), (30, 13)])
def test_more_tastes_than_items_and_odd_sizes_can_be_drawn(
    num_items: int, num_tastes: int, late_items: float
) -> None:
    spec = SyntheticSpec(
        kind="synthetic",
        num_users=10,
        num_items=num_items,
        num_tastes=num_tastes,
        late_items=late_items,
        image_size=16,
    )
    interactions = draw_synthetic(spec)
    assert interactions.item_ids.max() < num_items
    longest = max(len(items) for items in sequences(interactions))
    assert longest <= (num_items - round(late_items * num_items)) // 2
