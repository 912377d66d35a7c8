"""What pydantic finds wrong with a study's values, in our words: one problem per place."""

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from morec.errors import did_you_mean
from tune_space.study.config_paths import adapter_at, fields_named, models_at, models_of
from tune_space.study.yaml_document import KeyPath, Problem, format_unknown, shorten

_EXPECTED = {
    "bool_type": "true or false",
    "int_type": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
}


def value_problems(path: str, value: Any, *, skip: Collection[str] = ()) -> list[Problem]:
    """Why a value does not fit at a known dotted path; the problems' paths start below it.

    ``skip``: pydantic's names of mistakes that are left out.
    """
    try:
        adapter_at(path).validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        return explain(error, value, models_at(path), skip=skip)
    return []


def explain(
    error: ValidationError,
    value: Any,
    models: Sequence[type[BaseModel]],
    skip: Collection[str] = (),
) -> list[Problem]:
    """The mistakes that pydantic found in ``value``, in our words, one per place.

    ``models`` are what the value may be; ``skip`` are pydantic's error types to leave out.
    """
    places: dict[KeyPath, list[Any]] = {}
    for item in error.errors(include_url=False):
        if item["type"] not in skip:
            place = _place(item["loc"], value, is_missing=item["type"] == "missing")
            places.setdefault(place, []).append(item)
    return [Problem(path, _format_message(items, models)) for path, items in places.items()]


def _place(loc: KeyPath, value: Any, *, is_missing: bool) -> KeyPath:
    """Pydantic's location as keys of ``value``, without the parts that name a union's member."""
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


def _format_message(items: Sequence[Any], models: Sequence[type[BaseModel]]) -> str:
    first = items[0]
    match first["type"]:
        case "extra_forbidden":
            *place, name = first["loc"]
            return format_unknown("key", name, _allowed_names(place, models))
        case "missing":
            return "is missing"
        case "union_tag_not_found":
            return f"{first['ctx']['discriminator'].strip(chr(39))!r} is missing"
        case "union_tag_invalid":
            allowed = sorted(_quoted(first["ctx"]["expected_tags"]))
            return format_unknown("kind", first["ctx"]["tag"], allowed)
        case "value_error":
            return str(first["msg"]).removeprefix("Value error, ")
    return _format_found(items)


def _format_found(items: Sequence[Any]) -> str:
    """The message for a wrong value: what was found, and everything that is allowed."""
    ways = dict.fromkeys(
        _EXPECTED.get(item["type"], item["msg"].removeprefix("Input should be ")) for item in items
    )
    found = items[0]["input"]
    literals = [word for item in items for word in _quoted(item.get("ctx", {}).get("expected", ""))]
    near = did_you_mean(found, literals) if isinstance(found, str) else ""
    return f"found {shorten(found)}; allowed: {', or '.join(ways)}.{near}"


def _quoted(text: str) -> list[str]:
    return re.findall(r"'([^']*)'", text)


def _allowed_names(loc: Iterable[str | int], models: Sequence[type[BaseModel]]) -> list[str]:
    """The keys that the mapping at a pydantic location may have.

    The location also names the members of tagged unions that lie on its way.
    """
    for part in loc:
        fields = fields_named(models, str(part))
        if fields:
            models = models_of(fields)
        else:
            models = [model for model in models if _has_tag(model, part)] or models
    return sorted({name for model in models for name in model.model_fields})


def _has_tag(model: type[BaseModel], tag: str | int) -> bool:
    kind = model.model_fields.get("kind")
    return kind is not None and tag in get_args(kind.annotation)
