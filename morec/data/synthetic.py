"""Draws a dataset: users with latent tastes, items whose titles and images carry the taste.

A user's next item is, with the probabilities below, the follower of the previous item (only an
ID model can learn that), an item of a taste of the user's (a modality tells the taste), or any
item. Within a taste, items are popular by a power law. No user takes an item twice.

Shape legend: U users, N items, T tastes, K chosen rows.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from morec.config import SyntheticSpec
from morec.data.interactions import Interactions
from morec.data.synthetic_items import draw_images, draw_titles

VERSION = "synthetic-1"
"""Raise it when the same specification draws other data."""

P_FOLLOWER, P_TASTE = 0.2, 0.7
"""Chances of the follower and of the user's taste; the rest is any item by popularity."""
MIN_LENGTH = 5
NUM_TRIES = 4
"""Draws of an item the user already has before any new item is taken instead."""

_Ints = npt.NDArray[np.int64]
_Floats = npt.NDArray[np.float64]


def draw_synthetic(spec: SyntheticSpec) -> Interactions:
    """Draw the dataset that ``spec`` describes; the same specification draws the same data."""
    rng = np.random.default_rng(spec.seed)
    world = _draw_world(spec, rng)
    lengths = _draw_lengths(spec, rng)
    items_UT = _draw_sequences(world, lengths, rng)
    users, steps = np.nonzero(items_UT >= 0)
    return Interactions(
        user_ids=users,
        item_ids=items_UT[users, steps],
        timestamps=steps,
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
    """Item -> the item that likes to come next, of the same taste."""
    by_taste_N: _Ints
    """Items sorted by taste."""
    cumulative_N1: _Floats
    """Popularity summed up along ``by_taste_N``, from 0."""
    bounds_T1: _Ints
    """Where each taste starts in ``by_taste_N``."""
    cumulative_UT: _Floats
    """Every user's tastes, summed up to 1."""


def _draw_world(spec: SyntheticSpec, rng: np.random.Generator) -> _World:
    num_items, num_tastes = spec.num_items, spec.num_tastes
    tastes_N = rng.permutation(np.arange(num_items) % num_tastes)
    popularity_N = (rng.permutation(num_items) + 5.0) ** -0.8
    by_taste_N = np.argsort(tastes_N, kind="stable")
    bounds_T1 = np.searchsorted(tastes_N[by_taste_N], np.arange(num_tastes + 1))
    return _World(
        tastes_N=tastes_N,
        followers_N=_draw_followers(by_taste_N, bounds_T1),
        by_taste_N=by_taste_N,
        cumulative_N1=np.concatenate([[0.0], np.cumsum(popularity_N[by_taste_N])]),
        bounds_T1=bounds_T1,
        cumulative_UT=rng.dirichlet(np.full(num_tastes, 0.2), spec.num_users).cumsum(axis=1),
    )


def _draw_followers(by_taste_N: _Ints, bounds_T1: _Ints) -> _Ints:
    """Let every item be followed by the next one of its taste, the last by the first."""
    followers_N = np.empty_like(by_taste_N)
    followers_N[by_taste_N] = np.roll(by_taste_N, -1)
    starts, ends = bounds_T1[:-1], bounds_T1[1:]
    is_used = ends > starts
    followers_N[by_taste_N[ends[is_used] - 1]] = by_taste_N[starts[is_used]]
    return followers_N


def _draw_lengths(spec: SyntheticSpec, rng: np.random.Generator) -> _Ints:
    """Draw lengths_U: 5 and a long-tailed rest, at most half the catalogue."""
    rest = rng.poisson(rng.gamma(2.0, (spec.mean_seq_len - MIN_LENGTH) / 2, spec.num_users))
    return np.minimum(MIN_LENGTH + rest, spec.num_items // 2)


def _draw_sequences(world: _World, lengths_U: _Ints, rng: np.random.Generator) -> _Ints:
    """Draw items (U, longest), -1 after a user's end."""
    items = np.full((len(lengths_U), lengths_U.max()), -1, dtype=np.int64)
    for step in range(items.shape[1]):
        users = np.flatnonzero(lengths_U > step)
        pending = users
        for attempt in range(NUM_TRIES):
            follows = step > 0 and attempt == 0
            previous = items[pending, step - 1] if follows else None
            items[pending, step] = _propose(world, pending, previous, rng)
            pending = pending[_is_repeat(items[pending], step)]
        while len(pending):
            items[pending, step] = rng.integers(len(world.tastes_N), size=len(pending))
            pending = pending[_is_repeat(items[pending], step)]
    return items


def _is_repeat(items: _Ints, step: int) -> npt.NDArray[np.bool_]:
    repeats: npt.NDArray[np.bool_] = (items[:, :step] == items[:, step : step + 1]).any(axis=1)
    return repeats


def _propose(
    world: _World, users_K: _Ints, previous_K: _Ints | None, rng: np.random.Generator
) -> _Ints:
    num_users, num_tastes = len(users_K), world.cumulative_UT.shape[1]
    kind = rng.random(num_users)
    is_tasted = kind < P_FOLLOWER + P_TASTE
    drawn = (rng.random((num_users, 1)) > world.cumulative_UT[users_K]).sum(axis=1)
    taste = np.minimum(drawn, num_tastes - 1)
    low = np.where(is_tasted, world.cumulative_N1[world.bounds_T1[taste]], 0.0)
    high = np.where(
        is_tasted, world.cumulative_N1[world.bounds_T1[taste + 1]], world.cumulative_N1[-1]
    )
    point = low + (high - low) * rng.random(num_users)
    slot = np.searchsorted(world.cumulative_N1, point, side="right") - 1
    items: _Ints = world.by_taste_N[np.minimum(slot, len(world.by_taste_N) - 1)]
    if previous_K is None:
        return items
    followed: _Ints = np.where(kind < P_FOLLOWER, world.followers_N[previous_K], items)
    return followed
