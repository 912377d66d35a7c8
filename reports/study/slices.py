"""Where an arm wins: test users grouped by what their target and their history are.

Comes in: the slices of a data set and the ranks of every final trial. Goes out, per dimension: the
mean of each arm on each label, and its paired difference to the baseline. Intervals are not
adjusted for the number of labels. Shape legend: ``S`` seeds, ``U`` test users.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from morec.metrics import Floats
from reports.study.places import Place
from reports.study.rank_metrics import values_on_test
from reports.study.statistics import Difference, paired_difference
from reports.study.summary import ArmSummary, StudySummary
from tune_space.ledger.manifest import SliceEntry

MIN_USERS = 30
"""With fewer test users than this, a label gets no difference to the baseline."""


@dataclass(frozen=True)
class Label:
    """One kind of test user along a dimension."""

    name: str
    num_users: int

    @property
    def is_small(self) -> bool:
        """Whether there are too few users for a difference."""
        return self.num_users < MIN_USERS


@dataclass(frozen=True)
class SliceCell:
    """One arm on the users with one label; values in [0, 1]."""

    mean: float | None
    """Over seeds; None where no user has the label."""
    difference: Difference | None = None
    """To the baseline, on the seeds both have finished; None for the baseline and small labels."""


@dataclass(frozen=True)
class SliceRow:
    """One arm with a cell per label."""

    arm: str
    is_baseline: bool
    cells: tuple[SliceCell, ...]


@dataclass(frozen=True)
class SliceTable:
    """One dimension of one data set under one condition."""

    dataset: str
    place: Place
    dimension: str
    metric: str
    labels: tuple[Label, ...]
    rows: tuple[SliceRow, ...]
    left_out: tuple[str, ...]
    """Arms whose test users are not the ones that the slices describe."""

    @property
    def key(self) -> str:
        """As in ``StudySummary``."""
        return self.place.key

    @property
    def labels_with_users(self) -> tuple[int, ...]:
        """Places in ``labels`` of those that some user has."""
        return tuple(at for at, label in enumerate(self.labels) if label.num_users)

    @property
    def labels_without_users(self) -> tuple[str, ...]:
        """Names of the labels that no user has."""
        return tuple(label.name for label in self.labels if not label.num_users)


def slice_tables(summary: StudySummary, metric: str) -> tuple[SliceTable, ...]:
    """One table per dimension and place that has slices and a tested arm."""
    tables = (
        _table(part, metric, entry)
        for part in summary.parts
        for data in part.manifest.datasets
        for entry in data.slices
    )
    return tuple(table for table in tables if table.rows)


def users_with(part: StudySummary, label: str) -> npt.NDArray[np.bool_] | None:
    """Which test users of a data set have a label of any dimension, shape (U,); None if unknown."""
    for data in part.manifest.datasets:
        for entry in data.slices:
            if label in entry.labels:
                return np.equal(entry.codes, entry.labels.index(label))
    return None


def _table(part: StudySummary, metric: str, entry: SliceEntry) -> SliceTable:
    codes_U = entry.codes
    sizes = np.bincount(codes_U, minlength=len(entry.labels)).tolist()
    masks = [codes_U == code for code in range(len(sizes))]
    tested = [arm for arm in part.arms if arm.tested]
    values = {arm.label: _test_values(arm, metric) for arm in tested}
    fitting = [arm for arm in tested if values[arm.label].num_users == len(codes_U)]
    base = next((values[arm.label] for arm in fitting if arm is part.baseline), None)
    return SliceTable(
        dataset=part.dataset,
        place=part.place,
        dimension=entry.dimension,
        metric=metric,
        labels=tuple(map(Label, entry.labels, sizes)),
        rows=tuple(
            SliceRow(
                arm=arm.label,
                is_baseline=arm is part.baseline,
                cells=tuple(_cell(values[arm.label], base, mask_U) for mask_U in masks),
            )
            for arm in fitting
        ),
        left_out=tuple(arm.label for arm in tested if arm not in fitting),
    )


@dataclass(frozen=True)
class _TestValues:
    """Per-user test values of an arm, a row per finished seed."""

    seeds: tuple[int, ...]
    values_SU: Floats

    @property
    def num_users(self) -> int:
        return int(self.values_SU.shape[1])

    def of(self, seeds: Iterable[int], is_in_U: npt.NDArray[np.bool_]) -> Floats:
        return self.values_SU[[self.seeds.index(seed) for seed in seeds]][:, is_in_U]


def _test_values(arm: ArmSummary, metric: str) -> _TestValues:
    return _TestValues(tuple(arm.tested), values_on_test(metric, arm.tested.values()))


def _cell(own: _TestValues, base: _TestValues | None, is_in_U: npt.NDArray[np.bool_]) -> SliceCell:
    num_users = int(is_in_U.sum())
    mean = float(own.values_SU[:, is_in_U].mean()) if num_users else None
    common = [seed for seed in own.seeds if base and seed in base.seeds]
    if base is None or base is own or not common or num_users < MIN_USERS:
        return SliceCell(mean)
    pair = own.of(common, is_in_U), base.of(common, is_in_U)
    return SliceCell(mean, paired_difference(*pair, num_flips=0))
