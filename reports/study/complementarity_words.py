"""Complementarity in words: one sentence per pair of arms, built from its finding alone."""

from collections.abc import Iterable

from reports import formats
from reports.study.complementarity import Complement, Overlap, Pair

COLUMNS = ("First", "Second", "both", "only first", "only second", "neither", "union")
CONTROL_COLUMNS = ("two seeds of first", "of second", "union − larger", "95% interval", "Finding")


def complementarity_sentences(pairs: Iterable[Pair]) -> tuple[str, ...]:
    """A sentence per pair that has finished trials."""
    return tuple(complementarity_sentence(pair) for pair in pairs if pair.overlap)


def complementarity_sentence(pair: Pair) -> str:
    """What two arms find together, against the better one and two seeds of it."""
    overlap, names = pair.overlap, f"{pair.first} and {pair.second}"
    where = f" {pair.place.words}" if pair.place.words else ""
    if overlap is None:
        return f"{names} cannot be compared{where}: {pair.problem}."
    together = f"together {_share(overlap.union)} against {_share(_alone(pair, overlap))}"
    together = f"{together} ({pair.better} alone)"
    if pair.finding is Complement.NONE:
        return f"{names}{where}: {together}; {pair.problem}."
    control = f"two seeds of {pair.better} find {_share(_control(pair, overlap))}"
    if pair.finding is Complement.NOT_SHOWN:
        return f"{names} are not shown to find different users{where}: {together}; {control}."
    seeds = ", on these seeds," if pair.finding is Complement.MORE_THESE_SEEDS else ""
    return f"{names} find{seeds} different users{where}: {together}; {control}."


def format_pair(pair: Pair) -> tuple[str, ...]:
    """A pair's cells below ``COLUMNS`` and ``CONTROL_COLUMNS``; shares in percent."""
    overlap, d = pair.overlap, pair.excess
    if overlap is None:
        return pair.first, pair.second, *[formats.NOT_AVAILABLE] * 9, pair.problem
    parts = overlap.both, overlap.only_first, overlap.only_second, overlap.neither, overlap.union
    shares = (formats.percent(one) for one in (*parts, overlap.two_first, overlap.two_second))
    numbers = [formats.NOT_AVAILABLE] * 2
    if d is not None:
        interval = f"{formats.points(d.low)} to {formats.points(d.high)}"
        numbers = [formats.points(d.mean), interval]
    return pair.first, pair.second, *shares, *numbers, pair.problem or str(pair.finding)


def _alone(pair: Pair, overlap: Overlap) -> float:
    return overlap.first if pair.is_first_better else overlap.second


def _control(pair: Pair, overlap: Overlap) -> float:
    found = overlap.two_first if pair.is_first_better else overlap.two_second
    assert found is not None, "a finding has its control"
    return found


def _share(value: float) -> str:
    return f"{formats.percent(value, 1)}%"
