"""What a study file must fulfil beyond its shape: paths that exist, values that fit, names of arms.

Works on the values as read, so that every mistake is found at once; whatever has the wrong shape
is passed over here, because ``StudySpec`` reports it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from morec.config import EvaluationSpec, TrialConfig, canonical_json, metric_name
from morec.errors import SpecError, did_you_mean
from tune_space.expand import crossed, one_factor_out
from tune_space.paths import (
    RESERVED,
    explain,
    get_path,
    overlap,
    path_problem,
    same_value,
    value_problems,
)
from tune_space.strict_yaml import Path, Problem
from tune_space.study import ParamSpec

ARM_KEYS = ("search", "group")
"""Keys of an arm that are not dotted paths."""
_SIDES = ("better", "than")


def check(raw: Mapping[str, Any]) -> list[Problem]:
    """Every mistake that ``StudySpec`` alone cannot see."""
    problems = [*_check_base(raw)]
    for path, dotted, value in _settings(raw):
        problems += _check_setting(path, dotted, value)
    for area, space in _search_areas(raw):
        for dotted, param in space.items():
            problems += _check_param((*area, dotted), dotted, param)
    return [*problems, *_check_levels(raw), *_check_overlaps(raw), *_check_names(raw)]


def mapping(raw: Any, *keys: str) -> Mapping[str, Any]:
    """The mapping at nested keys; an empty one where there is none."""
    for key in keys:
        raw = raw.get(key) if isinstance(raw, dict) else None
    return raw if isinstance(raw, dict) else {}


def _check_base(raw: Mapping[str, Any]) -> Iterator[Problem]:
    """Alone, base may be incomplete or contradict itself; ``expand`` checks it in every arm."""
    base = mapping(raw, "base")
    try:
        TrialConfig.model_validate_json(canonical_json(base))
    except ValidationError as error:
        later = ("missing", "value_error", "union_tag_not_found")
        for path, text in explain(error, base, [TrialConfig], skip=later):
            yield Problem(("base", *path), text)
    for dotted, text in RESERVED.items():
        if get_path(base, dotted) is not None:
            yield Problem(("base", *dotted.split(".")), f"{dotted} {text}")


def _settings(raw: Mapping[str, Any]) -> Iterator[tuple[Path, str, Any]]:
    """Every place, dotted path and value that an arm or a factor sets."""
    for arm in mapping(raw, "arms"):
        for dotted, value in mapping(raw, "arms", arm).items():
            if dotted not in ARM_KEYS:
                yield ("arms", arm, dotted), dotted, value
    for key in ("factors", "one_factor_out"):
        for dotted, levels in mapping(raw, key).items():
            for index, level in enumerate(levels if isinstance(levels, list) else ()):
                yield (key, dotted, index), dotted, level


def _check_setting(path: Path, dotted: str, value: Any) -> Iterator[Problem]:
    place = path[: path.index(dotted) + 1]
    if text := path_problem(dotted):
        yield Problem(place, text)
        return
    for below, text in value_problems(dotted, value):
        yield Problem((*path, *below), text)


def _search_areas(raw: Mapping[str, Any]) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    yield ("search",), mapping(raw, "search")
    for arm in mapping(raw, "arms"):
        yield ("arms", arm, "search"), mapping(raw, "arms", arm, "search")


def _check_param(path: Path, dotted: str, raw: Any) -> Iterator[Problem]:
    if text := path_problem(dotted):
        yield Problem(path, text)
    elif param := _param(raw):
        if ".second_round" in dotted and param.choice is None:
            text = "a second round runs before the search, once for every value; allowed: choice"
            yield Problem((*path, param.kind), text)
        for value in param.probes():
            for below, text in value_problems(dotted, value):
                inside = f"{'.'.join(map(str, below))}: " if below else ""
                yield Problem((*path, param.kind), f"{inside}{text}")
    for condition, wanted in mapping(raw, "when").items():
        place = (*path, "when", condition)
        if condition == dotted:
            yield Problem(place, "a parameter cannot depend on itself")
        else:
            yield from _check_condition(place, condition, wanted)


def _param(raw: Any) -> ParamSpec | None:
    try:
        return ParamSpec.model_validate_json(canonical_json(raw))
    except ValidationError:
        return None


def _check_condition(path: Path, dotted: str, wanted: Any) -> Iterator[Problem]:
    if text := path_problem(dotted):
        yield Problem(path, text)
        return
    for option in wanted if isinstance(wanted, list) else [wanted]:
        yield from (Problem(path, text) for _, text in value_problems(dotted, option))


def _check_levels(raw: Mapping[str, Any]) -> Iterator[Problem]:
    for key in ("factors", "one_factor_out"):
        for dotted, levels in mapping(raw, key).items():
            if not isinstance(levels, list):
                continue
            if not levels:
                yield Problem((key, dotted), "has no levels")
            twice = [x for i, x in enumerate(levels) if any(same_value(x, y) for y in levels[:i])]
            if twice:
                yield Problem((key, dotted), f"has a level twice: {twice[0]!r}")


def _check_overlaps(raw: Mapping[str, Any]) -> Iterator[Problem]:
    """One value must not be written from two places."""
    shared = list(mapping(raw, "search"))
    yield from _among(("search",), shared)
    for key in ("factors", "one_factor_out"):
        levels = list(mapping(raw, key))
        yield from _among((key,), levels)
        yield from _searched_too((key,), levels, shared)
    for arm in mapping(raw, "arms"):
        own = list(mapping(raw, "arms", arm, "search"))
        set_here = [key for key in mapping(raw, "arms", arm) if key not in ARM_KEYS]
        yield from _among(("arms", arm), set_here)
        yield from _among(("arms", arm, "search"), own)
        yield from _searched_too(("arms", arm), set_here, [*shared, *own])


def _among(place: Path, paths: list[str]) -> Iterator[Problem]:
    for index, path in enumerate(paths):
        for other in paths[:index]:
            if overlap(path, other):
                yield Problem((*place, path), f"{other} and {path} write the same value")


def _searched_too(place: Path, written: list[str], searched: list[str]) -> Iterator[Problem]:
    """An arm may switch off what is searched below (``when``), but not set what is searched."""
    for path in written:
        if any(f"{path}.".startswith(f"{other}.") for other in searched):
            yield Problem((*place, path), f"{path} is searched as well; set it or search it")


def _check_names(raw: Mapping[str, Any]) -> Iterator[Problem]:
    arms, problems = _arm_names(raw)
    yield from problems
    if not arms:
        return
    named: list[tuple[Path, Any]] = [(("baseline",), raw.get("baseline"))]
    contrasts = raw.get("contrasts")
    for index, contrast in enumerate(contrasts if isinstance(contrasts, list) else ()):
        sides = [mapping(contrast).get(key) for key in _SIDES]
        named += [
            (("contrasts", index, key), name) for key, name in zip(_SIDES, sides, strict=True)
        ]
        if sides[0] is not None and sides[0] == sides[1]:
            yield Problem(("contrasts", index), "compares an arm with itself")
    named += [(("expected", arm), arm) for arm in mapping(raw, "expected")]
    for path, name in named:
        if isinstance(name, str) and name not in arms:
            yield Problem(path, unknown_arm(name, arms))
    yield from _check_expected(raw)


def unknown_arm(name: str, arms: list[str]) -> str:
    """The message for a name that is no arm's."""
    return f"unknown arm {name!r}.{did_you_mean(name, arms)} Allowed: {', '.join(arms)}"


def _arm_names(raw: Mapping[str, Any]) -> tuple[list[str], list[Problem]]:
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
    levels = mapping(raw, key)
    return levels if all(isinstance(x, list) and x for x in levels.values()) else {}


def _check_expected(raw: Mapping[str, Any]) -> Iterator[Problem]:
    allowed = _computed_metrics(raw)
    for arm in mapping(raw, "expected"):
        for metric in mapping(raw, "expected", arm):
            if metric not in allowed:
                near = did_you_mean(metric, allowed)
                text = f"metric {metric!r} is not computed.{near} Allowed: {', '.join(allowed)}"
                yield Problem(("expected", arm, metric), text)


def _computed_metrics(raw: Mapping[str, Any]) -> list[str]:
    ks = get_path(mapping(raw, "base"), "evaluation.ks")
    if not isinstance(ks, list) or value_problems("evaluation.ks", ks):
        ks = EvaluationSpec().ks
    return [metric_name(metric, k) for metric in ("HR", "NDCG") for k in ks]
