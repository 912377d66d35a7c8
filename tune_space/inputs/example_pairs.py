"""Which arms, which seed and which users the report's examples are of: drawn, not picked.

Comes in: a manifest and its records. Goes out: per data set, two final trials and some users.
Shape: V users that are compared.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import fmean
from typing import Literal

import numpy as np
import numpy.typing as npt

from morec.config import RANKING
from morec.metrics import NEVER_FOUND
from morec.results import TrialResult
from tune_space.ledger.manifest import ArmEntry, Manifest
from tune_space.study.spec import place_of

PER_SIDE = 6
"""Users that are shown of those whose target the one arm ranks higher, and of the others."""
SHARE_DRAWN_FROM = 0.1
"""They are drawn from this share of their side, the users with the largest ratio of ranks ..."""
LEAST_DRAWN_FROM = 30
"""... or from so many, where that share is smaller."""
_DRAWN_WITH = 0
"""Seed of the draw."""

_BySeed = Mapping[int, TrialResult]


@dataclass(frozen=True)
class Pair:
    """Two final trials of one seed."""

    kind: Literal["named", "exploratory"]
    arms: tuple[ArmEntry, ArmEntry]
    results: tuple[TrialResult, TrialResult]
    num_seeds: int


@dataclass(frozen=True)
class Side:
    """Users whose target one trial of a pair ranks higher."""

    num_users: int
    num_drawn_from: int
    least_ratio: float
    users: tuple[int, ...]
    """The drawn ones, by their numbers in the split."""


@dataclass(frozen=True)
class Drawn:
    """How the ranks of two trials differ, and the users drawn of both sides."""

    num_users: int
    num_equal: int
    sides: tuple[Side, Side]


def pairs_of(manifest: Manifest, results: Mapping[str, TrialResult]) -> Iterator[Pair]:
    """One pair per data set under the first condition: that of the report's headline.

    The first contrast that the study names and both of whose arms are there; without one, the
    baseline and the arm with the largest mean difference from it. Arms that are ranked differently
    make no pair, nor do trials that kept no lists.
    """
    first = next(iter(manifest.study.conditions), "")
    places: dict[str, list[ArmEntry]] = {}
    for entry in manifest.arms:
        if entry.condition == first:
            places.setdefault(place_of(entry), []).append(entry)
    for entries in places.values():
        if pair := _pair(manifest, entries, results):
            yield pair


def _pair(
    manifest: Manifest, entries: Sequence[ArmEntry], results: Mapping[str, TrialResult]
) -> Pair | None:
    by_name = {entry.own_name: entry for entry in entries}
    tested = {name: _tested(entry, results) for name, entry in by_name.items()}
    study = manifest.study
    named = [(one.better, one.than) for one in study.contrasts]
    others = [(name, study.baseline) for name in by_name if name != study.baseline]
    known = (*named, *others)
    found = {pair: seeds for pair in known if (seeds := _common_seeds(tested, pair))}
    if not found:
        return None
    of_names = [pair for pair in named if pair in found]
    better, than = of_names[0] if of_names else max(found, key=lambda p: _lead(tested, p))
    a, b = tested[better], tested[than]
    seeds = found[better, than]
    by_difference = sorted(seeds, key=lambda seed: _valid(a[seed]) - _valid(b[seed]))
    seed = by_difference[(len(seeds) - 1) // 2]
    return Pair(
        kind="named" if of_names else "exploratory",
        arms=(by_name[better], by_name[than]),
        results=(a[seed], b[seed]),
        num_seeds=len(seeds),
    )


def _tested(entry: ArmEntry, results: Mapping[str, TrialResult]) -> dict[int, TrialResult]:
    """Seed -> record of the arm's final trials that kept lists."""
    records = (results[trial_id] for trial_id in entry.final if trial_id in results)
    return {one.config.seed: one for one in records if one.test and one.test.kept_lists}


def _common_seeds(tested: Mapping[str, _BySeed], pair: tuple[str, str]) -> list[int]:
    """Seeds that two arms have, if both rank the same users against the same candidates."""
    a, b = (tested.get(name, {}) for name in pair)
    return [seed for seed in a if seed in b and _ranking(a[seed]) == _ranking(b[seed])]


def _ranking(result: TrialResult) -> object:
    ranked = result.config.evaluation.model_dump(include=set(RANKING))
    return result.config.dataset, result.sources.get("data"), ranked


def _lead(tested: Mapping[str, _BySeed], pair: tuple[str, str]) -> float:
    """Mean difference on the test split by the metric that selects."""
    a, b = (tested[name] for name in pair)
    return fmean(_test(a[seed]) - _test(b[seed]) for seed in _common_seeds(tested, pair))


def _valid(result: TrialResult) -> float:
    return result.best_score() or 0.0


def _test(result: TrialResult) -> float:
    assert result.test is not None
    return result.test.value(result.config.evaluation.select)


def draw_users(a: TrialResult, b: TrialResult) -> Drawn | None:
    """Draw users of both sides; None where no user's list is kept by both trials.

    A target in its user's masked history has no rank, and such users are left out.
    """
    assert a.test and b.test and a.test.kept_lists and b.test.kept_lists
    users_V = np.intersect1d(a.test.kept_lists.users_V, b.test.kept_lists.users_V)
    ranks_2V = np.stack([one.test.ranks[users_V] for one in (a, b) if one.test]).astype(np.float64)
    is_ranked_V = (ranks_2V != NEVER_FOUND).all(axis=0)
    users_V, (a_V, b_V) = users_V[is_ranked_V], ranks_2V[:, is_ranked_V]
    if not len(users_V):
        return None
    draw = np.random.default_rng(_DRAWN_WITH)
    sides = _side(users_V, b_V / a_V, draw), _side(users_V, a_V / b_V, draw)
    return Drawn(len(users_V), int((a_V == b_V).sum()), sides)


def _side(
    users_V: npt.NDArray[np.int64], ratios_V: npt.NDArray[np.float64], draw: np.random.Generator
) -> Side:
    """Of the users whose ratio is above 1, some of those with the largest."""
    own = np.flatnonzero(ratios_V > 1)
    own = own[np.argsort(-ratios_V[own], kind="stable")]
    pool = own[: max(ceil(SHARE_DRAWN_FROM * len(own)), LEAST_DRAWN_FROM)]
    drawn = np.sort(draw.permutation(len(pool))[:PER_SIDE])
    least = float(ratios_V[pool].min(initial=np.inf)) if len(pool) else 1.0
    return Side(len(own), len(pool), least, tuple(users_V[pool[drawn]].tolist()))
