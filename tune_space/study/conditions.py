"""A study's ``conditions``: which of their settings an arm has, and which have no effect."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tune_space.study.arm_names import NamedArm, named_arms
from tune_space.study.config_paths import get_path, is_absent_unless_written, settled, write_path
from tune_space.study.domains import ParamSpec, Value
from tune_space.study.kinds import base_for, kinds_with, possible_kinds
from tune_space.study.spec import StudySpec

if TYPE_CHECKING:
    from tune_space.study.arm import Arm

Settings = tuple[tuple[str, Value], ...]
"""Dotted paths and their values."""


def settings_under(study: StudySpec, named: NamedArm) -> Settings:
    """Those of a condition's settings that lead into a part which the arm has.

    ``item.text.control`` leaves an arm without texts as it is, ``model.num_heads`` one whose kind
    of model has no heads. A ``kind`` that the condition sets comes first: its keys exist then.
    """
    raw, searched = settled(study.base, named.settings), {**study.search, **named.spec.search}
    found = []
    for path, value in sorted(named.under, key=lambda one: not one[0].endswith(".kind")):
        if _has_part(raw, path, searched):
            write_path(raw, path, value)
            found.append((path, value))
    return tuple(found)


def configuration_under(
    study: StudySpec, named: NamedArm
) -> tuple[dict[str, Any], dict[str, tuple[Value, ...]], set[str]]:
    """An arm's configuration as mappings, not checked: base, data set, arm, condition.

    With it, by the path of each part that has several kinds, those that its trials may have, and
    the parts whose kind the condition changes. Keys of a kind that it takes away go with the kind,
    whoever wrote them.
    """
    searched, under = {**study.search, **named.spec.search}, settings_under(study, named)
    before = possible_kinds(settled(study.base, named.settings), searched)
    kinds = possible_kinds(settled(study.base, (*named.settings, *under)), searched)
    changed = {part: found for part, found in kinds.items() if found != before[part]}
    raw = settled(base_for(study.base, kinds), named.settings)
    return settled(base_for(raw, changed), under), kinds, set(changed)


def _has_part(raw: Mapping[str, Any], path: str, searched: Mapping[str, ParamSpec]) -> bool:
    """Whether an arm has the part that a path leads into."""
    kinds = possible_kinds(raw, searched)
    for tag, having in kinds_with(path).items():
        if having.isdisjoint(kinds[tag.removesuffix(".kind")]):
            return False
    return not any(
        get_path(raw, above) is None and is_absent_unless_written(above) for above in _above(path)
    )


def _above(path: str) -> Iterator[str]:
    """The parts that a path leads through: ``item`` and ``item.text`` of ``item.text.name``."""
    parts = path.split(".")
    yield from (".".join(parts[:end]) for end in range(1, len(parts)))


def condition_problems(
    study: StudySpec, arms: Sequence["Arm"], without: Callable[[NamedArm], "Arm | None"]
) -> Iterator[str]:
    """Conditions, and settings of them, that have no effect, and conditions that are the same.

    ``arms`` are those of ``named_arms``, built; ``without`` builds one as it would be without its
    condition, and gives None where that is impossible.
    """
    built = {arm.name: arm for arm in arms}
    by_label: dict[str, list[NamedArm]] = {label: [] for label in study.conditions}
    trained = [named for named in named_arms(study) if not named.spec.ensemble]
    for named in trained if study.conditions else ():
        by_label[named.condition].append(named)
    for label, under in by_label.items():
        unused = list(_unused(study, under))
        yield from (f"conditions: {label!r}: {text}" for text in unused)
        is_told = unused or not under or not study.conditions[label].set
        if not is_told and all(_is_same(built[one.name], without(one)) for one in under):
            yield f"conditions: {label!r} changes no arm; leave it out, or write {label}: {{}}"
    same: dict[tuple[tuple[str, str, str], ...], list[str]] = {}
    for label, under in by_label.items():
        identities = ((one.dataset, one.arm, built[one.name].identity) for one in under)
        same.setdefault(tuple(identities), []).append(label)
    for labels in same.values():
        if len(labels) > 1:
            yield f"conditions: {_quoted(labels)} are the same in every arm"


def _unused(study: StudySpec, under: Sequence[NamedArm]) -> Iterator[str]:
    """Settings that leave all arms under a condition as they are, since none has the part."""
    if not under:
        yield "no arm runs under it"
        return
    used = {path for named in under for path, _ in settings_under(study, named)}
    for path, _ in under[0].under:
        if path not in used:
            yield f"{path} has no effect: no arm has the part that it leads into"


def _is_same(arm: "Arm", other: "Arm | None") -> bool:
    return other is not None and arm.identity == other.identity


def _quoted(labels: Iterable[str]) -> str:
    return ", ".join(map(repr, labels))
