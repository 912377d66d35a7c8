"""The accuracy table in the paper's layout (tables 2 to 9), as cells ready to print."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from reports import formats
from reports.study.forced_misses import ForcedMisses, forced_misses
from reports.study.places import NOWHERE, Place
from reports.study.shown_metrics import shown_metrics
from reports.study.summary import ArmSummary, StudySummary

MAX_COLUMNS = 8
"""With more arms and gains than this, arms become rows and metrics become columns."""
MAX_COLUMNS_SHARED = 14
"""The same limit in a study of several data sets, where headings are shorter than labels."""
FREE_REFERENCES = 2
"""So many references stand beside the arms without counting as columns; long names count more."""
ROOMY_COLUMNS = 5
"""With more columns, a deviation is printed below its mean."""
LONG_LABEL = 14
"""With labels longer than this on average, ``MAX_COLUMNS`` is the limit in every study."""


@dataclass(frozen=True)
class Cell:
    """One mean over seeds, in percent."""

    text: str
    sd: str = ""
    rank: str = ""
    """``best``, ``second`` or nothing."""
    is_partial: bool = False
    """Fewer seeds have finished than the study wants."""
    relative: str = ""
    """Relative to the baseline, in percent."""


NOT_RUN = Cell(formats.ABSENT)
"""The arm does not run on that data set."""


@dataclass(frozen=True)
class Measure:
    """One metric on one data set: a row of the paper's table."""

    dataset: str
    metric: str
    improvement: str
    """Best non-baseline arm against the baseline, like ``+5.5%``."""
    winner: str
    """The arm with that improvement; several where they are equal."""


@dataclass(frozen=True)
class ArmRow:
    """One arm, or one reference, with a cell per measure of the table."""

    name: str
    cells: tuple[Cell, ...]
    is_baseline: bool = False
    heading: str = ""
    """The name without the words that the group's heading already says."""


@dataclass(frozen=True)
class Group:
    """The arms under one heading."""

    name: str
    heading: str
    """The name above the columns; empty where the group's only column has the same name."""
    rows: tuple[ArmRow, ...]
    gains: tuple[str, ...] = ()
    """Per measure: relative gain of the one contrast named within the group (tables 4, 8)."""


