"""Checks that every arm, data set and metric a study file names exists.

Works on the values as they were read, like ``tune_space.study.check_values``. Values of the wrong
shape are skipped: ``StudySpec`` reports them.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from morec.config import POPULARITY_LABELS, EvaluationSpec
from morec.errors import SpecError, did_you_mean
from morec.metrics import metric_names
from tune_space.study.arm_names import crossed, one_factor_out
from tune_space.study.config_paths import get_path, value_problems
from tune_space.study.spec import COSTS, full_name
from tune_space.study.yaml_document import KeyPath, Problem, format_unknown, mapping

_SIDES = ("better", "than")


def check_names(raw: Mapping[str, Any]) -> Iterator[Problem]:
    """Every name in a study that nothing has, or that may not be used there."""
    arms, problems = _arm_names(raw)
    yield from problems
    yield from _check_labels(raw, arms)
    if not arms:
        return
    runs_on = {arm: _labels_of(raw, arm) for arm in arms}
    yield from _check_baseline(raw, runs_on)
    yield from _check_contrasts(raw, runs_on)
    yield from _check_expected(raw, runs_on)


def _arm_names(raw: Mapping[str, Any]) -> tuple[list[str], list[Problem]]:
    """The names of all arms, without data sets; none where they cannot be told."""
    baseline = raw.get("baseline")
    if sum(bool(raw.get(key)) for key in ("arms", "factors", "one_factor_out")) != 1:
        return [], []
    try:
        if levels := _levels(raw, "factors"):
            return list(crossed(levels)), []
        if (levels := _levels(raw, "one_factor_out")) and isinstance(baseline, str):
            return list(one_factor_out(levels, baseline)), []
    except SpecError as error:
        return [], [Problem((), text) for text in error.problems]
    return list(mapping(raw, "arms")), []


def _levels(raw: Mapping[str, Any], key: str) -> Mapping[str, list[Any]]:
    """Factor -> its levels; empty where a factor is no list of levels."""
    levels = mapping(raw, key)
    return levels if all(isinstance(x, list) and x for x in levels.values()) else {}


def _labels_of(raw: Mapping[str, Any], arm: str) -> list[str]:
    """The data sets an arm runs on; a single empty name where the study has no ``datasets``."""
    own = mapping(raw, "arms", arm).get("datasets")
    labels = list(mapping(raw, "datasets")) or [""]
    return [label for label in labels if not isinstance(own, list) or label in own]


def _check_labels(raw: Mapping[str, Any], arms: list[str]) -> Iterator[Problem]:
    labels = list(mapping(raw, "datasets"))
    for label in labels:
        if "/" in label:
            yield Problem(("datasets", label), "a data set's name has no '/' in it")
        if label in arms:
            yield Problem(("datasets", label), "is also an arm's name; arms and data sets differ")
    for arm in mapping(raw, "arms"):
        own = mapping(raw, "arms", arm).get("datasets")
        if isinstance(own, list):
            yield from _check_own_labels(("arms", arm, "datasets"), own, labels)


def _check_own_labels(place: KeyPath, own: list[Any], labels: list[str]) -> Iterator[Problem]:
    if not labels:
        yield Problem(place, "the study has no datasets: to choose from")
    elif not own:
        yield Problem(place, "names no data set; leave it out to run on all of them")
    for index, label in enumerate(own if labels else ()):
        if label in own[:index]:
            yield Problem((*place, index), f"names {label!r} twice")
        elif isinstance(label, str) and label not in labels:
            yield Problem((*place, index), format_unknown("data set", label, labels))


def _check_baseline(raw: Mapping[str, Any], runs_on: Mapping[str, list[str]]) -> Iterator[Problem]:
    name = raw.get("baseline")
    if not isinstance(name, str):
        return
    if name not in runs_on:
        yield Problem(("baseline",), format_unknown("arm", name, runs_on))
        return
    used = dict.fromkeys(label for labels in runs_on.values() for label in labels)
    if lacking := ", ".join(label for label in used if label not in runs_on[name]):
        text = f"{name!r} does not run on {lacking}, where other arms are compared with it"
        yield Problem(("baseline",), text)


def _check_contrasts(raw: Mapping[str, Any], runs_on: Mapping[str, list[str]]) -> Iterator[Problem]:
    contrasts = raw.get("contrasts")
    for index, contrast in enumerate(contrasts if isinstance(contrasts, list) else ()):
        sides = {key: mapping(contrast).get(key) for key in _SIDES}
        names = [name for name in sides.values() if isinstance(name, str)]
        known = [runs_on[name] for name in names if name in runs_on]
        for key, name in sides.items():
            if isinstance(name, str) and name not in runs_on:
                yield Problem(("contrasts", index, key), format_unknown("arm", name, runs_on))
        if len(names) == 2 and len(set(names)) == 1:
            yield Problem(("contrasts", index), "compares an arm with itself")
        elif len(known) == 2 and set(known[0]).isdisjoint(known[1]):
            yield Problem(("contrasts", index), "no data set has both arms")


def _check_expected(raw: Mapping[str, Any], runs_on: Mapping[str, list[str]]) -> Iterator[Problem]:
    names = [full_name(arm, dataset=label) for arm, labels in runs_on.items() for label in labels]
    metrics = _computed_metrics(raw)
    sliced = [f"{metric} {label}" for metric in metrics for label in POPULARITY_LABELS]
    slices = ", ".join(POPULARITY_LABELS)
    allowed = f"{', '.join((*metrics, *COSTS))}, and a metric with a slice: {slices}"
    for arm in mapping(raw, "expected"):
        if arm not in names:
            yield Problem(("expected", arm), format_unknown("arm", arm, names))
        for name in mapping(raw, "expected", arm):
            if name not in (known := (*metrics, *COSTS, *sliced)):
                text = f"{name!r} is not reported.{did_you_mean(name, known)} Allowed: {allowed}"
                yield Problem(("expected", arm, name), text)


def _computed_metrics(raw: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the metrics that the study computes, such as ``HR@10``."""
    ks = get_path(mapping(raw, "base"), "evaluation.ks")
    if not isinstance(ks, list) or value_problems("evaluation.ks", ks):
        ks = EvaluationSpec().ks
    return metric_names(ks)
