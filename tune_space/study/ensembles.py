"""Checks of arms that join other arms' models (``ensemble``), before any arm is built."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from morec.config.ensemble import MAX_MEMBERS
from tune_space.study.yaml_document import Problem, format_unknown, mapping

if TYPE_CHECKING:
    from tune_space.study.arm import Arm

_OWN = ("ensemble", "group", "datasets", "conditions")
"""What an ensemble may say; all else is about a model to be trained."""


def check_ensembles(
    raw: Mapping[str, Any], runs_on: Mapping[str, Sequence[tuple[str, str]]]
) -> Iterator[Problem]:
    """Members that are none, that do not run where the arm runs, or cannot differ.

    ``runs_on``: arm -> data sets and conditions it runs on.
    """
    for arm in mapping(raw, "arms"):
        spec = mapping(raw, "arms", arm)
        members = spec.get("ensemble")
        if isinstance(members, list) and members and all(isinstance(one, str) for one in members):
            for *place, text in _problems(raw, arm, members, runs_on):
                yield Problem(("arms", arm, *place), text)


def _problems(
    raw: Mapping[str, Any],
    arm: str,
    members: Sequence[str],
    runs_on: Mapping[str, Sequence[tuple[str, str]]],
) -> Iterator[tuple[Any, ...]]:
    spec = mapping(raw, "arms", arm)
    for key in spec:
        if key not in _OWN:
            yield key, "has no effect in an arm with ensemble: its members are trained, not it"
    if not 2 <= len(members) <= MAX_MEMBERS:
        yield "ensemble", f"{len(members)} members; allowed: 2 to {MAX_MEMBERS}"
    seeds = raw.get("seeds")
    num_seeds = len(seeds) if isinstance(seeds, list) else 3
    for place, name in enumerate(members):
        if name not in runs_on:
            yield "ensemble", place, format_unknown("arm", name, runs_on)
        elif mapping(raw, "arms", name).get("ensemble"):
            yield "ensemble", place, f"{name!r} is an ensemble itself; name the arms that it joins"
        elif set(runs_on[arm]) - set(runs_on[name]):
            yield "ensemble", place, f"{name!r} does not run everywhere that {arm!r} runs"
        if members[:place].count(name) >= num_seeds:
            yield (
                *("ensemble", place),
                f"{name!r} is named more often than there are seeds ({num_seeds}), and a model "
                "beside itself is that model",
            )


def searched_rankings(members: Sequence["Arm"]) -> Iterator[str]:
    """Searched paths that change which users and items a member ranks."""
    for one in members:
        for path in one.space:
            if path.startswith(("dataset", "evaluation")):
                yield (
                    f"ensemble: member {one.own_name!r} searches {path}, which all members must "
                    "have the same"
                )
