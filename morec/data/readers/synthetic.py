"""Draws a dataset: users have latent tastes; an item's title and image show the item's taste.

A user's next item is the follower of the previous item, an item of one of the user's tastes, or
any item, with the probabilities below. Only a model with IDs can learn followers; titles and images
show tastes. Popularity within a taste follows a power law. No user has an item twice.

The data span a year; each user has times of interaction of their own. With ``late_items``, some
items appear during the year, have no interactions before their week, and fade as they age.

Shape legend: U users, N items, T tastes, W weeks (1 where nothing fades), K chosen rows.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from morec.config import SyntheticSpec
from morec.data.interactions import Interactions
from morec.data.readers.reader import Reader
from morec.data.readers.synthetic_items import draw_images, draw_titles

VERSION = "synthetic-2"
"""Raise the number when a specification draws other data than before."""

P_FOLLOWER, P_TASTE = 0.2, 0.7
"""Probabilities of the follower and of the user's taste; otherwise any item, by popularity."""
MIN_LENGTH = 5
NUM_TRIES = 4
"""Draws that may be refused before a random item that the user does not have is taken."""
NUM_WEEKS = 52
FADING_WEEKS, P_UNFADED = 4, 0.05
"""Weeks in which the fading part of an item's popularity falls to 1 / e; the share that stays."""
START_S = 1_577_836_800
"""1 January 2020, in seconds from 1970."""
WEEK_S = 7 * 86_400

_Ints = npt.NDArray[np.int64]
_Floats = npt.NDArray[np.float64]


