"""Checks of a study file beyond its shape: its dotted paths exist, and their values fit there.

Works on the values as they were read, so that every mistake is found at once. Values of the wrong
shape are skipped: ``StudySpec`` reports them.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from morec.config import TrialConfig, canonical_json
from morec.errors import did_you_mean
from tune_space.study.check_names import check_names
from tune_space.study.config_paths import (
    RESERVED,
    get_path,
    merges,
    overlap,
    path_problem,
    same_value,
)
from tune_space.study.domains import ParamSpec
from tune_space.study.kinds import kinds_with
from tune_space.study.wrong_values import explain, value_problems
from tune_space.study.yaml_document import KeyPath, Problem, mapping, shorten

FLAT = {
    "arms": ("search", "group", "datasets", "conditions", "start", "ensemble"),
    "datasets": ("download", "num_users", "num_items"),
    "conditions": (),
}
"""Parts of a study whose entries are dotted paths and their values, but for these keys."""
CHECKED_LATER = ("missing", "value_error", "union_tag_not_found")
"""Mistakes, by pydantic's names, of what may be complete only in an arm: ``expand`` checks it."""


def check(raw: Mapping[str, Any]) -> list[Problem]:
    """Every mistake in a study that ``StudySpec`` alone cannot see."""
    problems = [*_check_base(raw)]
    for path, dotted, value in _settings(raw):
        is_part = merges(get_path(mapping(raw, "base"), dotted), value)
        problems += _check_setting(path, dotted, value, CHECKED_LATER if is_part else ())
    for area, space in _search_areas(raw):
        for dotted, param in space.items():
            problems += _check_param((*area, dotted), dotted, param)
    problems += [*_check_sampler(raw), *_check_starts(raw)]
    return [*problems, *_check_levels(raw), *_check_overlaps(raw), *check_names(raw)]


def _check_base(raw: Mapping[str, Any]) -> Iterator[Problem]:
    """Unknown keys and wrong values in ``base``.

    ``base`` alone may be incomplete or contradict itself: ``expand`` checks it in every arm.
    """
    base = mapping(raw, "base")
    try:
        TrialConfig.model_validate_json(canonical_json(base))
    except ValidationError as error:
        for path, text in explain(error, base, [TrialConfig], skip=CHECKED_LATER):
            if not _is_of_another_kind(raw, path):
                yield Problem(("base", *path), text)
                continue
            dotted = ".".join(map(str, path))
            for below, wrong in value_problems(dotted, get_path(base, dotted)):
                yield Problem(("base", *path, *below), wrong)
    for dotted, text in RESERVED.items():
        if get_path(base, dotted) is not None:
            yield Problem(("base", *dotted.split(".")), f"{dotted} {text}")


def _is_of_another_kind(raw: Mapping[str, Any], place: KeyPath) -> bool:
    """Whether a key of ``base`` belongs to a kind that an arm sets, or that is searched."""
    path = ".".join(map(str, place))
    return any(having & _kinds_used(raw, tag) for tag, having in kinds_with(path).items())


def _kinds_used(raw: Mapping[str, Any], tag: str) -> set[str]:
    """Every kind that is set by an arm, data set, condition or factor, or that is searched."""
    part = tag.removesuffix(".kind")
    settings = [(dotted, value) for _, dotted, value in _settings(raw)]
    found = [value for dotted, value in settings if dotted == tag]
    found += [mapping({part: value}, part).get("kind") for path, value in settings if path == part]
    for _, space in _search_areas(raw):
        choice = mapping(space, tag).get("choice")
        found += choice if isinstance(choice, list) else []
    return {kind for kind in found if isinstance(kind, str)}


def _settings(raw: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str, Any]]:
    """Each value that one of ``FLAT`` or a factor sets: its place, its dotted path, itself."""
    for key in FLAT:
        for name in mapping(raw, key):
            for dotted in _paths_set(raw, key, name):
                yield (key, name, dotted), dotted, raw[key][name][dotted]
    for key in ("factors", "one_factor_out"):
        for dotted, levels in mapping(raw, key).items():
            for index, level in enumerate(levels if isinstance(levels, list) else ()):
                yield (key, dotted, index), dotted, level


def _paths_set(raw: Mapping[str, Any], key: str, name: str) -> list[str]:
    """The dotted paths that one arm, data set or condition sets."""
    return [dotted for dotted in mapping(raw, key, name) if dotted not in FLAT[key]]


def _check_setting(
    path: KeyPath, dotted: str, value: Any, skip: Collection[str]
) -> Iterator[Problem]:
    place = path[:-1] if isinstance(path[-1], int) else path
    if text := path_problem(dotted, besides=FLAT.get(str(path[0]), ())):
        yield Problem(place, text)
        return
    for below, text in value_problems(dotted, value, skip=skip):
        yield Problem((*path, *below), text)


