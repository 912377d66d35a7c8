"""Whether a verdict holds, in words: one sentence per contrast, built from its findings alone."""

from collections.abc import Iterable, Iterator, Sequence

from reports import formats
from reports.study.contrasts import Finding
from reports.study.holds import ConditionRow, HeldContrast

_LEADS = {
    Finding.BETTER: "beats",
    Finding.WORSE: "is worse than",
    Finding.BETTER_THESE_SEEDS: "is better, on these seeds, than",
    Finding.WORSE_THESE_SEEDS: "is worse, on these seeds, than",
    Finding.OPEN: "is not distinguishable from",
}
"""The first of these findings that some row has leads the sentence; the others follow it."""
_FOLLOWERS = {
    Finding.WORSE: "it is worse",
    Finding.BETTER_THESE_SEEDS: "it is better, on these seeds,",
    Finding.WORSE_THESE_SEEDS: "it is worse, on these seeds,",
    Finding.OPEN: "it is not distinguishable",
}


def holds_sentence(held: HeldContrast) -> str:
    """How often the finding holds, and under which conditions another one does."""
    by_finding: dict[Finding, list[ConditionRow]] = {}
    for row in held.counted:
        by_finding.setdefault(row.contrast.finding, []).append(row)
    without = by_finding.pop(Finding.NONE, [])
    leading = next((one for one in _LEADS if one in by_finding), None)
    clauses = [_lead(held, leading, by_finding[leading])] if leading else []
    for finding, follower in _FOLLOWERS.items():
        if finding is not leading and finding in by_finding:
            clauses.append(f"{follower} {_where(held, by_finding[finding])}")
    clauses += [*_without_result(held, without), *_not_counted(held)]
    text = "; ".join(clauses)
    start = "Exploratory: " if held.kind == "exploratory" else ""
    return f"{start}{text if leading or start else text[:1].upper() + text[1:]}."


def holds_sentences(held: Iterable[HeldContrast]) -> tuple[str, ...]:
    """A sentence per contrast; none in a study without conditions."""
    return tuple(map(holds_sentence, held))


def format_family(held: HeldContrast) -> str:
    """Over which rows the p-values of a contrast are adjusted."""
    number = len(held.counted)
    if number == 1:
        return "One row has trials of its own, so that there is nothing to adjust for."
    without = " A row whose trials are those of another is left out." * (number < len(held.rows))
    return (
        f"Holm’s adjustment covers the contrast’s {number} rows, finished or not, for users and "
        f"for users and seeds apart.{without}"
    )


def format_row(row: ConditionRow) -> tuple[str, ...]:
    """A row's numbers and finding: difference, interval, both adjusted p-values, finding."""
    one, notes = row.contrast, "; ".join(row.notes)
    d = one.difference
    if d is None:
        return (*[formats.NOT_AVAILABLE] * 4, notes)
    interval = f"{formats.points(d.low)} to {formats.points(d.high)}"
    if not row.counts:
        return (formats.points(d.mean), interval, *[formats.ABSENT] * 2, notes)
    finding = f"{one.finding} ({notes})" if notes else str(one.finding)
    ps = formats.p_value(one.p_holm), formats.p_value(one.p_t_holm)
    return formats.points(d.mean), interval, *ps, finding


def _lead(held: HeldContrast, finding: Finding, rows: Sequence[ConditionRow]) -> str:
    return f"{held.better} {_LEADS[finding]} {held.than} {_how_often(held, finding, rows)}"


def _how_often(held: HeldContrast, finding: Finding, rows: Sequence[ConditionRow]) -> str:
    number, total = len(rows), len(held.counted)
    if total == 1:
        return _where(held, rows)
    word, noun = ("in", "comparison") if held.is_several else ("under", "condition")
    if number == total:
        every = "any of the" if finding is Finding.OPEN else "all"
        return f"{word} {every} {total} {noun}s"
    # The other clauses name the others; where these are fewer, a reader wants to know which.
    which = f", {_named(held, rows)}" if 2 * number <= total else ""
    return f"{word} {number} of {total} {noun}s{which}"


def _without_result(held: HeldContrast, rows: Sequence[ConditionRow]) -> Iterator[str]:
    pair = f"{held.better} and {held.than}"
    if pending := [row for row in rows if row.is_pending]:
        yield f"there is no result yet for {pair} {_where(held, pending)}"
    if impossible := [row for row in rows if not row.is_pending]:
        yield f"{pair} cannot be compared {_where(held, impossible)}"


def _not_counted(held: HeldContrast) -> Iterator[str]:
    if rows := [row for row in held.rows if not row.counts]:
        verb = "is" if len(rows) == 1 else "are"
        yield f"{_named(held, rows)} {verb} not counted, as neither arm changes there"


def _where(held: HeldContrast, rows: Sequence[ConditionRow]) -> str:
    return f"under {_named(held, rows)}"


def _named(held: HeldContrast, rows: Sequence[ConditionRow]) -> str:
    """The rows' conditions, each with its data set where there are several."""
    labels = []
    for row in rows:
        place = row.contrast.place
        on = f" on {place.dataset}" if held.is_several else ""
        labels.append(f"{formats.quoted(place.condition)}{on}")
    return formats.listed(labels)
