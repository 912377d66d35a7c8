"""A study -> its arms, each one built and checked, so that an impossible arm is refused here."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from pydantic import ValidationError

from morec.config import TrialConfig, canonical_json
from morec.errors import SpecError
from tune_space.study.arm_names import NamedArm, named_arms
from tune_space.study.arm_problems import format_arms, keys_of_no_arm, same_arms
from tune_space.study.conditions import condition_problems, configuration_under
from tune_space.study.config_paths import explain, get_path, set_path
from tune_space.study.domains import ParamSpec, Value, combinations
from tune_space.study.ensembles import searched_rankings
from tune_space.study.kinds import (
    as_kind,
    check_written,
    depends_on_kind,
    for_kinds,
    kind_of,
    where_they_exist,
)
from tune_space.study.rankings import ranking_problems
from tune_space.study.spec import StudySpec, own_name
from tune_space.study.when import applies, ordered, reachable

MEMBERS = "members"
"""In the locked values of an arm with members: the locked values of each, in order."""


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
    written: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Path of each part whose ``kind`` is searched -> the keys written there. Each applies to the
    kinds that have it; ``config`` has those of one kind."""
    condition: str = ""
    """Key of the study's ``conditions``; empty where the study has none."""
    members: tuple["Arm", ...] = ()
    """Late fusion: the arms whose models it joins; see ``tune_space.study.ensembles``."""
    seeds: tuple[int, ...] = ()
    """The study's seeds, of an arm with members."""

    @property
    def own_name(self) -> str:
        """The name without data set and condition."""
        return own_name(self.name, dataset=self.dataset, condition=self.condition)

    @property
    def settings(self) -> dict[str, Any]:
        """The fixed configuration as nested mappings, with the keys of every searched kind."""
        config = self.config.model_dump(mode="json")
        for part, keys in self.written.items():
            set_path(config, part, {**keys, **get_path(config, part)})
        return config

    @cached_property
    def identity(self) -> str:
        """The same text in arms with the same configuration and search, whose trials are shared.

        That is one arm under conditions that leave it as it is.
        """
        space = {path: param.model_dump(mode="json") for path, param in self.space.items()}
        members = [member.identity for member in self.members]
        return canonical_json([self.settings, space, *members])


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


def draw(arm: Arm, suggest: Callable[[str, ParamSpec], Value]) -> dict[str, Value]:
    """One point of an arm's space: ``suggest`` gives the value of each parameter that applies.

    Parameters come in the order of the space, so that a ``when`` sees the values it depends on.
    """
    params: dict[str, Value] = {}
    for path, param in arm.space.items():
        if applies(param, with_values(arm, params)):
            params[path] = suggest(path, param)
    return params


def with_values(arm: Arm, params: Mapping[str, Value]) -> dict[str, Any]:
    """An arm's configuration with searched values, as mappings; nothing is checked.

    A searched kind brings the keys that are written for it, and its own defaults.
    """
    config = arm.config.model_dump(mode="json")
    for part, keys in arm.written.items():
        if (kind := f"{part}.kind") in params:
            set_path(config, part, as_kind(part, keys, params[kind]))
    for path, value in params.items():
        set_path(config, path, value)
    return config


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
