"""Keys that only some kinds of a part have, such as ``model.num_heads``.

Such a key applies to the kinds that have it. What it means for the others is nothing: it is neither
passed to them nor searched there.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from copy import deepcopy
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from morec.errors import SpecError
from tune_space.study.config_paths import all_paths, get_path, models_at, set_path
from tune_space.study.domains import ParamSpec, Value


@cache
def unions() -> Mapping[str, Mapping[str, type[BaseModel]]]:
    """Path of each part that has several kinds -> kind -> its model."""
    parts = [path.removesuffix(".kind") for path in all_paths() if path.endswith(".kind")]
    return {
        part: {get_args(model.model_fields["kind"].annotation)[0]: model for model in found}
        for part in parts
        if len(found := models_at(part)) > 1
    }


def kinds_with(path: str) -> dict[str, set[str]]:
    """Path of each ``kind`` that decides whether ``path`` exists -> the kinds where it does."""
    found = {}
    for part, members in unions().items():
        key = path.removeprefix(f"{part}.").split(".")[0]
        kinds = {kind for kind, model in members.items() if key in model.model_fields}
        if path.startswith(f"{part}.") and len(kinds) < len(members):
            found[f"{part}.kind"] = kinds
    return found


def depends_on_kind(path: str, parts: Collection[str]) -> bool:
    """Whether a path exists in some kinds only of one of these parts."""
    return any(tag.removesuffix(".kind") in parts for tag in kinds_with(path))


def unused_keys(paths: Iterable[str], kinds: Mapping[str, Collection[Value]]) -> Iterator[str]:
    """Each of the paths that none of the kinds of its part has, with those that have it."""
    for path in paths:
        for tag, having in kinds_with(path).items():
            if not having & {*kinds[tag.removesuffix(".kind")]}:
                yield f"{path}: no arm has a kind with this key ({', '.join(sorted(having))})"


def kind_of(part: str, written: Mapping[str, Any]) -> Value:
    """The kind that a part's mapping names, or has by default; None if there is no default."""
    fields = (model.model_fields["kind"] for model in unions()[part].values())
    default = (field.default for field in fields if not field.is_required())
    return written.get("kind", next(default, None))


def for_kinds(part: str, written: Mapping[str, Any], kinds: Collection[Value]) -> dict[str, Any]:
    """A part's mapping without the keys that other kinds have and none of ``kinds`` has."""
    left_out = {
        key
        for key in written
        if (having := kinds_with(f"{part}.{key}").get(f"{part}.kind")) and not having & {*kinds}
    }
    return {key: value for key, value in written.items() if key not in left_out}


def as_kind(part: str, written: Mapping[str, Any], kind: Value) -> dict[str, Any]:
    """A part's mapping as one kind has it: the keys written that it has, and its defaults."""
    model = unions()[part].get(kind)
    fields = model.model_fields.items() if model else ()
    defaults = {
        name: to_jsonable_python(field.get_default(call_default_factory=True))
        for name, field in fields
        if not field.is_required()
    }
    return defaults | for_kinds(part, written, [kind]) | {"kind": kind}


def possible_kinds(
    raw: Mapping[str, Any], space: Mapping[str, ParamSpec]
) -> dict[str, tuple[Value, ...]]:
    """Path of each part that has several kinds -> those that an arm's trials may have."""
    found = {}
    for part in unions():
        keys, param = get_path(raw, part), space.get(f"{part}.kind")
        own = (kind_of(part, keys if isinstance(keys, dict) else {}),)
        found[part] = (param.choice or ()) if param else own
    return found


def base_for(base: Mapping[str, Any], kinds: Mapping[str, Collection[Value]]) -> dict[str, Any]:
    """The base without the keys that belong to other kinds than an arm's."""
    raw = deepcopy(dict(base))
    for part, possible in kinds.items():
        if isinstance(keys := get_path(raw, part), dict):
            set_path(raw, part, for_kinds(part, keys, possible))
    return raw


def check_written(part: str, keys: Mapping[str, Any], kinds: Collection[Value]) -> None:
    """Every key that an arm writes must be one of a kind that it searches.

    Raises:
        SpecError: names those that are not.
    """
    if unused := keys.keys() - for_kinds(part, keys, kinds).keys():
        names = ", ".join(f"{part}.{key}" for key in sorted(unused))
        raise SpecError(f"{names}: no kind that is searched has it: {', '.join(map(str, kinds))}")


def where_they_exist(
    space: Mapping[str, ParamSpec],
    kinds: Mapping[str, Collection[Value]],
    *,
    own: Collection[str],
) -> dict[str, ParamSpec]:
    """Searched parameters, each only for the kinds that have it, as if its ``when`` said so.

    Left out are those of the study that no kind of this arm has. Of the arm's ``own`` it is a
    mistake, which is found when values are tried.
    """
    found = {}
    for path, param in space.items():
        when, exists = dict(param.when), True
        for tag, having in kinds_with(path).items():
            possible = kinds[tag.removesuffix(".kind")]
            fitting = [kind for kind in possible if kind in having]
            exists = exists and (bool(fitting) or path in own)
            if fitting and len(fitting) < len(possible):
                when.setdefault(tag, fitting)
        if exists:
            found[path] = param.model_copy(update={"when": when})
    return found
