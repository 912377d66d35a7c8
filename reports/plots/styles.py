"""Hue and dash of each arm, the same in every chart of a study."""

from reports.plots.traces import Style
from reports.study.summary import ArmSummary

NUM_HUES = 7


def styles(arms: tuple[ArmSummary, ...]) -> dict[str, Style]:
    """A hue per arm; a hue per group where arms outnumber hues and there are several groups."""
    if len(arms) <= NUM_HUES or len({arm.entry.group for arm in arms}) == 1:
        return {
            arm.label: Style(f"@c{index % NUM_HUES}", index // NUM_HUES)
            for index, arm in enumerate(arms)
        }
    members: dict[str | None, list[str]] = {}
    for arm in arms:
        members.setdefault(arm.entry.group, []).append(arm.label)
    return {
        name: Style(f"@c{index % NUM_HUES}", variant)
        for index, names in enumerate(members.values())
        for variant, name in enumerate(names)
    }
