"""Dotted paths into a ``TrialConfig``: which exist, what fits there, how to read and set them."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from morec.config import TrialConfig, canonical_json
from morec.errors import did_you_mean
from tune_space.study.yaml_document import KeyPath, Problem, shorten

RESERVED = {
    "seed": "is set by the study; give seeds and search_seed instead",
    "evaluation.test": "is set by the study; only locked configurations see the test split",
}
"""Paths that a study file must not write."""

_EXPECTED = {
    "bool_type": "true or false",
    "int_type": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
}


def all_paths() -> tuple[str, ...]:
    """Every dotted path of a ``TrialConfig`` that a study may write, in declaration order."""
    return tuple(path for path in _below([TrialConfig], "") if path not in RESERVED)


def _below(models: Sequence[type[BaseModel]], prefix: str) -> Iterator[str]:
    names = dict.fromkeys(name for model in models for name in model.model_fields)
    for name in names:
        yield prefix + name
        yield from _below(_models_of(_named(models, name)), f"{prefix}{name}.")


def short_name(path: str) -> str:
    """The shortest end of a path that no other path has: ``training.loss`` is ``loss``."""
    parts = path.split(".")
    ends = [".".join(parts[start:]) for start in range(len(parts) - 1, -1, -1)]
    others = [other for other in all_paths() if other != path]
    unique = (end for end in ends if not any(f".{other}".endswith(f".{end}") for other in others))
    return next(unique, path)


def overlap(path: str, other: str) -> bool:
    """Whether one path is the other one, or leads to it."""
    return f"{path}.".startswith(f"{other}.") or f"{other}.".startswith(f"{path}.")


def get_path(config: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path of nested mappings; None where a part of it is switched off."""
    value: Any = config
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def set_path(config: dict[str, Any], path: str, value: Any) -> None:
    """Set a dotted path in nested mappings, in place; what is missing on the way appears."""
    *parents, last = path.split(".")
    for name in parents:
        if not isinstance(config.get(name), dict):
            config[name] = {}
        config = config[name]
    config[last] = value


def path_problem(path: str, besides: Sequence[str] = ()) -> str | None:
    """Why a study may not write this path, or None; ``besides`` are other keys allowed there."""
    if path in RESERVED:
        return f"{path} {RESERVED[path]}"
    if _fields(path):
        return None
    known = path.split(".")
    wrong = ""
    while known and not _fields(".".join(known)):
        wrong = known.pop()
    allowed_here = (*besides, *all_paths())
    near = did_you_mean(path, allowed_here) or did_you_mean(wrong, allowed_here)
    parent = ".".join(known)
    parts = {p.removeprefix(f"{parent}.").split(".")[0] for p in _children(parent)}
    names = sorted(parts | (set() if parent else set(besides)))
    inside = f"in {parent}" if parent else "at the top"
    allowed = f"Allowed {inside}: {', '.join(names)}" if names else f"{parent} has no parts"
    return f"unknown key {wrong!r}.{near} {allowed}"


def _children(parent: str) -> list[str]:
    return [path for path in all_paths() if not parent or path.startswith(f"{parent}.")]


def value_problems(path: str, value: Any) -> list[Problem]:
    """What keeps a value from standing at a known dotted path; problem paths start below it."""
    try:
        _adapter(path).validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        return explain(error, value, _models_of(_fields(path)))
    return []


def same_value(value: Any, other: Any) -> bool:
    """Whether two JSON values are the same one; ``1`` is neither ``true`` nor ``1.0``."""
    return canonical_json(value) == canonical_json(other)


def _fields(path: str) -> list[FieldInfo]:
    """The fields a path may mean: several where a tagged union has it in several members."""
    models: Sequence[type[BaseModel]] = [TrialConfig]
    found: list[FieldInfo] = []
    for name in path.split("."):
        found = _named(models, name)
        models = _models_of(found)
    return found


@cache
def _adapter(path: str) -> TypeAdapter[Any]:
    kinds = tuple(_declaration(field) for field in _fields(path))
    return TypeAdapter(Union[kinds])  # type: ignore[arg-type]  # noqa: UP007


