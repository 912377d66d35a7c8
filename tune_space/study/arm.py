"""An arm of a study, and the points of its search space."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from morec.config import TrialConfig, canonical_json
from tune_space.study.config_paths import get_path, set_path
from tune_space.study.domains import ParamSpec, Value
from tune_space.study.kinds import as_kind
from tune_space.study.spec import own_name
from tune_space.study.when import applies

MEMBERS = "members"
"""In the locked values of an arm with members: the locked values of each, in order."""


@dataclass(frozen=True)
class Arm:
    """One arm of a study, ready to be searched and trained."""

    name: str
    group: str | None
    config: TrialConfig
    """Before any searched value is set; seed = the search seed, test = False."""
    space: dict[str, ParamSpec]
    """What is searched in this arm; a parameter comes after those that its ``when`` names."""
    dataset: str = ""
    """Key of the study's ``datasets``; empty where the study has one data set in its base."""
    start: Mapping[str, Value] = field(default_factory=dict)
    """Searched values of the first search trial, in place of those of ``config``."""
    written: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Path of each part whose ``kind`` is searched -> the keys written there. Each applies to the
    kinds that have it; ``config`` has those of one kind."""
    condition: str = ""
    """Key of the study's ``conditions``; empty where the study has none."""
    members: tuple["Arm", ...] = ()
    """Late fusion: the arms whose models it joins; see ``tune_space.study.ensembles``."""
    seeds: tuple[int, ...] = ()
    """The study's seeds, of an arm with members."""

    @property
    def own_name(self) -> str:
        """The name without data set and condition."""
        return own_name(self.name, dataset=self.dataset, condition=self.condition)

    @property
    def settings(self) -> dict[str, Any]:
        """The fixed configuration as nested mappings, with the keys of every searched kind."""
        config = self.config.model_dump(mode="json")
        for part, keys in self.written.items():
            set_path(config, part, {**keys, **get_path(config, part)})
        return config

    @cached_property
    def identity(self) -> str:
        """The same text in arms with the same configuration and search, whose trials are shared.

        That is one arm under conditions that leave it as it is.
        """
        space = {path: param.model_dump(mode="json") for path, param in self.space.items()}
        members = [member.identity for member in self.members]
        return canonical_json([self.settings, space, *members])


def draw(arm: Arm, suggest: Callable[[str, ParamSpec], Value]) -> dict[str, Value]:
    """One point of an arm's space: ``suggest`` gives the value of each parameter that applies.

    Parameters come in the order of the space, so that a ``when`` sees the values it depends on.
    """
    params: dict[str, Value] = {}
    for path, param in arm.space.items():
        if applies(param, with_values(arm, params)):
            params[path] = suggest(path, param)
    return params


def with_values(arm: Arm, params: Mapping[str, Value]) -> dict[str, Any]:
    """An arm's configuration with searched values, as mappings; nothing is checked.

    A searched kind brings the keys that are written for it, and its own defaults.
    """
    config = arm.config.model_dump(mode="json")
    for part, keys in arm.written.items():
        if (kind := f"{part}.kind") in params:
            set_path(config, part, as_kind(part, keys, params[kind]))
    for path, value in params.items():
        set_path(config, path, value)
    return config


def point_with(arm: Arm, values: Mapping[str, Value]) -> dict[str, Value]:
    """The point of an arm's space with these values, and any value where none is given."""
    return draw(arm, lambda path, param: values.get(path, param.probes()[0]))


def start_values(arm: Arm) -> dict[str, Value]:
    """Searched values that the search begins with: the arm's ``start``, else its configuration's.

    Left out are parameters whose domain does not contain that value.
    """
    config = arm.config.model_dump(mode="json")
    values = {path: arm.start.get(path, get_path(config, path)) for path in arm.space}
    return {path: value for path, value in values.items() if arm.space[path].contains(value)}


def fits(arm: Arm, params: Mapping[str, Value]) -> bool:
    """Whether ``params``, perhaps of an earlier run, are a point of the arm's current space."""
    space = arm.space
    if not all(path in space and space[path].contains(value) for path, value in params.items()):
        return False
    return point_with(arm, params).keys() == params.keys()
