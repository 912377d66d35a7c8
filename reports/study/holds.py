"""Does it hold? Each contrast under every condition, adjusted over the conditions.

A family is one contrast's rows. If no row has a difference, one is claimed in any of them with a
probability of about 5%. Two p-values are adjusted, each by Holm's method: that of the sign flips
over users, and ``family_p``, which covers seeds too. "better" and "worse" need both.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from reports import formats
from reports.study.contrasts import Contrast, Kind
from reports.study.places import Place
from reports.study.statistics import family_p, holm
from reports.study.summary import StudySummary

Pair = tuple[str, str]


@dataclass(frozen=True)
class ConditionRow:
    """One contrast on one data set under one condition."""

    contrast: Contrast
    """Its p-values are adjusted over the contrast's rows; None where the row does not count."""
    same_as: str = ""
    """An earlier condition under which both arms have the same trials; empty: there is none."""
    notes: tuple[str, ...] = ()
    """What is missing, and which arm the condition does not change."""
    is_pending: bool = False
    """Whether there is no difference yet and one may still come."""

    @property
    def counts(self) -> bool:
        """Whether the row can confirm or refute: its trials are not those of another row."""
        return not self.same_as


@dataclass(frozen=True)
class HeldContrast:
    """One contrast with a row per condition and data set."""

    better: str
    than: str
    kind: Kind
    rows: tuple[ConditionRow, ...]
    """Condition by condition, in the order of the study file."""

    @property
    def counted(self) -> tuple[ConditionRow, ...]:
        """The family: rows with trials of their own, finished or not."""
        return tuple(row for row in self.rows if row.counts)

    @property
    def is_several(self) -> bool:
        """Whether the rows are on several data sets."""
        return len({row.contrast.place.dataset for row in self.rows}) > 1


def held_contrasts(
    summary: StudySummary, contrasts: Iterable[Contrast]
) -> tuple[HeldContrast, ...]:
    """Every named contrast; where none is named, every arm against the baseline.

    Empty in a study without conditions.
    """
    if not summary.manifest.study.conditions:
        return ()
    main = {part.place: part.main_metric for part in summary.parts}
    found = [one for one in contrasts if main.get(one.place) == one.metric]
    kind: Kind = "named" if any(one.kind == "named" for one in found) else "exploratory"
    pairs: dict[Pair, list[Contrast]] = {}
    for one in found:
        if one.kind == kind:
            pairs.setdefault((one.better, one.than), []).append(one)
    return tuple(
        HeldContrast(*pair, kind, adjusted([_row(summary, one) for one in _whole(summary, own)]))
        for pair, own in pairs.items()
    )


def _whole(summary: StudySummary, contrasts: Sequence[Contrast]) -> Iterator[Contrast]:
    """The contrasts in the order of the conditions, with blank ones where no arm has begun."""
    by_place = {one.place: one for one in contrasts}
    first = contrasts[0]
    for condition in summary.manifest.study.conditions:
        for dataset in dict.fromkeys(one.place.dataset for one in contrasts):
            place = Place(dataset, condition)
            blank = Contrast(first.metric, first.better, first.than, first.kind, place)
            yield by_place.get(place, blank)


def _row(summary: StudySummary, contrast: Contrast) -> ConditionRow:
    part = _part(summary, contrast.place)
    if part is None:
        return ConditionRow(contrast, notes=("not finished",), is_pending=True)
    names = contrast.better, contrast.than
    same_as = {name: _first_with(summary, part, name) for name in names}
    earlier, other = same_as.values()
    if earlier and earlier == other:
        return ConditionRow(contrast, earlier, (_unchanged(summary, earlier),))
    pending = sum(arm.num_pending for name in same_as if (arm := part.arm(name)))
    notes = [f"{name}: {_unchanged(summary, one)}" for name, one in same_as.items() if one]
    notes += _missing(contrast, part, pending)
    is_pending = contrast.difference is None and pending > 0
    return ConditionRow(contrast, notes=tuple(notes), is_pending=is_pending)


def _part(summary: StudySummary, place: Place) -> StudySummary | None:
    return next((part for part in summary.parts if part.place == place), None)


def _first_with(summary: StudySummary, part: StudySummary, name: str) -> str:
    """The first earlier condition under which the arm has the same final trials; or nothing."""
    own = part.arm(name)
    for other in summary.parts[: summary.parts.index(part)] if own and own.entry.final else ():
        arm = other.arm(name) if other.place.dataset == part.place.dataset else None
        if arm and own and arm.entry.final == own.entry.final:
            return other.place.condition
    return ""


def _unchanged(summary: StudySummary, same_as: str) -> str:
    is_first = same_as == next(iter(summary.manifest.study.conditions))
    where = "" if is_first else f" (the same trials as under {formats.quoted(same_as)})"
    return f"not changed by this condition{where}"


def _missing(contrast: Contrast, part: StudySummary, pending: int) -> Iterator[str]:
    """Why there is no difference, or how many seeds it lacks."""
    wanted = len(part.manifest.study.seeds)
    if contrast.difference is None:
        yield "not finished" if pending else contrast.problem
    elif len(contrast.seeds) < wanted:
        yield f"{len(contrast.seeds)} of {formats.plural(wanted, 'seed')}"


def adjusted(rows: Sequence[ConditionRow]) -> tuple[ConditionRow, ...]:
    """The rows of one contrast with Holm's p-values over those that count.

    A row without a difference holds its place, with a p of 1: it may still get one.
    """
    differences = [row.contrast.difference for row in rows if row.counts]
    known = iter(family_p([one for one in differences if one]))
    flips = iter(holm([one.p if one else 1.0 for one in differences]))
    firm = iter(holm([next(known) if one else 1.0 for one in differences]))
    return tuple(
        _with_p(row, next(flips), next(firm)) if row.counts else _with_p(row, None, None)
        for row in rows
    )


def _with_p(row: ConditionRow, p_holm: float | None, p_t_holm: float | None) -> ConditionRow:
    is_known = row.contrast.difference is not None
    values = {"p_holm": p_holm, "p_t_holm": p_t_holm} if is_known else {"p_holm": None}
    return replace(row, contrast=replace(row.contrast, **values))
