"""Which arm beats which: every comparison of a study, with its statistics and its finding."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from statistics import fmean
from typing import Literal

from morec.config import RANKING, TrialConfig
from morec.metrics import per_user
from morec.results import Evaluation, TrialResult
from reports.study.places import NOWHERE, Place
from reports.study.rank_metrics import values_on_test
from reports.study.statistics import (
    ALPHA,
    Difference,
    difference_from_reference,
    holm,
    paired_difference,
)
from reports.study.summary import ArmSummary, StudySummary

Kind = Literal["named", "exploratory", "reference"]


class Finding(StrEnum):
    """The verdict on one comparison, never stronger than its statistics."""

    BETTER = "better"
    WORSE = "worse"
    BETTER_THESE_SEEDS = "better, these seeds"
    WORSE_THESE_SEEDS = "worse, these seeds"
    OPEN = "not distinguishable"
    NONE = "no comparison yet"


@dataclass(frozen=True)
class Contrast:
    """``better`` minus ``than`` on one metric; ``than`` is an arm or a reference."""

    metric: str
    better: str
    than: str
    kind: Kind
    place: Place = NOWHERE
    """The data set and the condition of both."""
    seeds: tuple[int, ...] = ()
    """The paired seeds: those finished in both arms."""
    difference: Difference | None = None
    p_holm: float | None = None
    """Adjusted within place and metric: over all comparisons of arms, or over all with a reference.
    How many references there are says nothing about the arms."""
    p_t_holm: float | None = None
    """Of users and seeds together, adjusted over the conditions (``reports.study.holds``); None
    where the interval alone says whether other seeds would show the difference."""
    problem: str = ""
    """Why there is no difference; empty where there is one."""
    time_ratio: float | None = None
    """Training time of ``better`` over that of ``than``; None where it was not on one device."""

    @property
    def finding(self) -> Finding:
        """The verdict in words: interval and adjusted p must agree, on enough seeds."""
        if self.difference is None or self.p_holm is None:
            return Finding.NONE
        if self.p_holm >= ALPHA:
            return Finding.OPEN
        is_better = self.difference.mean > 0
        is_firm = self.difference.excludes_zero and self.difference.measures_seeds
        if is_firm and (self.p_t_holm is None or self.p_t_holm < ALPHA):
            return Finding.BETTER if is_better else Finding.WORSE
        return Finding.BETTER_THESE_SEEDS if is_better else Finding.WORSE_THESE_SEEDS


def compare(summary: StudySummary) -> tuple[Contrast, ...]:
    """Every comparison of the study, place by place and metric by metric.

    Comparisons named beforehand come first, then exploratory ones, then each arm against every
    reference whose ranks are recorded (popularity; chance has none).
    """
    found: list[Contrast] = []
    for part in summary.parts:
        named = _named(summary, part)
        for metric in part.metrics:
            found.extend(_adjusted(list(_between_arms(part, metric, named))))
            found.extend(_adjusted(list(_with_references(part, metric))))
    return tuple(found)


def _named(summary: StudySummary, part: StudySummary) -> list[tuple[str, str]]:
    """The study's contrasts that have both arms at this place, or at no place at all."""
    pairs = [(contrast.better, contrast.than) for contrast in summary.manifest.study.contrasts]
    return [
        pair
        for pair in pairs
        if _has_both(part, pair) or not any(_has_both(other, pair) for other in summary.parts)
    ]


def _has_both(part: StudySummary, pair: tuple[str, str]) -> bool:
    return all(part.arm(name) for name in pair)


def _between_arms(
    summary: StudySummary, metric: str, named: list[tuple[str, str]]
) -> Iterator[Contrast]:
    place = summary.place
    for better, than in named:
        yield _between(Contrast(metric, better, than, "named", place), summary)
    baseline = summary.manifest.study.baseline
    for arm in summary.arms:
        pair = (arm.label, baseline)
        if arm.label != baseline and pair not in named and pair[::-1] not in named:
            yield _between(Contrast(metric, *pair, "exploratory", place), summary)


