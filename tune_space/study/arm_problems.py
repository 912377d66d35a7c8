"""Problems of a study's arms together: arms that are the same, and keys that no arm reads."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from tune_space.study.arm_names import named_arms
from tune_space.study.config_paths import get_path
from tune_space.study.kinds import possible_kinds, unions, unused_keys
from tune_space.study.spec import StudySpec

if TYPE_CHECKING:
    from tune_space.study.arm import Arm


def keys_of_no_arm(study: StudySpec, arms: Sequence["Arm"]) -> Iterator[str]:
    """What the base writes or the study searches for kinds that no arm has."""
    kinds = {
        part: {kind for arm in arms for kind in possible_kinds(arm.settings, arm.space)[part]}
        for part in unions()
    }
    searched = [path for path, param in study.search.items() if not param.when]
    yield from (f"search: {text}" for text in unused_keys(searched, kinds))
    for part in kinds:
        keys, named = get_path(study.base, part), named_arms(study)
        is_read = any(part not in dict((*arm.settings, *arm.under)) for arm in named)
        written = [f"{part}.{key}" for key in keys] if is_read and isinstance(keys, dict) else ()
        yield from (f"base: {text}" for text in unused_keys(written, kinds))


def same_arms(arms: Sequence["Arm"]) -> list[str]:
    """Arms under one condition that differ in nothing but their name."""
    same: dict[tuple[str, str], list[str]] = {}
    for arm in arms:
        same.setdefault((arm.condition, arm.identity), []).append(arm.name)
    groups = [names for names in same.values() if len(names) > 1]
    return [f"{format_arms(names)}: the same configuration and search" for names in groups]


def format_arms(names: Sequence[str]) -> str:
    """Arms by name, like ``arms 'ID', 'TS'``."""
    return f"arm{'s' if len(names) > 1 else ''} {', '.join(map(repr, names))}"
