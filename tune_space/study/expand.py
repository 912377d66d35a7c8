"""A study -> its arms, each one built and checked, so that an impossible arm is refused here."""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from graphlib import CycleError, TopologicalSorter
from itertools import product
from random import Random
from typing import Any

from pydantic import ValidationError

from morec.config import TrialConfig, canonical_json
from morec.errors import SpecError
from tune_space.study.arm_names import NamedArm, named_arms
from tune_space.study.config_paths import explain, get_path, same_value, set_path
from tune_space.study.rankings import ranking_problems
from tune_space.study.spec import ParamSpec, StudySpec, Value

MAX_COMBINATIONS = 500
"""Combinations of searched values that are tried per arm; of a larger space, a fixed sample."""


@dataclass(frozen=True)
class Arm:
    """One arm of a study, ready to be searched and trained."""

    name: str
    group: str | None
    config: TrialConfig
    """Before any searched value is set; seed = the search seed, test = False."""
    space: dict[str, ParamSpec]
    """What is searched in this arm; a parameter comes after those that its ``when`` names."""
    dataset: str = ""
    """Key of the study's ``datasets``; empty where the study has one data set in its base."""
    start: Mapping[str, Value] = field(default_factory=dict)
    """Searched values of the first search trial, in place of those of ``config``."""


def expand(study: StudySpec) -> tuple[Arm, ...]:
    """Build every arm of a study.

    Raises:
        SpecError: every impossible arm, every searched value that an arm cannot take, and arms
            that are the same, all at once.
    """
    failed: dict[str, list[str]] = {}
    arms = []
    for named in named_arms(study):
        try:
            arms.append(_build(study, named))
        except SpecError as error:
            for problem in error.problems:
                failed.setdefault(problem, []).append(named.name)
    problems = [f"{_format_arms(names)}: {text}" for text, names in failed.items()]
    problems += [*_same_arms(arms), *ranking_problems(arms)]
    if problems:
        raise SpecError(problems)
    return tuple(arms)


def configure(
    arm_config: TrialConfig, params: Mapping[str, Value], *, seed: int, test: bool
) -> TrialConfig:
    """An arm's configuration with searched values and a seed; ``test``: it may see the test split.

    Raises:
        SpecError: the values do not fit the configuration.
    """
    config = arm_config.model_dump(mode="json")
    for path, value in params.items():
        set_path(config, path, value)
    return _resolve(config, seed=seed, test=test)


def draw(arm: Arm, suggest: Callable[[str, ParamSpec], Value]) -> dict[str, Value]:
    """One point of an arm's space: ``suggest`` gives the value of each parameter that applies.

    Parameters come in the order of the space, so that a ``when`` sees the values it depends on.
    """
    config = arm.config.model_dump(mode="json")
    params: dict[str, Value] = {}
    for path, param in arm.space.items():
        if applies(param, config):
            params[path] = suggest(path, param)
            set_path(config, path, params[path])
    return params


def point_with(arm: Arm, values: Mapping[str, Value]) -> dict[str, Value]:
    """The point of an arm's space with these values, and any value where none is given."""
    return draw(arm, lambda path, param: values.get(path, param.probes()[0]))


def start_values(arm: Arm) -> dict[str, Value]:
    """Searched values that the search begins with: the arm's ``start``, else its configuration's.

    Left out are parameters whose domain does not contain that value.
    """
    config = arm.config.model_dump(mode="json")
    values = {path: arm.start.get(path, get_path(config, path)) for path in arm.space}
    return {path: value for path, value in values.items() if arm.space[path].contains(value)}


def fits(arm: Arm, params: Mapping[str, Value]) -> bool:
    """Whether ``params``, perhaps of an earlier run, are a point of the arm's current space."""
    space = arm.space
    if not all(path in space and space[path].contains(value) for path, value in params.items()):
        return False
    return point_with(arm, params).keys() == params.keys()


def applies(param: ParamSpec, config: Mapping[str, Any]) -> bool:
    """Whether a configuration, as mappings, meets the condition (``when``) of a parameter."""
    return all(
        any(same_value(get_path(config, path), option) for option in _options(wanted))
        for path, wanted in param.when.items()
    )


def _options(wanted: Value) -> list[Value]:
    """The values that meet a condition: the one that is wanted or, of a list, also each of it."""
    return [wanted, *wanted] if isinstance(wanted, list) else [wanted]


def _build(study: StudySpec, named: NamedArm) -> Arm:
    raw = deepcopy(study.base)
    for path, value in named.settings:
        set_path(raw, path, deepcopy(value))
    spec = named.spec
    config = _resolve(raw, seed=study.search_seed, test=False)
    space = _reachable(_ordered({**study.search, **spec.search}), config)
    arm = Arm(named.name, spec.group, config, space, named.dataset, spec.start)
    _try_searched_values(arm)
    _check_start(arm)
    return arm