def _search_areas(raw: Mapping[str, Any]) -> Iterator[tuple[KeyPath, Mapping[str, Any]]]:
    """The study's ``search`` and each arm's, with their places."""
    yield ("search",), mapping(raw, "search")
    for arm in mapping(raw, "arms"):
        yield ("arms", arm, "search"), mapping(raw, "arms", arm, "search")


def _check_param(path: KeyPath, dotted: str, raw: Any) -> Iterator[Problem]:
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


def _check_sampler(raw: Mapping[str, Any]) -> Iterator[Problem]:
    """A sampler needs something to search, and a grid needs domains that have an end."""
    sampler, areas = raw.get("sampler", "tpe"), list(_search_areas(raw))
    if sampler != "tpe" and not any(space for _, space in areas):
        yield Problem(("sampler",), f"{sampler} has no effect: nothing is searched")
    for area, space in areas if sampler == "grid" else ():
        for dotted, given in space.items():
            if (param := _param(given)) and param.size is None:
                yield Problem(
                    (*area, dotted, param.kind),
                    "sampler: grid tries every value, and a range without a step is endless; "
                    "allowed: choice, int, logint, or uniform with a step",
                )


def _check_starts(raw: Mapping[str, Any]) -> Iterator[Problem]:
    """An arm may only start from values that it searches."""
    for arm in mapping(raw, "arms"):
        space = {**mapping(raw, "search"), **mapping(raw, "arms", arm, "search")}
        for dotted, value in mapping(raw, "arms", arm, "start").items():
            place = ("arms", arm, "start", dotted)
            if dotted not in space:
                near, searched = did_you_mean(dotted, space), ", ".join(space) or "nothing"
                yield Problem(place, f"is not searched.{near} Searched: {searched}")
            elif (param := _param(space[dotted])) and not param.contains(value):
                yield Problem(place, f"found {shorten(value)}; allowed: {param.format()}")


def _param(raw: Any) -> ParamSpec | None:
    """A searched parameter; None where ``StudySpec`` reports a mistake in it."""
    try:
        return ParamSpec.model_validate_json(canonical_json(raw))
    except ValidationError:
        return None


def _check_condition(path: KeyPath, dotted: str, wanted: Any) -> Iterator[Problem]:
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
    """No two settings may write the same value, and no setting may be searched as well."""
    shared = list(mapping(raw, "search"))
    yield from _among(("search",), shared)
    for key in ("factors", "one_factor_out"):
        levels = list(mapping(raw, key))
        yield from _among((key,), levels)
        yield from _searched_too((key,), levels, shared)
    for key in ("datasets", "conditions"):
        for label in mapping(raw, key):
            yield from _among((key, label), _paths_set(raw, key, label))
    yield from _searched_under_conditions(raw)
    for arm in mapping(raw, "arms"):
        own = list(mapping(raw, "arms", arm, "search"))
        set_here = _paths_set(raw, "arms", arm)
        yield from _among(("arms", arm), set_here)
        yield from _among(("arms", arm, "search"), own)
        yield from _searched_too(("arms", arm), set_here, [*shared, *own])


def _among(place: KeyPath, paths: list[str]) -> Iterator[Problem]:
    for index, path in enumerate(paths):
        for other in paths[:index]:
            if overlap(path, other):
                yield Problem((*place, path), f"{other} and {path} write the same value")


def _searched_too(place: KeyPath, written: list[str], searched: list[str]) -> Iterator[Problem]:
    """An arm may not set a value that is searched.

    It may set a part above: switching a part off also ends the search below it (``when``).
    """
    for path in written:
        if any(f"{path}.".startswith(f"{other}.") for other in searched):
            yield Problem((*place, path), f"{path} is searched as well; set it or search it")


def _searched_under_conditions(raw: Mapping[str, Any]) -> Iterator[Problem]:
    """No condition may set a value that is searched: the search would hide it."""
    searched = dict.fromkeys(path for _, space in _search_areas(raw) for path in space)
    for label in mapping(raw, "conditions"):
        for path in _paths_set(raw, "conditions", label):
            value = raw["conditions"][label][path]
            hidden = [one for one in searched if _writes(path, value, one)]
            if hidden:
                text = f"{hidden[0]} is searched, which would hide this value; set it or search it"
                yield Problem(("conditions", label, path), text)


def _writes(path: str, value: Any, searched: str) -> bool:
    """Whether ``value`` at ``path`` sets what is searched, or is a part of it."""
    inside = searched.removeprefix(f"{path}.")
    return overlap(path, searched) and (
        len(path) >= len(searched) or get_path(mapping({path: value}, path), inside) is not None
    )
