"""Joins our specifications of a kind with those of installed packages."""

from typing import Annotated, Any, Union, get_args

from pydantic import BeforeValidator, Field

from morec.config.base import Spec
from morec.errors import SpecError
from morec.extensions import Table, installed


def union_of_kinds(group: str, ours: Any, base: type[Spec], **default: str) -> Any:
    """The specifications ``ours`` and those of a group's installed entries, told apart by ``kind``.

    An installed entry has an attribute ``spec``: a class derived from ``base`` whose field ``kind``
    is a ``Literal`` of the entry's name. One that lacks it raises a ``SpecError`` when it is named.
    ``default`` is filled in where no kind is named.
    """
    classes = list(get_args(ours))
    table = Table[Any](group, {_kind_of(spec): spec for spec in classes})
    left_out: dict[str, SpecError] = {}
    for name in installed(group):
        try:
            classes.append(_spec_class(group, name, table[name], base))
        except SpecError as error:
            left_out[name] = error

    def complete(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        problem = left_out.get(str(value.get("kind")))
        if problem:
            raise problem
        return {**default, **value}

    union: Any = Union[tuple(classes)]  # noqa: UP007  (as many as there are)
    return Annotated[union, Field(discriminator="kind"), BeforeValidator(complete)]


def _spec_class(group: str, name: str, entry: Any, base: type[Spec]) -> type[Spec]:
    spec = getattr(entry, "spec", None)
    if not (isinstance(spec, type) and issubclass(spec, base)):
        raise SpecError(f"{group}: {name!r} has no specification derived from {base.__name__}")
    if _kind_of(spec) != name:
        raise SpecError(f"{group}: the specification of {name!r} lacks kind: Literal[{name!r}]")
    return spec


def _kind_of(spec: type[Spec]) -> str:
    """The one value that the field ``kind`` allows; empty if there is not exactly one."""
    kinds = get_args(spec.model_fields["kind"].annotation) if "kind" in spec.model_fields else ()
    return str(kinds[0]) if len(kinds) == 1 else ""
