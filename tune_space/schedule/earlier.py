"""What an earlier run wrote down of an arm: under its name, or under another condition."""

from collections.abc import Iterable

from tune_space.ledger.manifest import ArmEntry
from tune_space.study.arm import Arm
from tune_space.study.points import num_points


def blank_entry(arm: Arm) -> ArmEntry:
    """The entry of an arm of which nothing was run."""
    return ArmEntry(
        name=arm.name,
        dataset=arm.dataset,
        condition=arm.condition,
        group=arm.group,
        config=arm.config,
        num_points=num_points(arm),
    )


def earlier_entry(arm: Arm, entries: Iterable[ArmEntry]) -> ArmEntry:
    """The arm's entry; a blank one where there is none.

    Where nothing of the arm was run, the trials are those of the same arm with the same
    configuration under another condition, or without one: they have the same identities. With
    another search seed the search starts again.
    """
    known = list(entries)
    seed = arm.config.seed
    named = (entry for entry in known if entry.name == arm.name and entry.config.seed == seed)
    own = next(named, blank_entry(arm))
    if own.search or own.locked:
        return own
    same = (e for e in known if e.own_name == arm.own_name and e.config == arm.config)
    other = next((entry for entry in same if entry.search or entry.locked), None)
    names = ("name", "dataset", "condition", "group")
    return other.model_copy(update={n: getattr(arm, n) for n in names}) if other else own
