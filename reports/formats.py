"""Numbers as text for readers; an unknown value is printed as "n/a", never as 0."""

import math
from collections.abc import Sequence

NOT_AVAILABLE = "n/a"
MINUS = "\N{MINUS SIGN}"
ABSENT = "\N{EM DASH}"
"""Printed where there is nothing to measure; ``NOT_AVAILABLE`` where the value is unknown."""
QUICK_FORM = (
    "Quick form of the study: small data, small encoders, few trials. "
    "This is not the paper's setting, so no paper numbers are shown."
)
"""Warning of a study's quick form, on the page and in its exports."""


def percent(value: float | None, digits: int = 2) -> str:
    """A value in [0, 1] as percent without the sign."""
    return NOT_AVAILABLE if value is None else f"{100 * value:.{digits}f}"


def share(value: float) -> str:
    """A share in [0, 1] as percent with one digit; a share that would round to zero is said."""
    return "< 0.1%" if 0 < value < 0.0005 else f"{percent(value, 1)}%"


def mean_with_sd(mean: float | None, sd: float | None) -> str:
    """Mean and deviation over seeds in percent, like ``17.36 ± 0.52``."""
    return percent(mean) if sd is None else f"{percent(mean)} ± {percent(sd)}"


def points(value: float, digits: int = 2) -> str:
    """A difference of two values in [0, 1] as signed percentage points; zero has no sign."""
    return signed(100 * value, digits)


def signed(value: float, digits: int) -> str:
    """With a sign and a true minus; a value that rounds to zero has no sign."""
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0 else text.replace("-", MINUS)


def p_value(value: float | None) -> str:
    """Three digits without the leading zero; ``< .001`` below them."""
    if value is None:
        return NOT_AVAILABLE
    if value < 0.001:
        return "< .001"
    return "1" if value > 0.9995 else f"{value:.3f}".lstrip("0")


def count(value: float | None) -> str:
    """A count with its unit, like ``1.23 M``; below 1,000 as a whole number."""
    if value is None:
        return NOT_AVAILABLE
    for size, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= size:
            return f"{significant(value / size)}{unit}"
    return f"{value:.0f}"


def duration(seconds: float | None) -> str:
    """Seconds in the unit of their size: ms, s, min or h."""
    if seconds is None:
        return NOT_AVAILABLE
    unit, name = _unit(seconds)
    return f"{significant(seconds / unit)} {name}"


def tick_duration(seconds: float) -> str:
    """A round number of seconds for an axis: ``50 s``, ``100 s``, ``2,000 s``."""
    return f"{seconds:,g} s"


def deviation(seconds: float, of: float) -> str:
    """A deviation of ``of`` seconds, to two digits, in the unit ``duration`` picks for ``of``."""
    unit, _ = _unit(of)
    return significant(seconds / unit, 2)


def size(num_bytes: int | None) -> str:
    """Bytes in decimal units."""
    if num_bytes is None:
        return NOT_AVAILABLE
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if num_bytes >= unit:
            return f"{significant(num_bytes / unit)} {name}"
    return f"{num_bytes} B"


def energy(joules: float | None) -> str:
    """Joules in watt-hours."""
    if joules is None:
        return NOT_AVAILABLE
    hours = joules / 3600
    return f"{significant(hours / 1000)} kWh" if hours >= 1000 else f"{significant(hours)} Wh"


def significant(value: float, digits: int = 3) -> str:
    """Fixed-point with that many significant digits, all whole digits kept."""
    if value == 0:
        return "0"
    decimals = min(max(0, digits - 1 - math.floor(math.log10(abs(value)))), 6)
    return f"{value:,.{decimals}f}"


def parameter(value: object) -> str:
    """A searched value: floats with 4 significant digits, everything else unchanged."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def about(value: float) -> str:
    """An estimate with two significant digits."""
    step = 10 ** max(0, math.floor(math.log10(value)) - 1)
    return f"{round(value / step) * step:,}"


def plural(number: int, noun: str, several: str = "") -> str:
    """``1 seed``, ``3 seeds``; ``several`` where an s is not enough."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {several or noun + 's'}"


def quoted(label: str) -> str:
    """A label that a user chose, set off from the sentence it stands in."""
    return f"“{label}”"


def listed(words: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)


def _unit(seconds: float) -> tuple[float, str]:
    """Seconds per unit, and the unit's name."""
    if 0 < seconds < 1:
        return 1e-3, "ms"
    if seconds < 60:
        return 1, "s"
    return (60, "min") if seconds < 3600 else (3600, "h")
