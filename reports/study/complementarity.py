"""Complementarity: do two arms find different users, more than two seeds of one arm do?

Comes in: the ranks of final trials. Goes out, per pair of arms: the share of test users that both
find, one finds, none finds; and how far the pair's union exceeds that of two seeds of either arm.
Two trainings always differ, so a union alone shows nothing. Every share is a mean over all pairs of
different seeds, in the pair of arms as in its control. Shape legend: ``S`` seeds, ``U`` test users.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from morec.metrics import Floats, metric_name, parse_metric
from reports.study.contrasts import Contrast, Kind
from reports.study.places import Place
from reports.study.rank_metrics import values_on_test
from reports.study.statistics import ALPHA, Difference, holm, paired_difference
from reports.study.summary import StudySummary

MIN_PAIRED_SEEDS = 2
"""With one seed there is no second one to compare with."""


class Complement(StrEnum):
    """What is shown of a pair of arms; two seeds of one arm are its control."""

    MORE = "more than two seeds of either"
    MORE_THESE_SEEDS = "more than two seeds of either, these seeds"
    NOT_SHOWN = "not shown to be more"
    NONE = "no comparison yet"


@dataclass(frozen=True)
class Overlap:
    """Shares of the test users, in [0, 1]; ``first`` and ``second`` are the pair's arms."""

    both: float
    only_first: float
    only_second: float
    two_first: float | None = None
    """Found by at least one of two seeds of the first arm; None where one seed has finished."""
    two_second: float | None = None

    @property
    def first(self) -> float:
        """Found by the first arm: its HR."""
        return self.both + self.only_first

    @property
    def second(self) -> float:
        """Found by the second arm: its HR."""
        return self.both + self.only_second

    @property
    def union(self) -> float:
        """Found by at least one arm: what no way of joining their lists can exceed."""
        return self.both + self.only_first + self.only_second

    @property
    def neither(self) -> float:
        """Found by no arm."""
        return 1 - self.union


@dataclass(frozen=True)
class Pair:
    """Two arms at one place, by one HR."""

    metric: str
    first: str
    second: str
    kind: Kind
    place: Place
    seeds: tuple[int, ...]
    """The seeds finished in both arms."""
    overlap: Overlap | None = None
    over: tuple[Difference, Difference] | None = None
    """The pair's union minus that of two seeds of the first arm, and of the second."""
    p_holm: float | None = None
    """Of both differences together (the larger p), adjusted over the pairs of the place."""
    problem: str = ""
    """Why there is no comparison with two seeds; empty where there is one."""

    @property
    def is_first_better(self) -> bool:
        """Whether two seeds of the first arm find at least as many users as two of the second."""
        found = self.overlap
        return found is None or (found.two_first or 0) >= (found.two_second or 0)

    @property
    def better(self) -> str:
        """The arm whose two seeds find more users: the harder control."""
        return self.first if self.is_first_better else self.second

    @property
    def excess(self) -> Difference | None:
        """The pair's union minus that of two seeds of ``better``."""
        return self.over[0 if self.is_first_better else 1] if self.over else None

    @property
    def finding(self) -> Complement:
        """More only where the pair exceeds two seeds of either arm, with interval and p."""
        if self.over is None or self.p_holm is None:
            return Complement.NONE
        if self.p_holm >= ALPHA or any(one.mean <= 0 for one in self.over):
            return Complement.NOT_SHOWN
        is_firm = all(one.low > 0 and one.measures_seeds for one in self.over)
        return Complement.MORE if is_firm else Complement.MORE_THESE_SEEDS


def complementarity(summary: StudySummary, contrasts: Sequence[Contrast]) -> tuple[Pair, ...]:
    """A pair per comparison of two arms by the HR at the main metric's cut-off.

    So there are the study's own contrasts, and every arm with the baseline, place by place.
    """
    metric = metric_name("HR", parse_metric(summary.main_metric)[1])
    found: list[Pair] = []
    for part in summary.parts:
        own = [one for one in contrasts if (one.metric, one.place) == (metric, part.place)]
        found.extend(_adjusted([_pair(part, one) for one in own if one.kind != "reference"]))
    return tuple(found)


def _pair(part: StudySummary, contrast: Contrast) -> Pair:
    names = contrast.better, contrast.than
    place, seeds, problem = contrast.place, contrast.seeds, contrast.problem
    pair = Pair(contrast.metric, *names, contrast.kind, place, seeds, problem=problem)
    arms = [arm for arm in map(part.arm, names) if arm]
    if problem or len(arms) < 2:
        return pair
    a_SU, b_SU = (values_on_test(pair.metric, [arm.tested[s] for s in seeds]) for arm in arms)
    if len(seeds) < MIN_PAIRED_SEEDS:
        problem = "one seed: there is no second one of an arm to compare with"
        return replace(pair, overlap=_overlap(a_SU, b_SU), problem=problem)
    two_a_SU, two_b_SU = union_of_seeds(a_SU, a_SU), union_of_seeds(b_SU, b_SU)
    union_SU = union_of_seeds(a_SU, b_SU)
    return replace(
        pair,
        overlap=replace(
            _overlap(a_SU, b_SU, float(union_SU.mean())),
            two_first=float(two_a_SU.mean()),
            two_second=float(two_b_SU.mean()),
        ),
        over=(paired_difference(union_SU, two_a_SU), paired_difference(union_SU, two_b_SU)),
    )


def _overlap(a_SU: Floats, b_SU: Floats, union: float | None = None) -> Overlap:
    """The shares of a pair; without ``union``: those of one seed."""
    first, second = float(a_SU.mean()), float(b_SU.mean())
    union = float(np.maximum(a_SU, b_SU).mean()) if union is None else union
    return Overlap(first + second - union, union - second, union - first)


def union_of_seeds(a_SU: Floats, b_SU: Floats) -> Floats:
    """Whether a seed of one arm or another seed of the other finds a user, shape (S, U).

    A user's mean over the rows is the mean of ``max(a_s, b_t)`` over all pairs of seeds s != t. The
    rows are its jackknife pseudo-values (Efron and Stein 1981), so that their variance over seeds,
    divided by S, is the variance of that mean: a seed stands in many pairs. With two seeds there is
    no pair without a given seed; the rows are then equal, and nothing is known of other seeds.
    """
    num_seeds = len(a_SU)
    others_a_SU, others_b_SU = a_SU.sum(axis=0) - a_SU, b_SU.sum(axis=0) - b_SU
    from_a_SU = (num_seeds - 1) * a_SU + (1 - a_SU) * others_b_SU
    from_b_SU = (num_seeds - 1) * b_SU + (1 - b_SU) * others_a_SU
    sum_U = from_a_SU.sum(axis=0)
    if num_seeds == MIN_PAIRED_SEEDS:
        return np.broadcast_to(sum_U / 2, a_SU.shape)
    without_SU = (sum_U - from_a_SU - from_b_SU) / (num_seeds - 2)
    values_SU: Floats = sum_U / (num_seeds - 1) - without_SU
    return values_SU


def _adjusted(pairs: list[Pair]) -> list[Pair]:
    """Each pair with its p; that both differences are there has the larger p of the two."""
    measured = [max(difference.p for difference in one.over) for one in pairs if one.over]
    adjusted = iter(holm(measured))
    return [replace(one, p_holm=next(adjusted)) if one.over else one for one in pairs]