def _declaration(field: FieldInfo) -> Any:
    """A field's type as it was declared, so that a default tag is filled in before it is read."""
    tag = Field(discriminator=field.discriminator)
    return Annotated[field.annotation, tag, *field.metadata]


def _named(models: Sequence[type[BaseModel]], name: str) -> list[FieldInfo]:
    return [model.model_fields[name] for model in models if name in model.model_fields]


def _models_of(fields: Iterable[FieldInfo]) -> list[type[BaseModel]]:
    return [model for field in fields for model in _models_in(field.annotation)]


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) is Literal:
        return []
    nested = (Annotated, Union, UnionType, dict, tuple)
    inner = get_args(annotation) if get_origin(annotation) in nested else ()
    return [model for arg in inner for model in _models_in(arg)]


def explain(
    error: ValidationError, value: Any, models: Sequence[type[BaseModel]], skip: Sequence[str] = ()
) -> list[Problem]:
    """Pydantic's findings about ``value`` in our words, one per place.

    ``models`` are what the value may be; ``skip`` are error types to leave out.
    """
    places: dict[KeyPath, list[Any]] = {}
    for item in error.errors(include_url=False):
        if item["type"] not in skip:
            place = _place(item["loc"], value, is_missing=item["type"] == "missing")
            places.setdefault(place, []).append(item)
    return [Problem(path, _message(items, models)) for path, items in places.items()]


def _place(loc: KeyPath, value: Any, *, is_missing: bool) -> KeyPath:
    """Drop what pydantic adds to a location to name the member of a union."""
    path: list[str | int] = []
    for position, part in enumerate(loc):
        is_missing_key = is_missing and position == len(loc) - 1
        if isinstance(value, Mapping) and (part in value or is_missing_key):
            value = value.get(str(part))
            path.append(part)
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
            path.append(part)
    return tuple(path)


def _message(items: Sequence[Any], models: Sequence[type[BaseModel]]) -> str:
    first = items[0]
    match first["type"]:
        case "extra_forbidden":
            name, allowed = first["loc"][-1], _allowed_names(first["loc"][:-1], models)
            near = did_you_mean(str(name), allowed)
            return f"unknown key {name!r}.{near} Allowed: {', '.join(allowed)}"
        case "missing":
            return "is missing"
        case "union_tag_not_found":
            return f"{first['ctx']['discriminator'].strip(chr(39))!r} is missing"
        case "union_tag_invalid":
            allowed = sorted(_quoted(first["ctx"]["expected_tags"]))
            found = first["ctx"]["tag"]
            near = did_you_mean(found, allowed)
            return f"unknown kind {found!r}.{near} Allowed: {', '.join(allowed)}"
        case "value_error":
            return str(first["msg"]).removeprefix("Value error, ")
    return _found(items)


def _found(items: Sequence[Any]) -> str:
    """Say what was found and every way to make it right."""
    ways = dict.fromkeys(
        _EXPECTED.get(item["type"], item["msg"].removeprefix("Input should be ")) for item in items
    )
    found = items[0]["input"]
    literals = [word for item in items for word in _quoted(item.get("ctx", {}).get("expected", ""))]
    near = did_you_mean(found, literals) if isinstance(found, str) else ""
    return f"found {shorten(found)}; allowed: {', or '.join(ways)}.{near}"


def _quoted(text: str) -> list[str]:
    return re.findall(r"'([^']*)'", text)


def _allowed_names(loc: KeyPath, models: Sequence[type[BaseModel]]) -> list[str]:
    """The keys of the mapping at a pydantic location, which names the members of tagged unions."""
    for part in loc:
        fields = _named(models, str(part))
        if fields:
            models = _models_of(fields)
        else:
            models = [model for model in models if _has_tag(model, part)] or models
    return sorted({name for model in models for name in model.model_fields})


def _has_tag(model: type[BaseModel], tag: str | int) -> bool:
    kind = model.model_fields.get("kind")
    return kind is not None and tag in get_args(kind.annotation)
