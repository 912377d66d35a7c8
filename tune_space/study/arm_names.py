"""The names of a study's arms: written out or of factors, crossed with data sets and conditions."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from morec.errors import SpecError
from tune_space.study.config_paths import short_name
from tune_space.study.domains import Value
from tune_space.study.spec import ArmSpec, StudySpec, full_name
from tune_space.study.yaml_document import format_unknown

MAX_ARMS = 1_000


@dataclass(frozen=True)
class NamedArm:
    """One arm on one data set under one condition, before its configuration is built."""

    arm: str
    dataset: str
    """Key of the study's ``datasets``; empty where the study has none."""
    spec: ArmSpec
    settings: tuple[tuple[str, Value], ...]
    """Dotted paths and their values, which replace those of ``base``: first the data set's, then
    the arm's."""
    condition: str = ""
    """Key of the study's ``conditions``; empty where the study has none."""
    under: tuple[tuple[str, Value], ...] = ()
    """The condition's dotted paths and values, which replace all others."""

    @property
    def name(self) -> str:
        """Unique in the study: ``<dataset>/<condition>/<arm>``, without what the study lacks."""
        return full_name(self.arm, dataset=self.dataset, condition=self.condition)

    @property
    def place(self) -> tuple[str, str]:
        """Data set and condition."""
        return self.dataset, self.condition


def named_arms(study: StudySpec) -> tuple[NamedArm, ...]:
    """Every arm on every data set and under every condition it runs under.

    All arms of the first data set come first; of these, those under the first condition.
    """
    datasets = {label: one.set for label, one in study.datasets.items()} or {"": {}}
    conditions = {label: one.set for label, one in study.conditions.items()} or {"": {}}
    return tuple(
        NamedArm(
            arm,
            dataset,
            spec,
            (*datasets[dataset].items(), *spec.set.items()),
            condition,
            tuple(conditions[condition].items()),
        )
        for dataset, condition in product(datasets, conditions)
        for arm, spec in _arm_specs(study).items()
        if _is_among(dataset, spec.datasets) and _is_among(condition, spec.conditions)
    )


def _is_among(label: str, own: Sequence[str] | None) -> bool:
    """Whether an arm runs on a data set or under a condition; an empty label is the only one."""
    return not label or own is None or label in own


def _arm_specs(study: StudySpec) -> dict[str, ArmSpec]:
    if study.factors:
        combinations = crossed(study.factors)
    elif study.one_factor_out:
        combinations = one_factor_out(study.one_factor_out, study.baseline)
    else:
        return study.arms
    return {name: ArmSpec(set=settings) for name, settings in combinations.items()}


def crossed(factors: Mapping[str, Sequence[Value]]) -> dict[str, dict[str, Value]]:
    """Every combination of levels, named by them: ``text.name=minilm, loss=bce``.

    Raises:
        SpecError: more than ``MAX_ARMS`` combinations.
    """
    count = math.prod(len(levels) for levels in factors.values())
    if count > MAX_ARMS:
        raise SpecError(f"{count} combinations; at most {MAX_ARMS} arms")
    rows = [dict(zip(factors, row, strict=True)) for row in product(*factors.values())]
    return {", ".join(_level_name(*item) for item in row.items()): row for row in rows}


def one_factor_out(
    factors: Mapping[str, Sequence[Value]], baseline: str
) -> dict[str, dict[str, Value]]:
    """The arm ``baseline`` with every factor's first level, and one arm per other level.

    Such an arm differs from the baseline in that one level.

    Raises:
        SpecError: the baseline's name is also the name of a generated arm.
    """
    first = {path: levels[0] for path, levels in factors.items()}
    others = ((path, level) for path, levels in factors.items() for level in levels[1:])
    changed = {_level_name(path, level): {**first, path: level} for path, level in others}
    if baseline in changed:
        raise SpecError(f"baseline: {baseline!r} is also the name of a generated arm")
    return {baseline: first, **changed}


def _level_name(path: str, level: Value) -> str:
    text = level if isinstance(level, str) else json.dumps(level, ensure_ascii=False)
    return f"{short_name(path)}={text}"


def select_arms(study: StudySpec, words: Sequence[str]) -> tuple[str, ...]:
    """Full names of the arms that ``--only`` asks for, in the study's order.

    A word is an arm's full name, an arm's own name, a data set's label, or a condition's. With an
    arm that joins others' models come these others.

    Raises:
        SpecError: words that are none of these.
    """
    arms = named_arms(study)
    chosen_by = {arm.name: {arm.name, arm.arm, arm.dataset, arm.condition} for arm in arms}
    labels = (*study.datasets, *study.conditions)
    allowed = dict.fromkeys((*labels, *(arm.arm for arm in arms), *chosen_by))
    if unknown := [word for word in words if word not in allowed]:
        raise SpecError([f"--only: {format_unknown('arm', word, allowed)}" for word in unknown])
    chosen = {arm.name for arm in arms if chosen_by[arm.name] & set(words)}
    joined = {(arm.place, one) for arm in arms if arm.name in chosen for one in arm.spec.ensemble}
    return tuple(a.name for a in arms if a.name in chosen or (a.place, a.arm) in joined)
