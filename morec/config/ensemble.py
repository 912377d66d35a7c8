"""Late fusion: which trials' scores a trial adds up, and the weights it may give them."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise, product

NUM_STEPS = 10
"""Weights are multiples of one over this."""
MAX_MEMBERS = 4
"""With 4 members there are 286 points of the grid, each of which ranks validation once."""


def weight_grid(num_members: int) -> tuple[tuple[float, ...], ...]:
    """Every weighting of the members by tenths that add up to 1; the most even ones come first.

    The order decides between weightings of equal score: members that are equally good get about
    equal weights.
    """
    points = (parts for parts in _compositions(num_members))
    ordered = sorted(points, key=lambda parts: sum(part * part for part in parts))
    return tuple(tuple(part / NUM_STEPS for part in parts) for parts in ordered)


def _compositions(num_members: int) -> Iterator[tuple[int, ...]]:
    """Every way of cutting ``NUM_STEPS`` into so many parts, in the order of the first parts."""
    for cuts in product(range(NUM_STEPS + 1), repeat=num_members - 1):
        ends = (0, *cuts, NUM_STEPS)
        if list(ends) == sorted(ends):
            yield tuple(high - low for low, high in pairwise(ends))


def joined_sources(members: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """The sources of a trial with these members: those of member 2 are ``2 text`` and the like."""
    own = (
        (f"{number} {name}", value)
        for number, sources in enumerate(members, start=1)
        for name, value in sources.items()
        if name != "data"
    )
    return {"data": members[0]["data"], **dict(own)}


def member_sources(joined: Mapping[str, str], number: int) -> dict[str, str]:
    """The sources of one member, counted from 1, from those of the trial."""
    start = f"{number} "
    own = {n.removeprefix(start): value for n, value in joined.items() if n.startswith(start)}
    return {"data": joined["data"], **own}
