"""Checks that every arm, data set, condition and metric a study file names exists.

Works on the values as they were read, like ``tune_space.study.check_values``. Values of the wrong
shape are skipped: ``StudySpec`` reports them.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any, TypeAlias

from morec.config import POPULARITY_LABELS, EvaluationSpec
from morec.errors import SpecError, did_you_mean
from morec.metrics import metric_names
from tune_space.study.arm_names import crossed, one_factor_out
from tune_space.study.config_paths import get_path
from tune_space.study.ensembles import check_ensembles
from tune_space.study.spec import COSTS, full_name
from tune_space.study.wrong_values import value_problems
from tune_space.study.yaml_document import KeyPath, Problem, format_unknown, mapping

_SIDES = ("better", "than")
_LABELLED = {"datasets": "data set", "conditions": "condition"}
"""Parts of a study that are crossed with its arms, and what their entries are."""

Place: TypeAlias = tuple[str, str]
"""A data set's and a condition's label, each empty where the study has none of them."""


def check_names(raw: Mapping[str, Any]) -> Iterator[Problem]:
    """Every name in a study that nothing has, or that may not be used there."""
    arms, problems = _arm_names(raw)
    yield from problems
    yield from _check_labels(raw, arms)
    if not arms:
        return
    runs_on = {arm: _places_of(raw, arm) for arm in arms}
    yield from check_ensembles(raw, runs_on)
    yield from _check_baseline(raw, runs_on)
    yield from _check_contrasts(raw, runs_on)
    yield from _check_expected(raw, runs_on)


def _arm_names(raw: Mapping[str, Any]) -> tuple[list[str], list[Problem]]:
    """The own names of all arms; none where they cannot be told."""
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


def _places_of(raw: Mapping[str, Any], arm: str) -> list[Place]:
    """Every data set and condition an arm runs on."""
    return list(product(_labels_of(raw, arm, "datasets"), _labels_of(raw, arm, "conditions")))


def _labels_of(raw: Mapping[str, Any], arm: str, key: str) -> list[str]:
    """The data sets or conditions of an arm; a single empty label where the study has none."""
    own = mapping(raw, "arms", arm).get(key)
    labels = list(mapping(raw, key)) or [""]
    return [label for label in labels if not isinstance(own, list) or label in own]


def _check_labels(raw: Mapping[str, Any], arms: list[str]) -> Iterator[Problem]:
    taken = dict.fromkeys(arms, "arm")
    for key, noun in _LABELLED.items():
        labels = list(mapping(raw, key))
        for label in labels:
            if "/" in label:
                yield Problem((key, label), f"a {noun}'s name has no '/' in it")
            if label in taken:
                text = f"{_a(taken[label])}'s name; {taken[label]}s and {noun}s differ"
                yield Problem((key, label), f"is also {text}")
        taken |= dict.fromkeys(labels, noun)
        for arm in mapping(raw, "arms"):
            own = mapping(raw, "arms", arm).get(key)
            if isinstance(own, list):
                yield from _check_own_labels(("arms", arm, key), own, labels)


def _a(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def _check_own_labels(place: KeyPath, own: list[Any], labels: list[str]) -> Iterator[Problem]:
    key = str(place[-1])
    noun = _LABELLED[key]
    if not labels:
        yield Problem(place, f"the study has no {key}: to choose from")
    elif not own:
        yield Problem(place, f"names no {noun}; leave it out to run on all of them")
    for index, label in enumerate(own if labels else ()):
        if label in own[:index]:
            yield Problem((*place, index), f"names {label!r} twice")
        elif isinstance(label, str) and label not in labels:
            yield Problem((*place, index), format_unknown(noun, label, labels))


def _check_baseline(
    raw: Mapping[str, Any], runs_on: Mapping[str, Sequence[Place]]
) -> Iterator[Problem]:
    name = raw.get("baseline")
    if not isinstance(name, str):
        return
    if name not in runs_on:
        yield Problem(("baseline",), format_unknown("arm", name, runs_on))
        return
    used = dict.fromkeys(place for places in runs_on.values() for place in places)
    if lacking := ", ".join(_format(place) for place in used if place not in runs_on[name]):
        text = f"{name!r} does not run on {lacking}, where other arms are compared with it"
        yield Problem(("baseline",), text)


def _format(place: Place) -> str:
    return full_name("", dataset=place[0], condition=place[1])


def _check_contrasts(
    raw: Mapping[str, Any], runs_on: Mapping[str, Sequence[Place]]
) -> Iterator[Problem]:
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
            both = " and condition have" if mapping(raw, "conditions") else " has"
            yield Problem(("contrasts", index), f"no data set{both} both arms")


def _check_expected(
    raw: Mapping[str, Any], runs_on: Mapping[str, Sequence[Place]]
) -> Iterator[Problem]:
    names = [
        full_name(arm, dataset=dataset, condition=condition)
        for arm, places in runs_on.items()
        for dataset, condition in places
    ]
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
