"""What the final trials' lists hold on the test split: per arm, the mean over seeds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from morec.metrics import parse_metric
from morec.results import Evaluation
from reports import formats
from reports.study.places import Place
from reports.study.summary import ArmSummary, StudySummary

_IN_PERCENT = frozenset({"coverage", "tail share"})


@dataclass(frozen=True)
class ListValue:
    """One metric of one arm's lists."""

    by_seed: dict[int, float]
    """Seed -> value; without the seeds whose records are older than the metric."""
    fixed: float | None = None
    """The value of a reference, which has no seeds."""

    @property
    def mean(self) -> float | None:
        """Mean over seeds; None where nothing was recorded."""
        return fmean(self.by_seed.values()) if self.by_seed else self.fixed

    @property
    def sd(self) -> float | None:
        """Standard deviation over seeds; None below two of them."""
        return stdev(self.by_seed.values()) if len(self.by_seed) > 1 else None


@dataclass(frozen=True)
class RecommendedRow:
    """One arm, or one reference, with a value per metric of the table."""

    name: str
    values: tuple[ListValue, ...]
    is_baseline: bool = False
    is_reference: bool = False


@dataclass(frozen=True)
class RecommendedTable:
    """One data set under one condition; a column per metric like ``coverage@10``."""

    dataset: str
    place: Place
    metrics: tuple[str, ...]
    rows: tuple[RecommendedRow, ...]
    """References first, as in the accuracy table, but only those that recorded lists."""


def recommended_tables(summary: StudySummary) -> tuple[RecommendedTable, ...]:
    """One table per place in which a final trial recorded what its lists hold."""
    tables = map(_table, summary.parts)
    return tuple(table for table in tables if table.metrics)


def _table(part: StudySummary) -> RecommendedTable:
    tests = [test for arm in part.arms for test in _tests(arm).values()]
    metrics = tuple(dict.fromkeys(name for test in tests for name in test.lists))
    return RecommendedTable(
        dataset=part.dataset,
        place=part.place,
        metrics=metrics,
        rows=(*_references(part, metrics), *(_arm(part, arm, metrics) for arm in part.arms)),
    )


def _tests(arm: ArmSummary) -> dict[int, Evaluation]:
    return {seed: result.test for seed, result in arm.tested.items() if result.test}


def _arm(part: StudySummary, arm: ArmSummary, metrics: Sequence[str]) -> RecommendedRow:
    tests = _tests(arm)
    values = tuple(
        ListValue({seed: test.lists[name] for seed, test in tests.items() if name in test.lists})
        for name in metrics
    )
    return RecommendedRow(arm.label, values, is_baseline=arm is part.baseline)


def _references(part: StudySummary, metrics: Sequence[str]) -> Iterable[RecommendedRow]:
    for one in part.manifest.references:
        lists = one.test_evaluation.lists if one.test_evaluation else {}
        if lists:
            values = tuple(ListValue({}, lists.get(name)) for name in metrics)
            yield RecommendedRow(one.name, values, is_reference=True)


def format_value(metric: str, value: ListValue) -> tuple[str, str]:
    """Mean and deviation as text; an empty deviation below two seeds."""
    if value.mean is None:
        return formats.NOT_AVAILABLE, ""
    if parse_metric(metric)[0] in _IN_PERCENT:
        return formats.percent(value.mean), "" if value.sd is None else formats.percent(value.sd)
    sd = "" if value.sd is None else formats.significant(value.sd, 2)
    return formats.significant(value.mean), sd