def _resolve(raw: dict[str, Any], *, seed: int, test: bool) -> TrialConfig:
    """Write seed and ``test`` into a configuration and check it."""
    raw["seed"] = seed
    set_path(raw, "evaluation.test", test)
    try:
        return TrialConfig.model_validate_json(json.dumps(raw))
    except ValidationError as error:
        problems = explain(error, raw, [TrialConfig])
        raise SpecError([problem.format() for problem in problems]) from error


def _ordered(space: dict[str, ParamSpec]) -> dict[str, ParamSpec]:
    """Put every parameter after those that its ``when`` names."""
    graph = {path: [p for p in param.when if p in space] for path, param in space.items()}
    try:
        return {path: space[path] for path in TopologicalSorter(graph).static_order()}
    except CycleError as error:
        raise SpecError(f"search: when goes in a circle: {' -> '.join(error.args[1])}") from error


def _check_start(arm: Arm) -> None:
    """Every value of ``start`` must be one that the first search trial takes.

    Raises:
        SpecError: names those that it does not take.
    """
    if unused := arm.start.keys() - point_with(arm, start_values(arm)).keys():
        names = ", ".join(sorted(unused))
        raise SpecError(f"start: {names}: not searched in this arm, or not with its other values")


def _reachable(space: dict[str, ParamSpec], config: TrialConfig) -> dict[str, ParamSpec]:
    """Leave out parameters whose ``when`` no searched value can meet in this arm."""
    fixed = config.model_dump(mode="json")
    kept: dict[str, ParamSpec] = {}
    for path, param in space.items():
        unmet = {p: wanted for p, wanted in param.when.items() if not _can_take(p, wanted, kept)}
        if applies(param.model_copy(update={"when": unmet}), fixed):
            kept[path] = param
    return kept


def _can_take(path: str, wanted: Value, space: Mapping[str, ParamSpec]) -> bool:
    """Whether a path is searched and may get a value that meets a condition."""
    return path in space and any(space[path].contains(option) for option in _options(wanted))


def _try_searched_values(arm: Arm) -> None:
    """Build the arm with values that stand for its whole space.

    A parameter none of whose values fits the arm is reported once, and left out of the rest.

    Raises:
        SpecError: every searched value that the arm cannot take, with the reason.
    """
    if not _failed_combinations(arm):
        return
    problems = []
    never = {path: reasons for path in arm.space if (reasons := _never_fits(arm, path))}
    for path, reasons in never.items():
        problems += [f"search: {path}: {text}; say where it applies with when:" for text in reasons]
    rest = {path: param for path, param in arm.space.items() if path not in never}
    problems += _failed_combinations(replace(arm, space=rest))
    raise SpecError(problems)


def _never_fits(arm: Arm, path: str) -> tuple[str, ...]:
    """Why the arm cannot take any value of a parameter without ``when``; else nothing."""
    param = arm.space[path]
    reasons = () if param.when else [_misfits(arm, {path: value}) for value in param.probes()]
    return reasons[0] if reasons and all(reasons) else ()


def _failed_combinations(arm: Arm) -> list[str]:
    """Each reason why a combination of searched values does not fit the arm, once."""
    problems: dict[str, None] = {}
    for values in _combinations(arm.space):
        params = point_with(arm, values)
        for text in _misfits(arm, params):
            problems[f"search: {_format_blamed(arm, params)}: {text}"] = None
    return list(problems)


def _misfits(arm: Arm, params: Mapping[str, Value]) -> tuple[str, ...]:
    """Why the arm cannot take these values together; nothing where it can."""
    try:
        configure(arm.config, params, seed=arm.config.seed, test=False)
    except SpecError as error:
        return error.problems
    return ()


def _format_blamed(arm: Arm, params: Mapping[str, Value]) -> str:
    """The parameters to blame: without any one of them, the others fit. All, where none is."""
    others = {path: {p: v for p, v in params.items() if p != path} for path in params}
    return ", ".join([path for path in params if not _misfits(arm, others[path])] or params)


def _combinations(space: Mapping[str, ParamSpec]) -> Iterator[dict[str, Value]]:
    """Combinations of the values that stand for each domain: all, or a fixed sample of many."""
    probes = [param.probes() for param in space.values()]
    if math.prod(map(len, probes)) <= MAX_COMBINATIONS:
        rows: Iterator[Sequence[Value]] = product(*probes)
    else:
        random = Random(0)
        rows = ([random.choice(values) for values in probes] for _ in range(MAX_COMBINATIONS))
    return (dict(zip(space, row, strict=True)) for row in rows)


def _same_arms(arms: Sequence[Arm]) -> list[str]:
    """Arms that differ in nothing but their name."""
    same: dict[str, list[str]] = {}
    for arm in arms:
        space = {path: param.model_dump(mode="json") for path, param in arm.space.items()}
        key = canonical_json([arm.config.model_dump(mode="json"), space])
        same.setdefault(key, []).append(arm.name)
    groups = [names for names in same.values() if len(names) > 1]
    return [f"{_format_arms(names)}: the same configuration and search" for names in groups]


def _format_arms(names: Sequence[str]) -> str:
    return f"arm{'s' if len(names) > 1 else ''} {', '.join(map(repr, names))}"