@dataclass(frozen=True)
class AccuracyTable:
    """Test accuracy of every arm on the data sets that share a table.

    Cells are stored arm by arm. ``has_arms_as_rows`` and ``is_dense`` say how to print it.
    """

    measures: tuple[Measure, ...]
    references: tuple[ArmRow, ...]
    """One per name recorded for these data sets (popularity, EASE), in the recorded order."""
    groups: tuple[Group, ...]
    """In the order of the study."""
    partial: tuple[str, ...]
    """Arms with some finished seeds but fewer than wanted, like ``TS 2 of 3``."""
    forced_misses: tuple[ForcedMisses, ...] = ()
    """One per data set with targets that no arm can find."""
    is_one_of_several: bool = False
    """Whether the study has several data sets."""
    place: Place = NOWHERE

    @property
    def arms(self) -> tuple[ArmRow, ...]:
        """Every arm, in the order of the study."""
        return tuple(row for group in self.groups for row in group.rows)

    @property
    def datasets(self) -> dict[str, list[int]]:
        """Data set -> indices of its measures."""
        found: dict[str, list[int]] = {}
        for index, measure in enumerate(self.measures):
            found.setdefault(measure.dataset, []).append(index)
        return found

    @property
    def title(self) -> str:
        """Names of the data, and the condition where the study has any."""
        return replace(self.place, dataset=", ".join(self.datasets) or "no dataset").key

    @property
    def has_gaps(self) -> bool:
        """Whether an arm does not run on one of the data sets."""
        return any(NOT_RUN in row.cells for row in self.arms)

    @property
    def has_gains(self) -> bool:
        """Whether a group has an "Improv." of its own."""
        return any(group.gains for group in self.groups)

    @property
    def has_arms_as_rows(self) -> bool:
        """Whether there are too many arms and references for a column each."""
        lengths = [len(row.heading) for row in self.arms]
        is_short = self.is_one_of_several and sum(lengths) <= LONG_LABEL * len(lengths)
        counted = self.references[FREE_REFERENCES:]
        num_columns = len(lengths) + sum(1 + len(row.name) // LONG_LABEL for row in counted)
        most = MAX_COLUMNS_SHARED if is_short else MAX_COLUMNS - self._num_gains
        return num_columns > most

    @property
    def is_dense(self) -> bool:
        """Whether there are so many columns that deviations go below the means."""
        if self.has_arms_as_rows:
            return len(self.measures) > ROOMY_COLUMNS
        return self.is_one_of_several and len(self.arms) + self._num_gains > ROOMY_COLUMNS

    @property
    def _num_gains(self) -> int:
        return sum(bool(group.gains) for group in self.groups)


def accuracy_tables(summary: StudySummary) -> tuple[AccuracyTable, ...]:
    """Lay out the test values of every arm and of every recorded reference.

    Data sets share a table, with gaps, as long as it has at most ``MAX_COLUMNS`` arms. A data set
    with other arms, like HM in the paper's table 2, and each condition get tables of their own.
    """
    return tuple(_table(one, parts) for one in summary.by_condition for parts in _sharing(one))


def _sharing(summary: StudySummary) -> list[list[StudySummary]]:
    shared: list[tuple[list[StudySummary], set[str]]] = []
    for part in summary.parts:
        own = {arm.label for arm in part.arms}
        fits = (one for one in shared if own <= one[1] or len(own | one[1]) <= MAX_COLUMNS)
        parts, labels = next(fits, ([], set()))
        if not parts:
            shared.append((parts, labels))
        parts.append(part)
        labels |= own
    return [parts for parts, _ in shared]


_Measured = Sequence[tuple[StudySummary, str]]
"""Per measure of a table: its data set, and its metric."""


def _table(summary: StudySummary, parts: Sequence[StudySummary]) -> AccuracyTable:
    arms = [arm for part in parts for arm in part.arms]
    measured = shown_metrics(parts)
    ranks = [_ranks(part, metric) for part, metric in measured]
    group = {arm.label: arm.entry.group or "" for arm in reversed(arms)}
    rows = [(group[label], _row(label, measured, ranks)) for label in _labels(parts)]
    references = dict.fromkeys(one.name for part in parts for one in part.manifest.references)
    return AccuracyTable(
        measures=tuple(_measure(part, metric) for part, metric in measured),
        references=tuple(_reference_row(measured, name) for name in references),
        groups=tuple(_groups(measured, rows, is_short=summary.is_several)),
        partial=tuple(
            f"{arm.name} {len(arm.tested)} of {arm.seeds_wanted}"
            for arm in arms
            if 0 < len(arm.tested) < arm.seeds_wanted
        ),
        forced_misses=tuple(found for part in parts if (found := forced_misses(part))),
        is_one_of_several=summary.is_several,
        place=summary.place,
    )


def _labels(parts: Sequence[StudySummary]) -> list[str]:
    """Every arm once, in the order of the study file whatever the order of the data sets."""
    present = dict.fromkeys(arm.label for part in parts for arm in part.arms)
    order = dict.fromkeys((*parts[0].manifest.study.arms, *present))
    return [label for label in order if label in present]


def _measure(part: StudySummary, metric: str) -> Measure:
    best = part.improvement(metric)
    gain = _relative(best.percent) if best else formats.NOT_AVAILABLE
    rivals = [arm for arm in part.ranked(metric) if arm is not part.baseline] if best else []
    winners = next(equals(rivals, metric), [])
    return Measure(part.dataset, metric, gain, ", ".join(arm.label for arm in winners))


def equals(ranked: Iterable[ArmSummary], metric: str) -> Iterator[list[ArmSummary]]:
    """Ranked arms, those together whose means are printed as the same number."""
    for _, arms in groupby(ranked, key=lambda arm: formats.percent(arm.mean(metric))):
        yield list(arms)


def _ranks(part: StudySummary, metric: str) -> dict[str, str]:
    """The arms with the best value and with the next one; nobody where only one arm has a value."""
    ranked = part.ranked(metric)
    places = zip(equals(ranked, metric), ("best", "second"), strict=False)
    return {arm.label: rank for arms, rank in places for arm in arms} if len(ranked) > 1 else {}


def _row(label: str, measured: _Measured, ranks: Sequence[dict[str, str]]) -> ArmRow:
    cells = []
    for (part, metric), rank in zip(measured, ranks, strict=True):
        arm = part.arm(label)
        cells.append(_cell(part, arm, metric, rank.get(label, "")) if arm else NOT_RUN)
    return ArmRow(label, tuple(cells), label == measured[0][0].manifest.study.baseline, label)


def _cell(part: StudySummary, arm: ArmSummary, metric: str, rank: str) -> Cell:
    mean, sd = arm.mean(metric), arm.sd(metric)
    is_baseline = arm is part.baseline
    gain = None if is_baseline else _gain(part, arm.label, part.manifest.study.baseline, metric)
    return Cell(
        text=formats.percent(mean),
        sd=formats.percent(sd) if sd is not None else "",
        rank=rank,
        is_partial=0 < len(arm.tested) < arm.seeds_wanted,
        relative=_relative(gain) if gain is not None else "",
    )


def _groups(
    measured: _Measured, rows: Iterable[tuple[str, ArmRow]], *, is_short: bool
) -> Iterator[Group]:
    for name, members in _by_group(rows):
        if is_short:
            members = _without(name, members)
        is_repeated = is_short and [row.heading for row in members] == [name]
        gains = _gains(measured, name, members)
        yield Group(name, "" if is_repeated else name, tuple(members), gains)


def _by_group(rows: Iterable[tuple[str, ArmRow]]) -> Iterator[tuple[str, list[ArmRow]]]:
    """Groups in the order of their first arms; neighbouring arms without a group form one."""
    found: dict[tuple[str, int], list[ArmRow]] = {}
    num_grouped = 0
    for name, row in rows:
        num_grouped += bool(name)
        found.setdefault((name, 0 if name else num_grouped), []).append(row)
    yield from ((name, members) for (name, _), members in found.items())


def _without(heading: str, rows: list[ArmRow]) -> list[ArmRow]:
    """Shorten each row's heading by the words of the group's heading, if all stay different."""
    in_heading = set(heading.split())
    short = [" ".join(word for word in row.name.split() if word not in in_heading) for row in rows]
    is_clear = all(short) and len(set(short)) == len(short)
    if not is_clear:
        return rows
    return [replace(row, heading=text) for row, text in zip(rows, short, strict=True)]


def _gains(measured: _Measured, group: str, rows: Iterable[ArmRow]) -> tuple[str, ...]:
    """The group's own "Improv.", if the study names exactly one contrast within the group."""
    names = {row.name for row in rows}
    contrasts = measured[0][0].manifest.study.contrasts if measured else ()
    within = [one for one in contrasts if group and {one.better, one.than} <= names]
    if len(within) != 1:
        return ()
    gains = [_gain(part, within[0].better, within[0].than, metric) for part, metric in measured]
    return tuple(formats.ABSENT if gain is None else _relative(gain) for gain in gains)


def _gain(part: StudySummary, label: str, than: str, metric: str) -> float | None:
    """Relative difference of two arms' means in percent; None until both have one."""
    better, base = (arm.mean(metric) if arm else None for arm in map(part.arm, (label, than)))
    return 100 * (better / base - 1) if better is not None and base else None


def _relative(percent: float) -> str:
    return f"{formats.signed(percent, 1)}%"


def _reference_row(measured: _Measured, name: str) -> ArmRow:
    references = [(part.reference(name), metric) for part, metric in measured]
    values = (one.test_value(metric) if one else None for one, metric in references)
    return ArmRow(name, tuple(Cell(formats.percent(value)) for value in values), heading=name)
