"""A study -> its arms, each one built and checked, so that impossible combinations stop here."""

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
from tune_space.study.spec import ParamSpec, StudySpec, Value

MAX_COMBINATIONS = 500
"""Searched combinations that are built per arm; of more than these a fixed sample."""

_Failures = dict[str, list[str]]
"""Message -> the arms it is about."""


@dataclass(frozen=True)
class Arm:
    """One arm of a study, ready to be searched and trained."""

    name: str
    group: str | None
    config: TrialConfig
    """Before any searched value is set; seed = the search seed, test = False."""
    space: dict[str, ParamSpec]
    """What is searched in this arm; a parameter comes after those its ``when`` depends on."""
    dataset: str = ""
    """Key of the study's ``datasets``; empty where the study has one data set in its base."""
    start: Mapping[str, Value] = field(default_factory=dict)
    """Values of the first search trial that are not those of ``config``."""


def expand(study: StudySpec) -> tuple[Arm, ...]:
    """Build every arm of a study.

    Raises:
        SpecError: every impossible arm, every searched value that an arm cannot take, and arms
            that are the same, all at once.
    """
    failures: _Failures = {}
    arms = []
    for named in named_arms(study):
        try:
            arms.append(_build(study, named))
        except SpecError as error:
            for problem in error.problems:
                failures.setdefault(problem, []).append(named.name)
    problems = [f"{_format_arms(names)}: {text}" for text, names in failures.items()]
    problems += _twins(arms)
    if problems:
        raise SpecError(problems)
    return tuple(arms)


def configure(
    arm_config: TrialConfig, params: Mapping[str, Value], *, seed: int, test: bool
) -> TrialConfig:
    """An arm's configuration with searched values, a seed and the right to see the test split.

    Raises:
        SpecError: the values do not fit the configuration.
    """
    config = arm_config.model_dump(mode="json")
    for path, value in params.items():
        set_path(config, path, value)
    return _resolve(config, seed=seed, test=test)


def draw(arm: Arm, suggest: Callable[[str, ParamSpec], Value]) -> dict[str, Value]:
    """One point of an arm's space: ``suggest`` is asked only for what applies, in order."""
    config = arm.config.model_dump(mode="json")
    params: dict[str, Value] = {}
    for path, param in arm.space.items():
        if applies(param, config):
            params[path] = suggest(path, param)
            set_path(config, path, params[path])
    return params


def start_values(arm: Arm) -> dict[str, Value]:
    """Searched values to begin with: the arm's ``start``, else the study file's own where they lie
    in their domain."""
    config = arm.config.model_dump(mode="json")
    values = {path: arm.start.get(path, get_path(config, path)) for path in arm.space}
    return {path: value for path, value in values.items() if arm.space[path].contains(value)}


def fits(arm: Arm, params: Mapping[str, Value]) -> bool:
    """Whether ``params``, of an earlier run perhaps, are a point of the arm's present space."""
    space = arm.space
    if not all(path in space and space[path].contains(value) for path, value in params.items()):
        return False
    return set(draw(arm, lambda path, param: params.get(path, param.probes()[0]))) == set(params)


def applies(param: ParamSpec, config: Mapping[str, Any]) -> bool:
    """Whether a parameter is searched (``when``), given the configuration so far as mappings."""
    return all(
        any(same_value(get_path(config, path), option) for option in _options(wanted))
        for path, wanted in param.when.items()
    )


def _options(wanted: Value) -> list[Value]:
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
    raw["seed"] = seed
    set_path(raw, "evaluation.test", test)
    try:
        return TrialConfig.model_validate_json(json.dumps(raw))
    except ValidationError as error:
        problems = explain(error, raw, [TrialConfig])
        raise SpecError([problem.format() for problem in problems]) from error


def _ordered(space: dict[str, ParamSpec]) -> dict[str, ParamSpec]:
    """Put every parameter after those that its ``when`` names, else in the study's order."""
    graph = {path: [p for p in param.when if p in space] for path, param in space.items()}
    try:
        return {path: space[path] for path in TopologicalSorter(graph).static_order()}
    except CycleError as error:
        raise SpecError(f"search: when goes in a circle: {' -> '.join(error.args[1])}") from error


