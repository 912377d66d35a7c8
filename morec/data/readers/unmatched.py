"""Rows of items that the items' file does not list: how many, which ones, and the likely reason."""

import re
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence

from morec.errors import did_you_mean

NUM_SHOWN = 3
"""Ids shown."""
NUM_TRIED = 1000
"""Unknown ids on which a reason is tried."""
NUM_NEIGHBOURS = 50
"""Ids before and after an unknown one, in alphabetical order, that may be the nearest."""


def _scientific(name: str) -> str:
    return f"{float(name):.0f}" if re.fullmatch(r"[0-9.]+[eE]\+?[0-9]+", name) else name


REASONS: Mapping[str, Callable[[str], str]] = {
    "Leading zeros are lost on one side: write ids as text on both sides, "
    'with pandas read_csv(..., dtype="str")': lambda name: name.lstrip("0"),
    "They differ in upper and lower case: write them alike": str.casefold,
    "They are in quotes on one side: write them alike": lambda name: name.strip("\"'"),
    "Numbers were rounded to a power of ten on one side: write all digits": _scientific,
    "They differ in blanks: write them alike": lambda name: re.sub(r"[\s_]+", "", name),
}
"""Why ids do not match, with the cure; and what makes such ids alike."""


def unmatched_items(unknown: Sequence[str], names: Sequence[str]) -> str:
    """Name some of the distinct ``unknown`` ids, and which of ``names`` they may be and why."""
    shown = unknown[:NUM_SHOWN]
    reason, match = _reason(unknown[:NUM_TRIED], names)
    near = f" Did you mean {match!r}?" if match else _nearest(shown, sorted(names))
    has = ", ".join(map(repr, names[:NUM_SHOWN]))
    return f"{', '.join(map(repr, shown))}; items have {has}.{near}{reason}"


def _reason(unknown: Sequence[str], names: Sequence[str]) -> tuple[str, str | None]:
    """Return the reason that fits most of the unknown ids, if it fits half; and a match."""
    best, num_best, match = "", (len(unknown) - 1) // 2, None
    for reason, alike in REASONS.items():
        by_form = {alike(name): name for name in names}
        matches = [by_form[form] for form in map(alike, unknown) if form in by_form]
        if len(matches) > num_best:
            best, num_best, match = f" {reason}.", len(matches), matches[0]
    return best, match


def _nearest(shown: Sequence[str], known: Sequence[str]) -> str:
    """Look near the ids in alphabetical order alone; a catalogue may list millions."""
    for name in shown:
        place = bisect_left(known, name)
        near = known[max(place - NUM_NEIGHBOURS, 0) : place + NUM_NEIGHBOURS]
        if said := did_you_mean(name, near):
            return said
    return ""