def _with_references(summary: StudySummary, metric: str) -> Iterator[Contrast]:
    place, references = summary.place, summary.manifest.references
    ranked = [(one.name, one.test_evaluation) for one in references if one.test_evaluation]
    for name, evaluation in ranked:
        for arm in summary.arms:
            # References are ranked as the baseline is, or as the first arm.
            ranked_as = summary.baseline or summary.arms[0]
            unlike = _unlike_rankings(arm.entry.config, ranked_as.entry.config)
            problem = f"the reference is ranked differently: {unlike}" if unlike else ""
            contrast = Contrast(metric, arm.label, name, "reference", place, problem=problem)
            yield _against(contrast, arm, evaluation)


def _between(contrast: Contrast, summary: StudySummary) -> Contrast:
    a, b = summary.arm(contrast.better), summary.arm(contrast.than)
    if a is None or b is None:
        absent = contrast.better if a is None else contrast.than
        words = summary.place.words
        where = f"does not run {words}" if words else "is not an arm of this study"
        return replace(contrast, problem=f"{absent} {where}")
    seeds = tuple(seed for seed in a.tested if seed in b.tested)
    pairs = [(a.tested[seed], b.tested[seed]) for seed in seeds]
    problem = _why_not_comparable(pairs)
    if problem:
        return replace(contrast, problem=problem)
    a_SU = values_on_test(contrast.metric, [left for left, _ in pairs])
    b_SU = values_on_test(contrast.metric, [right for _, right in pairs])
    difference, ratio = paired_difference(a_SU, b_SU), _time_ratio(pairs)
    return replace(contrast, seeds=seeds, difference=difference, time_ratio=ratio)


def _against(contrast: Contrast, arm: ArmSummary, reference: Evaluation) -> Contrast:
    results = list(arm.tested.values())
    if contrast.problem:
        return contrast
    if not results:
        return replace(contrast, problem="no final trial has finished")
    reference_U = per_user(contrast.metric, reference.ranks)
    arm_SU = values_on_test(contrast.metric, results)
    if arm_SU.shape[1:] != reference_U.shape:
        return replace(contrast, problem=_user_mismatch(arm_SU.shape[1], len(reference_U)))
    difference = difference_from_reference(arm_SU, reference_U)
    return replace(contrast, seeds=tuple(arm.tested), difference=difference)


def _why_not_comparable(pairs: list[tuple[TrialResult, TrialResult]]) -> str:
    if not pairs:
        return "no seed has finished in both arms"
    for left, right in pairs:
        if _data_of(left) != _data_of(right):
            return "the two arms use different data"
        if unlike := _unlike_rankings(left.config, right.config):
            return f"the two arms are ranked differently: {unlike}"
        if left.test and right.test and left.test.num_users != right.test.num_users:
            return _user_mismatch(left.test.num_users, right.test.num_users)
    return ""


def _unlike_rankings(left: TrialConfig, right: TrialConfig) -> str:
    """The options of the ranking in which two configurations differ, with both values."""
    sides = left.evaluation, right.evaluation
    plain = [side.model_dump(mode="json") for side in sides]
    pairs = {name: [side[name] for side in plain] for name in sorted(RANKING)}
    unlike = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
    return ", ".join(f"evaluation.{name} {a} and {b}" for name, (a, b) in unlike.items())


def _user_mismatch(left: int, right: int) -> str:
    return f"different test users ({left:,} and {right:,})"


def _data_of(result: TrialResult) -> dict[str, object]:
    """The data's specification without ``max_seq_len``, which changes neither users nor targets."""
    return result.config.dataset.model_dump(exclude={"max_seq_len"})


def _time_ratio(pairs: list[tuple[TrialResult, TrialResult]]) -> float | None:
    devices = {trial.cost.device if trial.cost else "" for pair in pairs for trial in pair}
    if len(devices) != 1 or "" in devices:
        return None
    seconds_a, seconds_b = (
        fmean(sum(epoch.train_s for epoch in trial.epochs) for trial in side)
        for side in zip(*pairs, strict=True)
    )
    return seconds_a / seconds_b if seconds_b else None


def _adjusted(contrasts: list[Contrast]) -> list[Contrast]:
    measured = [one.difference.p for one in contrasts if one.difference]
    adjusted = iter(holm(measured))
    return [replace(one, p_holm=next(adjusted)) if one.difference else one for one in contrasts]
