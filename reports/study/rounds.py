"""Rounds of search trials in words: what is lost where several are chosen together."""

from dataclasses import dataclass

from reports import formats


@dataclass(frozen=True)
class RoundCost:
    """What a search's best validation HR@10 changes by, in points, with a 95% interval."""

    size: int
    points: float
    low: float
    high: float


MEASURED = (
    RoundCost(2, -0.03, -0.15, 0.09),
    RoundCost(4, -0.06, -0.20, 0.08),
    RoundCost(8, -0.19, -0.32, -0.05),
    RoundCost(12, -0.21, -0.34, -0.08),
    RoundCost(24, -0.79, -0.98, -0.59),
)
"""By ``tests/benchmarks/rounds.py``, smallest first: 200 searches of 24 trials over one recorded
search (ID on MovieLens), the same searches one trial after another. Nothing of it is measured in
the study that is reported."""


def round_sentence(size: int) -> str:
    """What rounds of ``size`` trials mean; the cost is that of the next measured size."""
    cost = next((one for one in MEASURED if one.size >= size), MEASURED[-1])
    change, low, high = (formats.signed(n, 2) for n in (cost.points, cost.low, cost.high))
    return (
        f"Trials are chosen in rounds of {size}, from what the rounds before came to. In a "
        f"simulation over another search of 24 trials, rounds of {cost.size} changed the best "
        f"validation HR@10 by {change} points [{low}, {high}]; here it was not measured."
    )
