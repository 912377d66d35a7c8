"""In which order a study's arms get their trials started."""

from collections.abc import Sequence

from tune_space.study.arm import Arm
from tune_space.study.spec import ContrastSpec


def starting_order(arms: Sequence[Arm], contrasts: Sequence[ContrastSpec]) -> tuple[str, ...]:
    """Names of arms: a comparison that is soon told, what takes longest, then the rest as given.

    The first question has an answer on the page minutes after the start. Arms that train an
    encoder take longest; they start before the others, so that no core idles at the end.
    """
    first = _soon_told(arms, contrasts)

    def rank(arm: Arm) -> int:
        if arm.name in first:
            return 0
        return 1 if arm.config.item.trains_encoder else 2

    return tuple(arm.name for arm in sorted(arms, key=rank))


def _soon_told(arms: Sequence[Arm], contrasts: Sequence[ContrastSpec]) -> frozenset[str]:
    """The two arms of the first contrast in which no encoder trains; empty if there is none.

    The first arm's data set and condition are those of the study's headline.
    """
    if not arms:
        return frozenset()
    place = arms[0].dataset, arms[0].condition
    quick = {
        arm.own_name: arm.name
        for arm in arms
        if (arm.dataset, arm.condition) == place
        and not arm.members
        and not arm.config.item.trains_encoder
    }
    for contrast in contrasts:
        if {contrast.better, contrast.than} <= quick.keys():
            return frozenset({quick[contrast.better], quick[contrast.than]})
    return frozenset()
