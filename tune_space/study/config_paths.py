"""Dotted paths into a ``TrialConfig``: which exist, what they may be, how to read and set them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, TypeGuard, Union, get_args, get_origin

from pydantic import BaseModel, Field, TypeAdapter
from pydantic.fields import FieldInfo

from morec.config import TrialConfig, canonical_json
from morec.errors import did_you_mean

RESERVED = {
    "seed": "is set by the study; give seeds and search_seed instead",
    "evaluation.test": "is set by the study; only locked configurations see the test split",
    "ensemble": "is set by the study; an arm names the arms that it joins in its own ensemble",
}
"""Paths that a study file must not write."""

ECHOES = "item.id_init."
"""Paths below have the same ends as paths of other parts, whose short names they do not change."""
NAME = "NAME"
"""Stands in a listed path for a name that the writer of a study chooses, as below
``item.vectors``."""


@cache
def all_paths() -> tuple[str, ...]:
    """Every dotted path of a ``TrialConfig`` that a study may write, in declaration order."""
    return tuple(path for path in _below([TrialConfig], "") if path not in RESERVED)


def _below(models: Sequence[type[BaseModel]], prefix: str) -> Iterator[str]:
    names = dict.fromkeys(name for model in models for name in model.model_fields)
    for name in names:
        yield prefix + name
        if prefix + name in RESERVED:
            continue
        fields, inner = fields_named(models, name), f"{prefix}{name}."
        if any(map(_entry_of, fields)):
            yield f"{inner}{NAME}"
            inner += f"{NAME}."
        yield from _below(models_of(fields), inner)


@cache
def short_name(path: str) -> str:
    """The shortest end of a path that no other path ends with: ``training.loss`` is ``loss``."""
    parts = path.split(".")
    ends = [".".join(parts[start:]) for start in range(len(parts) - 1, -1, -1)]
    is_echo = path.startswith(ECHOES)
    others = [
        other
        for other in all_paths()
        if other != path and (is_echo or not other.startswith(ECHOES))
    ]
    unique = (end for end in ends if not any(f".{other}".endswith(f".{end}") for other in others))
    return next(unique, path)


def overlap(path: str, other: str) -> bool:
    """Whether two paths write the same value: they are equal, or one leads to the other."""
    return f"{path}.".startswith(f"{other}.") or f"{other}.".startswith(f"{path}.")


def get_path(config: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path of nested mappings; None where a part of the path is missing."""
    value: Any = config
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def set_path(config: dict[str, Any], path: str, value: Any) -> None:
    """Set a dotted path in nested mappings, in place; mappings missing on the way are added."""
    *parents, last = path.split(".")
    for name in parents:
        if not isinstance(config.get(name), dict):
            config[name] = {}
        config = config[name]
    config[last] = value