def _check_start(arm: Arm) -> None:
    values = start_values(arm)
    drawn = draw(arm, lambda path, param: values.get(path, param.probes()[0]))
    if idle := arm.start.keys() - drawn.keys():
        names = ", ".join(sorted(idle))
        raise SpecError(f"start: {names}: not searched in this arm, or not beside the other values")


def _reachable(space: dict[str, ParamSpec], config: TrialConfig) -> dict[str, ParamSpec]:
    """Leave out what can never be searched in this arm, whatever the other values are."""
    fixed = config.model_dump(mode="json")
    kept: dict[str, ParamSpec] = {}
    for path, param in space.items():
        unmet = {p: wanted for p, wanted in param.when.items() if not _can_be(p, wanted, kept)}
        if applies(param.model_copy(update={"when": unmet}), fixed):
            kept[path] = param
    return kept


def _can_be(path: str, wanted: Value, space: Mapping[str, ParamSpec]) -> bool:
    return path in space and any(space[path].contains(option) for option in _options(wanted))


def _try_searched_values(arm: Arm) -> None:
    """Build the arm with the values of its space that stand for all of them."""
    if not _failed_combinations(arm):
        return
    problems = []
    never = {path: found for path in arm.space if (found := _never_fits(arm, path))}
    for path, found in never.items():
        problems += [f"search: {path}: {text}; say where it applies with when:" for text in found]
    rest = {path: param for path, param in arm.space.items() if path not in never}
    problems += _failed_combinations(replace(arm, space=rest))
    raise SpecError(problems)


def _never_fits(arm: Arm, path: str) -> tuple[str, ...]:
    """Why no value of an unconditional parameter is possible in this arm, or nothing."""
    param = arm.space[path]
    found = () if param.when else [_misfits(arm, {path: value}) for value in param.probes()]
    return found[0] if found and all(found) else ()


def _failed_combinations(arm: Arm) -> list[str]:
    problems: dict[str, None] = {}
    for values in _combinations(arm.space):
        params = _drawn(arm, values)
        for text in _misfits(arm, params):
            problems[f"search: {_blamed(arm, params)}: {text}"] = None
    return list(problems)


def _misfits(arm: Arm, params: Mapping[str, Value]) -> tuple[str, ...]:
    try:
        configure(arm.config, params, seed=arm.config.seed, test=False)
    except SpecError as error:
        return error.problems
    return ()


def _drawn(arm: Arm, values: Mapping[str, Value]) -> dict[str, Value]:
    return draw(arm, lambda path, _: values[path])


def _blamed(arm: Arm, params: Mapping[str, Value]) -> str:
    """Name the searched parameters without which the others would fit."""
    rest = {path: {p: v for p, v in params.items() if p != path} for path in params}
    return ", ".join([path for path in params if not _misfits(arm, rest[path])] or params)


def _combinations(space: Mapping[str, ParamSpec]) -> Iterator[dict[str, Value]]:
    probes = [param.probes() for param in space.values()]
    if math.prod(map(len, probes)) <= MAX_COMBINATIONS:
        rows: Iterator[Sequence[Value]] = product(*probes)
    else:
        draw = Random(0)
        rows = ([draw.choice(values) for values in probes] for _ in range(MAX_COMBINATIONS))
    return (dict(zip(space, row, strict=True)) for row in rows)


def _twins(arms: Sequence[Arm]) -> list[str]:
    same: dict[str, list[str]] = {}
    for arm in arms:
        space = {path: param.model_dump(mode="json") for path, param in arm.space.items()}
        key = canonical_json([arm.config.model_dump(mode="json"), space])
        same.setdefault(key, []).append(arm.name)
    groups = [names for names in same.values() if len(names) > 1]
    return [f"{_format_arms(names)}: the same configuration and search" for names in groups]


def _format_arms(names: Sequence[str]) -> str:
    return f"arm{'s' if len(names) > 1 else ''} {', '.join(map(repr, names))}"
