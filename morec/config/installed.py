"""Joins our specifications of one group with those of installed packages, in one union.

A package's entry point names an object with an attribute ``spec``: a class derived from the base
class of its group, with ``kind: Literal["<name of the entry point>"]``.
"""

from functools import reduce
from operator import or_
from typing import Any, Literal, get_args

from pydantic import create_model, model_validator

from morec.config.base import Spec
from morec.errors import SpecError
from morec.extensions import Table, installed, provider


def with_installed(own: Any, group: str, base: type[Spec]) -> Any:
    """Return the union of ``own``, a union told apart by ``kind``, and what packages add to it.

    Every specification of a package derives from ``base``. An entry that cannot be used gets a
    specification that refuses every value and says why: a broken package stops the studies that
    name its kind, and no other. An entry whose kind is ours is left out; reading the group's table
    says so.
    """
    kinds = {kind for spec in get_args(own) for kind in _kinds(spec)}
    table: Table[Any] = Table(group, dict.fromkeys(kinds))
    added = (_spec_of(table, kind, base) for kind in installed(group) if kind not in kinds)
    return reduce(or_, added, own)


def _spec_of(table: Table[Any], kind: str, base: type[Spec]) -> type[Spec]:
    try:
        spec = getattr(table[kind], "spec", None)
    except SpecError as error:
        return _refusing(kind, base, str(error))
    if isinstance(spec, type) and issubclass(spec, base) and _kinds(spec) == (kind,):
        return spec
    expected = f"a class derived from {base.__name__} with kind: Literal[{kind!r}]"
    found = f"{kind!r} of {provider(table.group, kind)} has the spec {spec!r}"
    return _refusing(kind, base, f"{found}, expected {expected}")


def _kinds(spec: type[Spec]) -> tuple[Any, ...]:
    field = spec.model_fields.get("kind")
    return get_args(field.annotation) if field else ()


def _refusing(kind: str, base: type[Spec], problem: str) -> type[Spec]:
    def refuse(_value: Any) -> None:
        raise ValueError(problem)

    return create_model(
        kind,
        __base__=base,
        __validators__={"refuse": model_validator(mode="before")(refuse)},  # type: ignore[dict-item]
        kind=(Literal[kind], ...),  # type: ignore[arg-type]
    )
