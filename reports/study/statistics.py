"""Intervals and p-values of differences. Noise has two sources: which users, which seeds.

Legend of shapes: ``S`` training seeds, ``U`` test users. Pure numpy and scipy.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit  # scipy.stats takes a second to import

from morec.metrics import Floats

ALPHA = 0.05
"""A p below it is a finding, one equal to it is not; intervals hold with ``1 - ALPHA``."""
NUM_FLIPS = 9_999
MIN_SEEDS = 3
"""With fewer seeds, the spread over seeds is not measured, and no result is called better."""
MAX_FACTOR = 100
"""No estimate is given above this many times the present users, or above this many seeds."""
_SIGNS_256x8 = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).astype(np.float64)
"""Which of eight users each byte flips."""


@dataclass(frozen=True)
class Difference:
    """A paired difference of means with its 95% interval and its sign-flip p-value."""

    mean: float
    low: float
    high: float
    p: float
    """Two-sided, over users, before any adjustment."""
    user_variance: float
    """v: variance over users of the seed-mean differences, divided by U."""
    seed_variance: float
    """w: variance over seeds of the mean differences, divided by S; 0 with a single seed."""
    seeds_won: int
    num_seeds: int
    num_users: int

    @property
    def measures_seeds(self) -> bool:
        """Whether there are enough seeds for the interval to hold for other seeds."""
        return self.num_seeds >= MIN_SEEDS

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval lies on one side of zero."""
        return self.low > 0 or self.high < 0

    def users_needed(self) -> int | None:
        """About how many users it takes for the interval to exclude zero, with the same seeds.

        None if that is more than ``MAX_FACTOR`` times the present number, or no number is enough.
        """
        v, users, seeds = self.user_variance, self.num_users, self.num_seeds
        numbers: list[int] = np.geomspace(users + 1, MAX_FACTOR * users, 200).astype(int).tolist()
        for number in numbers:
            if _half_width(v * users / number, self.seed_variance, number, seeds) < abs(self.mean):
                return number
        return None

    def seeds_needed(self) -> int | None:
        """About how many seeds it takes for the interval to exclude zero, with the same users.

        None if that is more than ``MAX_FACTOR``, or if only one seed was run.
        """
        w, users, seeds = self.seed_variance, self.num_users, self.num_seeds
        for number in range(seeds + 1, MAX_FACTOR + 1) if seeds > 1 else ():
            if _half_width(self.user_variance, w * seeds / number, users, number) < abs(self.mean):
                return number
        return None


def paired_difference(a_SU: Floats, b_SU: Floats, *, num_flips: int = NUM_FLIPS) -> Difference:
    """Compare two arms on the same users and, row by row, the same seeds.

    The interval is ``mean +- t(df) sqrt(v + w)`` with Satterthwaite's
    ``df = (v + w)^2 / (v^2 / (U - 1) + w^2 / (S - 1))``. With one seed it is over users only.

    Raises:
        ValueError: the two do not have the same seeds and users, or there are fewer than 2 users.
    """
    if a_SU.shape != b_SU.shape or a_SU.ndim != 2:
        raise ValueError(f"not paired: {a_SU.shape} and {b_SU.shape} (seeds, users)")
    difference_SU = a_SU - b_SU
    num_seeds, num_users = difference_SU.shape
    if num_users < 2:
        raise ValueError(f"{num_users} user: a difference needs at least 2")
    by_user_U, by_seed_S = difference_SU.mean(axis=0), difference_SU.mean(axis=1)
    v = float(by_user_U.var(ddof=1)) / num_users
    w = float(by_seed_S.var(ddof=1)) / num_seeds if num_seeds > 1 else 0.0
    half = _half_width(v, w, num_users, num_seeds)
    mean = float(by_user_U.mean())
    return Difference(
        mean=mean,
        low=mean - half,
        high=mean + half,
        p=sign_flip_p(by_user_U, num_flips=num_flips),
        user_variance=v,
        seed_variance=w,
        seeds_won=int((by_seed_S > 0).sum()),
        num_seeds=num_seeds,
        num_users=num_users,
    )


def difference_from_reference(a_SU: Floats, reference_U: Floats) -> Difference:
    """Compare an arm with a reference, which has users but no seeds.

    Raises:
        ValueError: the two do not have the same users, or there are fewer than 2.
    """
    if a_SU.shape[1:] != reference_U.shape:
        raise ValueError(f"not paired: {a_SU.shape} (seeds, users) and {reference_U.shape} users")
    return paired_difference(a_SU, np.broadcast_to(reference_U, a_SU.shape))


def sign_flip_p(difference_U: Floats, *, num_flips: int = NUM_FLIPS, rng_seed: int = 0) -> float:
    """Fisher's sign-flip test of a mean of 0: ``(hits + 1) / (flips + 1)``, two-sided.

    Users whose difference is 0 change no flipped sum and are left out. F flips.
    """
    moving_U = difference_U[difference_U != 0]
    if not len(moving_U):
        return 1.0
    rng = np.random.default_rng(rng_seed)
    # Eight users at a time: a random byte flips them, and its sum is looked up. Memory does not
    # depend on the number of users.
    flipped_F = np.zeros(num_flips)
    for first in range(0, len(moving_U), 8):
        eight = moving_U[first : first + 8]
        sums_256 = _SIGNS_256x8[:, : len(eight)] @ eight
        flipped_F += sums_256[rng.integers(256, size=num_flips, dtype=np.uint8)]
    total = moving_U.sum()
    is_hit_F = np.abs(total - 2 * flipped_F) >= abs(total) * (1 - 1e-9)
    return (int(is_hit_F.sum()) + 1) / (num_flips + 1)


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Holm's step-down adjustment of a family of p-values, in the order given."""
    p = np.asarray(p_values)
    order = np.argsort(p)
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1)
    return tuple(adjusted.tolist())


def family_p(differences: Sequence[Difference]) -> tuple[float, ...]:
    """Two-sided p of each of a family's differences over users and seeds, before any adjustment.

    As in the interval, but with ``max(w, w of the family)`` for w. Three seeds measure a w of their
    own with 2 degrees of freedom; it is then often far too small for the p-values that an
    adjustment asks for. The family's w is pooled, so that it has the degrees of all seeds.
    """
    of_w = sum(one.num_seeds - 1 for one in differences)
    squares = sum(one.seed_variance * one.num_seeds * (one.num_seeds - 1) for one in differences)
    pooled = squares / of_w if of_w else 0.0
    return tuple(
        _p_with(one, max(one.seed_variance, pooled / one.num_seeds), of_w) for one in differences
    )


def _p_with(difference: Difference, w: float, of_w: int) -> float:
    v = difference.user_variance
    if v + w == 0:
        return float(difference.mean == 0)
    df = _degrees(v, w, difference.num_users - 1, of_w)
    return 2 * float(stdtr(df, -abs(difference.mean) / math.sqrt(v + w)))


def _half_width(v: float, w: float, num_users: int, num_seeds: int) -> float:
    if v + w == 0:
        return 0.0
    df = _degrees(v, w, num_users - 1, num_seeds - 1)
    return float(stdtrit(df, 1 - ALPHA / 2)) * math.sqrt(v + w)


def _degrees(v: float, w: float, of_v: int, of_w: int) -> float:
    """Satterthwaite's degrees of freedom of ``v + w``, which is not 0."""
    return (v + w) ** 2 / (v**2 / of_v + (w**2 / of_w if of_w else 0.0))
