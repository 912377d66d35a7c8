"""Which unit clock times have, and which numbers among them are no times.

Comes in: whole numbers of a column. Goes out: their unit and the rows without a usable time.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from morec.errors import DataError

TICKS_PER_S = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}
FIRST_CLOCK_S, LAST_CLOCK_S = 31_536_000, 4_102_444_800
"""The beginnings of 1971 and 2100, in seconds from 1970."""
ZERO_BEFORE_S = 2 * 86_400
"""Times before 3 January 1970 stand for no time: -1, 0, or 0 in some time zone."""
YEAR_9999_S = (253_370_764_800, 253_402_387_200)
"""Begin and end of the year 9999; as milliseconds it would be an afternoon of January 1978."""
LARGEST_INT32 = 2**31 - 1
"""As seconds a moment in January 2038, and the usual "never" of 32-bit programs."""
NUM_SENTINELS = 10
"""Numbers that stand for no time are few different ones ..."""
SENTINEL_SHARE = 0.01
"""... or few of all."""
ROUNDED_TIES = 0.2
"""Share of interactions at an equal time from which on times may look rounded."""
ROUNDED_STEP_S = 60
"""Clock times that are all multiples of a step this long look rounded."""
FEW_TIMES, ROUNDED_ROWS = 10_000, 10
"""Times look rounded if so few are distinct, and this many interactions have each."""

_Ints = npt.NDArray[np.int64]
_Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Clock:
    """What a column of n whole numbers says as times."""

    ticks_per_s: int | None
    """Units in a second; None if the numbers are no clock times, only an order."""
    is_zero: _Bools | None = None
    """(n,) zero or negative beside clock times; None if there is no such number."""
    is_far: _Bools | None = None
    """(n,) in the far future beside clock times; None if there is no such number."""


def read_clock(timestamps: _Ints) -> Clock:
    """Return the unit of ``timestamps``, and the few among them that stand for no time.

    Clock times count seconds, milliseconds, microseconds or nanoseconds from 1970 and lie between
    1971 and 2100. These ranges do not overlap, so the numbers tell the unit. Counters, ranks and
    dates written as numbers (20230718) lie in no range. Beside clock times, a number that is zero,
    negative or in the far future stands for a missing time, unless there are many different ones.
    """
    ticks = _usual_ticks(timestamps)
    if ticks is None or _is_within(timestamps, ticks):
        return Clock(ticks)
    is_zero = timestamps < ZERO_BEFORE_S * ticks
    is_far = ~is_zero & _is_far(timestamps, ticks)
    is_odd = is_zero | is_far
    is_between = ~is_odd & (timestamps < FIRST_CLOCK_S * ticks)
    if is_between.any() or not _are_sentinels(timestamps, is_odd):
        return Clock(None)
    return Clock(ticks, is_zero if is_zero.any() else None, is_far if is_far.any() else None)


def check_one_unit(timestamps: _Ints, where: str) -> None:
    """Check that clock times all have one unit; ``where`` names the column.

    Raises:
        DataError: clock times of several units occur; says how many of each, and their ranges.
    """
    if not len(timestamps) or any(_is_within(timestamps, one) for one in TICKS_PER_S.values()):
        return
    of_unit = {name: _in_range(timestamps, ticks) for name, ticks in TICKS_PER_S.items()}
    _forget_year_9999(timestamps, of_unit)
    found = {name: is_in for name, is_in in of_unit.items() if is_in.any()}
    is_other = ~np.logical_or.reduce(list(of_unit.values()))
    if len(found) > 1 and _are_sentinels(timestamps, is_other):
        raise DataError(f"{where}: {_mixture(timestamps, found)}")


def look_rounded(timestamps: _Ints, num_ties: int, ticks_per_s: int | None) -> bool:
    """Whether times look rounded: many tie, and they take few values or only multiples of a step.

    ``num_ties`` counts interactions at the time of the same user's interaction before them.
    """
    if num_ties <= ROUNDED_TIES * len(timestamps):
        return False
    distinct = np.asarray(pd.unique(timestamps), dtype=np.int64)
    step = int(np.gcd.reduce(distinct - distinct.min()))
    if ticks_per_s is not None and (step == 0 or step >= ROUNDED_STEP_S * ticks_per_s):
        return True
    return len(distinct) <= min(FEW_TIMES, len(timestamps) // ROUNDED_ROWS)


def _usual_ticks(timestamps: _Ints) -> int | None:
    """Return the unit in whose range more than half of the numbers lie."""
    for ticks in TICKS_PER_S.values():
        if 2 * np.count_nonzero(_in_range(timestamps, ticks)) > len(timestamps):
            return ticks
    return None


def _in_range(timestamps: _Ints, ticks: int) -> _Bools:
    is_in: _Bools = (timestamps >= FIRST_CLOCK_S * ticks) & (timestamps < LAST_CLOCK_S * ticks)
    return is_in


def _is_within(timestamps: _Ints, ticks: int) -> bool:
    """Whether all numbers are clock times of one unit and none stands for "never"."""
    lowest, highest = int(timestamps.min()), int(timestamps.max())
    if lowest < FIRST_CLOCK_S * ticks or highest >= LAST_CLOCK_S * ticks:
        return False
    return highest < LARGEST_INT32 * ticks or lowest > LARGEST_INT32 * ticks


def _is_far(timestamps: _Ints, ticks: int) -> _Bools:
    is_never = timestamps == LARGEST_INT32 * ticks
    is_far: _Bools = is_never | (timestamps >= LAST_CLOCK_S * ticks)
    return is_far


def _are_sentinels(timestamps: _Ints, is_odd: _Bools) -> bool:
    """Whether the odd ones are less than half, and few different ones or few of all."""
    num_odd = int(np.count_nonzero(is_odd))
    if 2 * num_odd >= len(timestamps):
        return False
    if num_odd <= SENTINEL_SHARE * len(timestamps):
        return True
    return len(pd.unique(timestamps[is_odd])) <= NUM_SENTINELS


def _forget_year_9999(timestamps: _Ints, of_unit: dict[str, _Bools]) -> None:
    """Take times in the year 9999 of the usual unit out of the range of the next unit."""
    usual = max(of_unit, key=lambda name: np.count_nonzero(of_unit[name]))
    begin, end = (TICKS_PER_S[usual] * bound for bound in YEAR_9999_S)
    is_9999 = (timestamps >= begin) & (timestamps < end)
    for name in of_unit:
        if name != usual:
            of_unit[name] &= ~is_9999


def _mixture(timestamps: _Ints, found: dict[str, _Bools]) -> str:
    parts = (
        f"{np.count_nonzero(is_in):,} in {name} ({_range(timestamps[is_in], TICKS_PER_S[name])})"
        for name, is_in in found.items()
    )
    return f"times of several units: {', '.join(parts)}; write all of them in one unit"


def _range(times: _Ints, ticks: int) -> str:
    lowest, highest = int(times.min()), int(times.max())
    days = (str(np.datetime64(bound // ticks, "s"))[:10] for bound in (lowest, highest))
    return f"{lowest} to {highest}, {' to '.join(days)}"
