"""``when`` of searched parameters: whether it holds, whether it ever can."""

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from morec.errors import SpecError
from tune_space.study.config_paths import get_path, same_value, set_path
from tune_space.study.domains import ParamSpec, Value
from tune_space.study.kinds import as_kind, unions


def applies(param: ParamSpec, config: Mapping[str, Any]) -> bool:
    """Whether a configuration, as mappings, meets the condition (``when``) of a parameter."""
    return all(
        any(same_value(get_path(config, path), option) for option in options(wanted))
        for path, wanted in param.when.items()
    )


def options(wanted: Value) -> list[Value]:
    """The values that meet a condition: the one that is wanted or, of a list, also each of it."""
    return [wanted, *wanted] if isinstance(wanted, list) else [wanted]


def ordered(space: dict[str, ParamSpec]) -> dict[str, ParamSpec]:
    """Put every parameter after those that its ``when`` names."""
    graph = {path: [*_read(param, space)] for path, param in space.items()}
    try:
        return {path: space[path] for path in TopologicalSorter(graph).static_order()}
    except CycleError as error:
        raise SpecError(f"search: when goes in a circle: {' -> '.join(error.args[1])}") from error


def reachable(
    space: Mapping[str, ParamSpec],
    fixed: Mapping[str, Any],
    written: Mapping[str, Mapping[str, Any]],
) -> dict[str, ParamSpec]:
    """Leave out parameters whose ``when`` no searched value can meet in this arm.

    ``fixed`` is the arm's configuration; ``written`` are the keys of the parts whose kind is
    searched (see ``Arm``).
    """
    kept: dict[str, ParamSpec] = {}
    for path, param in space.items():
        unmet = {
            condition: wanted
            for condition, wanted in param.when.items()
            if not _can_take(condition, wanted, kept)
            and not _has_kind(condition, wanted, kept, written)
        }
        if applies(param.model_copy(update={"when": unmet}), fixed):
            kept[path] = param
    return kept


def _can_take(path: str, wanted: Value, space: Mapping[str, ParamSpec]) -> bool:
    """Whether a path is searched and may get a value that meets a condition."""
    return path in space and any(space[path].contains(option) for option in options(wanted))


def _has_kind(
    path: str,
    wanted: Value,
    space: Mapping[str, ParamSpec],
    written: Mapping[str, Mapping[str, Any]],
) -> bool:
    """Whether a searched kind has a value at ``path`` that meets a condition."""
    one = ParamSpec(choice=(None,), when={path: wanted})
    for part, keys in written.items():
        for kind in space[f"{part}.kind"].choice or () if f"{part}.kind" in space else ():
            config: dict[str, Any] = {}
            set_path(config, part, as_kind(part, keys, kind))
            if path.startswith(f"{part}.") and applies(one, config):
                return True
    return False


def _read(param: ParamSpec, space: Mapping[str, ParamSpec]) -> Iterator[str]:
    """The searched paths that a parameter's condition depends on."""
    for path in param.when:
        kinds = (f"{part}.kind" for part in unions() if path.startswith(f"{part}."))
        yield from (other for other in (path, *kinds) if other in space)
