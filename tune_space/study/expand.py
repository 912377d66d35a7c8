"""A study -> its arms, each one built and checked, so that an impossible arm is refused here."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from morec.config import TrialConfig
from morec.errors import SpecError
from tune_space.study.arm import MEMBERS, Arm, point_with, start_values, with_values
from tune_space.study.arm_names import NamedArm, named_arms
from tune_space.study.arm_problems import format_arms, keys_of_no_arm, same_arms
from tune_space.study.conditions import condition_problems, configuration_under
from tune_space.study.config_paths import get_path, set_path
from tune_space.study.domains import Value, combinations
from tune_space.study.ensembles import searched_rankings
from tune_space.study.kinds import (
    check_written,
    depends_on_kind,
    for_kinds,
    kind_of,
    where_they_exist,
)
from tune_space.study.rankings import ranking_problems
from tune_space.study.spec import StudySpec
from tune_space.study.when import ordered, reachable
from tune_space.study.wrong_values import explain


def expand(study: StudySpec) -> tuple[Arm, ...]:
    """Build every arm of a study.

    Raises:
        SpecError: every impossible arm, every searched value that an arm cannot take, arms that
            are the same, and conditions without effect, all at once.
    """
    failed: dict[str, list[str]] = {}
    arms = []
    for named in named_arms(study):
        try:
            arms.append(_build(study, named) if not named.spec.ensemble else _fused(study, named))
        except SpecError as error:
            for problem in error.problems:
                failed.setdefault(problem, []).append(named.name)
    problems = [f"{format_arms(names)}: {text}" for text, names in failed.items()]
    problems += [*same_arms(arms), *ranking_problems(arms)]
    if not failed:
        problems += keys_of_no_arm(study, arms)
        problems += condition_problems(study, arms, lambda named: _without(study, named))
    if problems:
        raise SpecError(problems)
    return tuple(arms)


def configure(arm: Arm, params: Mapping[str, Value], *, seed: int, test: bool) -> TrialConfig:
    """An arm's configuration with searched values and a seed; ``test``: it may see the test split.

    Raises:
        SpecError: the values do not fit the configuration.
    """
    if arm.members:
        return _configure_ensemble(arm, params, seed=seed, test=test)
    return _resolve(with_values(arm, params), seed=seed, test=test)


def _configure_ensemble(
    arm: Arm, params: Mapping[str, Value], *, seed: int, test: bool
) -> TrialConfig:
    """An arm's configuration with members; ``params[MEMBERS]`` holds the searched values of each.

    A member that comes a second time has the next of the study's seeds, the last one the first.
    """
    chosen = params.get(MEMBERS) or [{}] * len(arm.members)
    configs = []
    for place, (member, own) in enumerate(zip(arm.members, chosen, strict=True)):
        repeats = arm.members[:place].count(member)
        configs.append(configure(member, own, seed=_next(arm.seeds, seed, repeats), test=test))
    raw = configs[0].model_dump(mode="json")
    raw["ensemble"] = [config.model_dump(mode="json") for config in configs]
    return _resolve(raw, seed=seed, test=test)


def _next(seeds: Sequence[int], seed: int, by: int) -> int:
    """The seed so many places later; of a seed that the study does not have, the seed itself."""
    return seeds[(seeds.index(seed) + by) % len(seeds)] if seed in seeds else seed


def _build(study: StudySpec, named: NamedArm) -> Arm:
    spec, searched = named.spec, {**study.search, **named.spec.search}
    raw, kinds, changed = configuration_under(study, named)
    written = {part: get_path(raw, part) or {} for part in kinds if f"{part}.kind" in searched}
    for part, keys in written.items():
        check_written(part, keys, kinds[part])
        set_path(raw, part, for_kinds(part, keys, [kind_of(part, keys)]))
    config = _resolve(raw, seed=study.search_seed, test=False)
    own = [path for path in spec.search if not depends_on_kind(path, changed)]
    space = ordered(where_they_exist(searched, kinds, own=own))
    space = reachable(space, config.model_dump(mode="json"), written)
    kept = (path for path in spec.start if path in space or not depends_on_kind(path, changed))
    start = {path: spec.start[path] for path in kept}
    arm = Arm(named.name, spec.group, config, space, named.dataset, start, written, named.condition)
    _try_searched_values(arm)
    _check_start(arm)
    return arm


def _fused(study: StudySpec, named: NamedArm) -> Arm:
    """An arm with members, each built at the same place.

    Raises:
        SpecError: a member is impossible, or the members' scores cannot be added up.
    """
    own = [one for one in named_arms(study) if one.place == named.place]
    by_name = {one.arm: one for one in own}
    absent = [name for name in named.spec.ensemble if name not in by_name]
    if absent:
        raise SpecError([f"ensemble: {name!r} does not run there" for name in absent])
    members = tuple(_build(study, by_name[name]) for name in named.spec.ensemble)
    if searched := list(searched_rankings(members)):
        raise SpecError(searched)
    arm = Arm(
        name=named.name,
        group=named.spec.group,
        config=members[0].config,
        space={},
        dataset=named.dataset,
        condition=named.condition,
        members=members,
        seeds=study.seeds,
    )
    return replace(arm, config=configure(arm, {}, seed=study.search_seed, test=False))


def _without(study: StudySpec, named: NamedArm) -> Arm | None:
    """An arm as it would be without its condition; None where it would be impossible."""
    try:
        return _build(study, replace(named, under=()))
    except SpecError:
        return None


def _resolve(raw: dict[str, Any], *, seed: int, test: bool) -> TrialConfig:
    """Write seed and ``test`` into a configuration and check it."""
    raw["seed"] = seed
    set_path(raw, "evaluation.test", test)
    try:
        return TrialConfig.model_validate_json(json.dumps(raw))
    except ValidationError as error:
        problems = explain(error, raw, [TrialConfig])
        raise SpecError([problem.format() for problem in problems]) from error


def _check_start(arm: Arm) -> None:
    """Every value of ``start`` must be one that the first search trial takes.

    Raises:
        SpecError: names those that it does not take.
    """
    if unused := arm.start.keys() - point_with(arm, start_values(arm)).keys():
        names = ", ".join(sorted(unused))
        raise SpecError(f"start: {names}: not searched in this arm, or not with its other values")


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
    for values in combinations(arm.space):
        params = point_with(arm, values)
        for text in _misfits(arm, params):
            problems[f"search: {_format_blamed(arm, params)}: {text}"] = None
    return list(problems)


def _misfits(arm: Arm, params: Mapping[str, Value]) -> tuple[str, ...]:
    """Why the arm cannot take these values together; nothing where it can."""
    try:
        configure(arm, params, seed=arm.config.seed, test=False)
    except SpecError as error:
        return error.problems
    return ()


def _format_blamed(arm: Arm, params: Mapping[str, Value]) -> str:
    """The parameters to blame: without any one of them, the others fit. All, where none is."""
    others = {path: {p: v for p, v in params.items() if p != path} for path in params}
    return ", ".join([path for path in params if not _misfits(arm, others[path])] or params)