def draw_synthetic(spec: SyntheticSpec) -> Interactions:
    """Draw the dataset that ``spec`` describes; the same specification draws the same data."""
    rng = np.random.default_rng(spec.seed)
    # A generator of its own for times: drawing times does not change the items drawn.
    rng_of_times = np.random.default_rng((spec.seed, 1))
    births_N = _draw_births(spec, rng_of_times)
    world = _draw_world(spec, births_N, rng)
    lengths = _draw_lengths(spec, rng)
    times = _draw_times(lengths, rng_of_times)
    items = _draw_sequences(world, lengths, times // WEEK_S if spec.late_items else 0 * times, rng)
    users, steps = np.nonzero(items >= 0)
    return Interactions(
        user_ids=users,
        item_ids=items[users, steps],
        timestamps=START_S + times[users, steps],
        ticks_per_s=1,
        user_names=[str(user) for user in range(spec.num_users)],
        item_names=[str(item) for item in range(spec.num_items)],
        titles=draw_titles(world.tastes_N, spec.num_tastes, rng),
        image_array=draw_images(world.tastes_N, spec.num_tastes, spec.image_size, rng),
        counts={"rows_read": len(users)},
    )


@dataclass(frozen=True)
class _World:
    tastes_N: _Ints
    followers_N: _Ints
    """Item -> its follower, which is of the same taste."""
    by_taste_N: _Ints
    """Items sorted by taste."""
    births_N: _Ints
    """The week in which an item appears; 0 or less for items that are there from the start."""
    cumulative: _Floats
    """(W * N + 1,) cumulative popularity from 0: week after week, items as in ``by_taste_N``."""
    bounds_T1: _Ints
    """Start of each taste in ``by_taste_N``, and the end."""
    cumulative_UT: _Floats
    """Cumulative probabilities of every user's tastes, up to 1."""


def _draw_births(spec: SyntheticSpec, rng: np.random.Generator) -> _Ints:
    """Draw the week of each item: of late ones in the year, of the others as evenly before it."""
    is_late_N = rng.permutation(spec.num_items) < round(spec.late_items * spec.num_items)
    weeks_before = NUM_WEEKS * (1 - spec.late_items) / max(spec.late_items, 1 / NUM_WEEKS)
    late_N = rng.integers(1, NUM_WEEKS, spec.num_items)
    return np.where(is_late_N, late_N, -rng.integers(0, int(weeks_before), spec.num_items))


def _weekly_popularity(popularity_N: _Floats, births_N: _Ints, num_weeks: int) -> _Floats:
    """Return popularity_WN: 0 before an item's week, fading from then on."""
    if num_weeks == 1:
        return popularity_N[None, :]
    ages_WN = np.arange(num_weeks)[:, None] - births_N
    fading_WN = P_UNFADED + (1 - P_UNFADED) * np.exp(-np.maximum(ages_WN, 0) / FADING_WEEKS)
    return np.where(ages_WN >= 0, popularity_N * fading_WN, 0.0)


def _draw_times(lengths_U: _Ints, rng: np.random.Generator) -> _Ints:
    """Draw each user's times in order, in seconds from the start: (U, longest)."""
    is_used = np.arange(lengths_U.max()) < lengths_U[:, None]
    times = rng.integers(0, NUM_WEEKS * WEEK_S, is_used.shape)
    return np.sort(np.where(is_used, times, NUM_WEEKS * WEEK_S - 1), axis=1)


def _draw_world(spec: SyntheticSpec, births_N: _Ints, rng: np.random.Generator) -> _World:
    num_items, num_tastes = spec.num_items, spec.num_tastes
    tastes_N = rng.permutation(np.arange(num_items) % num_tastes)
    popularity_N = np.power(rng.permutation(num_items) + 5.0, -0.8, dtype=np.float64)
    by_taste_N = np.argsort(tastes_N, kind="stable")
    bounds_T1 = np.searchsorted(tastes_N[by_taste_N], np.arange(num_tastes + 1))
    num_weeks = NUM_WEEKS if spec.late_items else 1
    weekly_WN = _weekly_popularity(popularity_N, births_N, num_weeks)[:, by_taste_N]
    return _World(
        tastes_N=tastes_N,
        followers_N=_draw_followers(by_taste_N, bounds_T1),
        by_taste_N=by_taste_N,
        births_N=births_N,
        cumulative=np.concatenate([[0.0], np.cumsum(weekly_WN)]),
        bounds_T1=bounds_T1,
        cumulative_UT=rng.dirichlet(np.full(num_tastes, 0.2), spec.num_users).cumsum(axis=1),
    )


def _draw_followers(by_taste_N: _Ints, bounds_T1: _Ints) -> _Ints:
    """Return every item's follower: the next item of its taste, of the last item the first."""
    followers_N = np.empty_like(by_taste_N)
    followers_N[by_taste_N] = np.roll(by_taste_N, -1)
    starts, ends = bounds_T1[:-1], bounds_T1[1:]
    is_used = ends > starts
    followers_N[by_taste_N[ends[is_used] - 1]] = by_taste_N[starts[is_used]]
    return followers_N


def _draw_lengths(spec: SyntheticSpec, rng: np.random.Generator) -> _Ints:
    """Draw lengths_U: 5 plus a long-tailed rest, at most half the items that are not late."""
    rest = rng.poisson(rng.gamma(2.0, (spec.mean_seq_len - MIN_LENGTH) / 2, spec.num_users))
    num_early = spec.num_items - round(spec.late_items * spec.num_items)
    return np.minimum(MIN_LENGTH + rest, num_early // 2)


def _draw_sequences(
    world: _World, lengths_U: _Ints, weeks: _Ints, rng: np.random.Generator
) -> _Ints:
    """Draw items (U, longest) for ``weeks`` of the same shape, -1 after a user's end."""
    items = np.full((len(lengths_U), lengths_U.max()), -1, dtype=np.int64)
    for step in range(items.shape[1]):
        users = np.flatnonzero(lengths_U > step)
        pending = users
        for attempt in range(NUM_TRIES):
            follows = step > 0 and attempt == 0
            previous = items[pending, step - 1] if follows else None
            items[pending, step] = _propose(world, pending, weeks[pending, step], previous, rng)
            pending = pending[_is_refused(world, items[pending, : step + 1], weeks[pending, step])]
        while len(pending):
            items[pending, step] = rng.integers(len(world.tastes_N), size=len(pending))
            pending = pending[_is_refused(world, items[pending, : step + 1], weeks[pending, step])]
    return items


def _is_refused(world: _World, taken: _Ints, weeks_K: _Ints) -> npt.NDArray[np.bool_]:
    """Return which users' last item is a repeat or has not appeared yet."""
    is_repeat: npt.NDArray[np.bool_] = (taken[:, :-1] == taken[:, -1:]).any(axis=1)
    return is_repeat | (world.births_N[taken[:, -1]] > weeks_K)


def _propose(
    world: _World,
    users_K: _Ints,
    weeks_K: _Ints,
    previous_K: _Ints | None,
    rng: np.random.Generator,
) -> _Ints:
    num_users, num_tastes = len(users_K), world.cumulative_UT.shape[1]
    num_items = len(world.tastes_N)
    kind = rng.random(num_users)
    is_tasted = kind < P_FOLLOWER + P_TASTE
    drawn = (rng.random((num_users, 1)) > world.cumulative_UT[users_K]).sum(axis=1)
    taste = np.minimum(drawn, num_tastes - 1)
    first = weeks_K * num_items
    low = world.cumulative[first + np.where(is_tasted, world.bounds_T1[taste], 0)]
    high = world.cumulative[first + np.where(is_tasted, world.bounds_T1[taste + 1], num_items)]
    point = low + (high - low) * rng.random(num_users)
    slot = np.searchsorted(world.cumulative, point, side="right") - 1 - first
    items: _Ints = world.by_taste_N[np.clip(slot, 0, num_items - 1)]
    if previous_K is None:
        return items
    followers_K = world.followers_N[previous_K]
    is_followed = (kind < P_FOLLOWER) & (world.births_N[followers_K] <= weeks_K)
    followed: _Ints = np.where(is_followed, followers_K, items)
    return followed


READER = Reader(
    SyntheticSpec,
    read=lambda spec, _root: draw_synthetic(spec),
    source_hash=lambda _spec, _root: VERSION,
    name=lambda spec: str(spec.kind),
    is_synthetic=True,
)