def settled(base: Mapping[str, Any], settings: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """A copy of nested mappings with values at dotted paths; see ``write_path``."""
    raw = deepcopy(dict(base))
    for path, value in settings:
        write_path(raw, path, value)
    return raw


def merges(before: object, value: object) -> TypeGuard[dict[str, Any]]:
    """Whether a value that is written where ``before`` stands merges with it."""
    return isinstance(before, dict) and isinstance(value, dict) and "kind" not in value


def write_path(config: dict[str, Any], path: str, value: Any) -> None:
    """Write what a study file has at a dotted path, in place: mappings merge.

    A mapping with ``kind``, and everything that is no mapping, replaces what was there. Otherwise
    ``training: {loss: bce}`` would give an arm another batch size than its base, without a word.
    """
    set_path(config, path, _merged(get_path(config, path), value))


def _merged(before: Any, value: Any) -> Any:
    if merges(before, value):
        return before | {key: _merged(before.get(key), inner) for key, inner in value.items()}
    return deepcopy(value)


def path_problem(path: str, besides: Sequence[str] = ()) -> str | None:
    """Why a study may not write this path, or None.

    ``besides`` are keys that are allowed at the top although they are no paths.
    """
    if path in RESERVED:
        return f"{path} {RESERVED[path]}"
    if fields_at(path):
        return None
    parents = path.split(".")
    wrong = parents.pop()
    while parents and not fields_at(".".join(parents)):
        wrong = parents.pop()
    known = (*besides, *(_with_names_of(path, listed) for listed in all_paths()))
    near = did_you_mean(path, known) or did_you_mean(wrong, known)
    return f"unknown key {wrong!r}.{near} {_format_allowed('.'.join(parents), known)}"


def _with_names_of(path: str, listed: str) -> str:
    """A listed path with the names that ``path`` has in the same places."""
    ours, theirs = listed.split("."), path.split(".")
    for place, name in enumerate(ours[: len(theirs)]):
        if name == NAME and ours[:place] == theirs[:place]:
            ours[place] = theirs[place]
    return ".".join(ours)


def _format_allowed(parent: str, known: Iterable[str]) -> str:
    """Which keys the mapping at ``parent`` may have; at the top, where ``parent`` is empty."""
    start = f"{parent}." if parent else ""
    keys = {path.removeprefix(start).split(".")[0] for path in known if path.startswith(start)}
    where = f"in {parent}" if parent else "at the top"
    return f"Allowed {where}: {', '.join(sorted(keys))}" if keys else f"{parent} has no parts"


def same_value(value: Any, other: Any) -> bool:
    """Whether two JSON values are the same; ``1`` is neither ``true`` nor ``1.0``."""
    return canonical_json(value) == canonical_json(other)


def is_absent_unless_written(path: str) -> bool:
    """Whether a configuration has nothing at a path that nobody wrote, such as ``item.text``."""
    defaults = (field for field in fields_at(path) if not field.is_required())
    return any(field.get_default(call_default_factory=True) is None for field in defaults)


def models_at(path: str) -> list[type[BaseModel]]:
    """The models that a mapping at a dotted path may be; several of a tagged union."""
    return models_of(fields_at(path))


def fields_at(path: str) -> list[FieldInfo]:
    """The fields a path may mean; several where several members of a tagged union have it."""
    first, *names = path.split(".")
    found = fields_named([TrialConfig], first)
    for name in names:
        found = [inner for field in found for inner in _inside(field, name)]
    return found


def _inside(field: FieldInfo, name: str) -> list[FieldInfo]:
    """The fields that a name below a field may mean: an entry of a mapping has any name."""
    entry = _entry_of(field)
    return [entry] if entry else fields_named(models_of([field]), name)


def _entry_of(field: FieldInfo) -> FieldInfo | None:
    """A mapping's entry, which is absent unless it is written; None for any other field."""
    if get_origin(field.annotation) is not dict:
        return None
    _, kind = get_args(field.annotation)
    return FieldInfo(annotation=kind | None, default=None) if _models_in(kind) else None


@cache
def adapter_at(path: str) -> TypeAdapter[Any]:
    """What reads a value at a known dotted path."""
    kinds = tuple(_declaration(field) for field in fields_at(path))
    return TypeAdapter(Union[kinds])  # type: ignore[arg-type]  # noqa: UP007


def _declaration(field: FieldInfo) -> Any:
    """A field's type with its discriminator, so that a union's default tag is filled in."""
    tag = Field(discriminator=field.discriminator)
    return Annotated[field.annotation, tag, *field.metadata]


def fields_named(models: Sequence[type[BaseModel]], name: str) -> list[FieldInfo]:
    """The fields of that name, of the models which have it."""
    return [model.model_fields[name] for model in models if name in model.model_fields]


def models_of(fields: Iterable[FieldInfo]) -> list[type[BaseModel]]:
    """The models that a value of these fields may be, or hold."""
    return [model for field in fields for model in _models_in(field.annotation)]


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) is Literal:
        return []
    nested = (Annotated, Union, UnionType, dict, tuple)
    inner = get_args(annotation) if get_origin(annotation) in nested else ()
    return [model for arg in inner for model in _models_in(arg)]
