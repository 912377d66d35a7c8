"""What installed packages add to our tables of losses, recommenders, readers, encoders and metrics.

A package adds an entry by an entry point of one of ``GROUPS``. A study then names that entry like
one of ours. A study file alone never makes code run: only what is installed is loaded.
"""

import hashlib
import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Generic, TypeVar

from morec.code_version import sources_hash
from morec.errors import SpecError

GROUPS = (
    "morec.losses",
    "morec.recommenders",
    "morec.readers",
    "morec.encoders",
    "morec.metrics",
)
"""The groups of entry points that are read; each belongs to the table of that name."""
T = TypeVar("T")


@dataclass(frozen=True)
class Deferred(Generic[T]):
    """One of our entries whose module is imported when the entry is first read.

    For entries whose libraries take seconds to import, so that a trial imports what it needs.
    """

    module: str
    name: str

    def load(self) -> T:
        """The entry: ``name`` of ``module``."""
        entry: T = getattr(importlib.import_module(self.module), self.name)
        return entry


class Table(Mapping[str, T]):
    """Entries by name: our own ones, then those of installed packages, each loaded when it is read.

    Raises:
        SpecError: an installed entry is read that cannot be loaded, or whose name is taken.
    """

    def __init__(self, group: str, own: Mapping[str, T | Deferred[T]]) -> None:
        if group not in GROUPS:
            raise ValueError(f"{group!r} is none of {GROUPS}")
        self.group = group
        self.own = own

    def __getitem__(self, name: str) -> T:
        found = installed(self.group).get(name, ())
        if found and (name in self.own or len(found) > 1):
            raise SpecError(_taken(self.group, name, found, is_ours=name in self.own))
        if found:
            loaded: T = _load(found[0])
            return loaded
        own = self.own[name]
        return own.load() if isinstance(own, Deferred) else own

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*self.own, *installed(self.group))))

    def __len__(self) -> int:
        return len(tuple(iter(self)))


@cache
def installed(group: str) -> Mapping[str, tuple[EntryPoint, ...]]:
    """The entry points of a group by name; more than one where packages claim the same name."""
    found: dict[str, tuple[EntryPoint, ...]] = {}
    for point in sorted(entry_points(group=group), key=lambda point: (point.name, point.value)):
        found[point.name] = (*found.get(point.name, ()), point)
    return found


def provider(group: str, name: str) -> str | None:
    """The package that adds ``name`` to a group's table; None for one of ours.

    Its distribution, its version, and 8 hex digits over its Python files.
    """
    points = installed(group).get(name)
    if not points or points[0].dist is None:
        return None
    distribution = points[0].dist
    return f"{distribution.name} {distribution.version} {_hash_of(points[0].module)}"


def _hash_of(module: str) -> str:
    """The hash of the package, or of the one file, that a module belongs to."""
    spec = find_spec(module.partition(".")[0])
    if spec is None or spec.origin is None:
        return "unknown"
    origin = Path(spec.origin)
    if spec.submodule_search_locations:
        return sources_hash(origin.parent)
    return hashlib.sha256(origin.read_bytes()).hexdigest()[:8]


def _load(point: EntryPoint) -> Any:
    try:
        return point.load()
    except Exception as error:
        raise SpecError(
            f"{point.name!r} of {_name(point)} ({point.group} = {point.value}) cannot be loaded: "
            f"{type(error).__name__}: {error}"
        ) from error


def _taken(group: str, name: str, found: tuple[EntryPoint, ...], *, is_ours: bool) -> str:
    who = [*(["morec-studies"] if is_ours else []), *map(_name, found)]
    return f"{group}: {name!r} is claimed by {' and '.join(who)}; uninstall or rename all but one"


def _name(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else "an unnamed package"
