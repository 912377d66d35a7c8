"""The manifest of a study: its data, references, shared artefacts and arms, with their trials."""

from collections.abc import Iterable, Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from morec.config import (
    LEAVE_ONE_OUT,
    SCHEMA_VERSION,
    Spec,
    SplitSpec,
    Ties,
    TrialConfig,
    canonical_json,
)
from morec.data.profile import Count, DataProfile, Seconds
from morec.errors import DataError
from morec.packing import unpack_integers
from morec.results import Evaluation, Metric, TrialId
from tune_space.study.domains import Value
from tune_space.study.spec import StudySpec, own_name

Role = Literal["search", "final"]
"""What a trial is for: finding an arm's configuration, or measuring the locked one."""
MIN_FOR_IMPORTANCE = 10
"""Completed search trials below which there is no best tenth to compare with the others."""


class SearchEntry(Spec):
    """One search trial of an arm: its identity and its searched values."""

    trial_id: TrialId
    params: dict[str, Value]


class ArmEntry(Spec):
    """One arm at the time of writing: its trials by role, and its locked choice."""

    name: str
    """Unique in the study: ``<dataset>/<condition>/<arm>``, without what the study lacks."""
    dataset: str = ""
    """Key of the study's ``datasets``; empty where the study has one data set in its base."""
    condition: str = ""
    """Key of the study's ``conditions``; empty where the study has none."""
    group: str | None = None
    config: TrialConfig
    """The arm before any searched value is set; seed = the search seed, test = False."""
    num_points: int | None = None
    """Points of the arm's search space, 0 where nothing is searched. None if the space is endless,
    and in what earlier versions wrote."""
    search: tuple[SearchEntry, ...] = ()
    """Search trials in the order they were asked for."""
    locked: SearchEntry | None = None
    """The search trial with the best validation score, chosen when the search ended. An arm without
    search trials is locked at once, to the params of its ``start`` (mostly none) and an empty
    trial_id."""
    importance: dict[str, float] = {}  # noqa: RUF012  (pydantic copies it)
    """Searched path -> its share of the importance, once the search has ended; see
    ``ArmSearch.importance``."""
    final: tuple[TrialId, ...] = ()
    """Trial ids of the locked configuration, one per seed, in the order of the study's seeds."""

    @property
    def own_name(self) -> str:
        """The name without data set and condition."""
        return own_name(self.name, dataset=self.dataset, condition=self.condition)

    @property
    def identity(self) -> str:
        """The same text in entries of one arm that conditions leave alike: they share trials."""
        return canonical_json([self.own_name, self.config.model_dump(mode="json")])

    @property
    def trial_ids(self) -> tuple[str, ...]:
        """Every trial of the arm, search before final; arms may share trials."""
        return (*(entry.trial_id for entry in self.search), *self.final)


class Reference(Spec):
    """A reference that no gradient trains (popularity, EASE, chance), on both splits."""

    name: str
    dataset: str = ""
    """As in ``ArmEntry``."""
    condition: str = ""
    """As in ``ArmEntry``."""
    valid: dict[str, Metric]
    test: dict[str, Metric]
    test_evaluation: Evaluation | None = None
    """With ranks, for paired comparisons; None for chance, whose metrics are expected values."""
    chosen: dict[str, float] = {}  # noqa: RUF012  (pydantic copies it)
    """What was chosen on validation: name -> value."""
    left_out: str = ""
    """Why there are no metrics (too many items, no clock times); empty where there are."""
    used_by: tuple[str, ...] = ()
    """Names of the arms whose frozen features it reads."""

    def test_value(self, metric: str) -> float | None:
        """A metric on the test split; of the ranks, if any, where the record is older than it."""
        if metric in self.test or self.test_evaluation is None:
            return self.test.get(metric)
        return self.test_evaluation.value(metric)


class SliceEntry(Spec):
    """Which slice each user of the test split is in, along one dimension."""

    dimension: str
    labels: tuple[str, ...]
    """In their natural order (new, cold, tail, mid, head)."""
    packed_codes: str
    """Index into ``labels`` per user, in dataset order; packed as ``Evaluation.packed_ranks``."""

    @property
    def codes(self) -> npt.NDArray[np.uint32]:
        """Index into ``labels`` per user, shape (U,).

        Raises:
            DataError: they cannot be unpacked, or there is no such label.
        """
        try:
            codes_U = unpack_integers(self.packed_codes)
        except DataError as error:
            raise DataError(f"slices by {self.dimension}: the codes {error}") from error
        if codes_U.max(initial=0) >= max(1, len(self.labels)):
            raise DataError(f"slices by {self.dimension}: a code has no label")
        return codes_U


class DatasetEntry(Spec):
    """What the data was, and what was dropped or repaired on the way."""

    name: str
    dataset: str = ""
    """As in ``ArmEntry``."""
    condition: str = ""
    """As in ``ArmEntry``."""
    sha256: str
    is_synthetic: bool
    num_users: Count
    num_items: Count
    num_interactions: Count
    """Interactions kept in the windows."""
    ties: Ties = "file"
    """What ordered interactions at equal times; older manifests do not say it."""
    split: SplitSpec = LEAVE_ONE_OUT
    cuts_s: tuple[Seconds, Seconds] | None = None
    """Beginnings of validation and test; None without a split by time."""
    slices: tuple[SliceEntry, ...] = ()
    counts: dict[str, Count]
    """Rule -> how many rows, users or items it applied to."""
    notes: tuple[str, ...] = ()
    """What a reader of results must know of the data: sentences, shown beside the verdict."""
    profile: DataProfile | None = None
    """None in manifests of versions that made no profile."""

    @property
    def tied_share(self) -> float:
        """Share of the test targets whose time is that of the interaction before; 0 if unknown."""
        return self.counts.get("tied_test_targets", 0) / max(self.num_targets("test"), 1)

    def num_targets(self, split: Literal["valid", "test"]) -> int:
        """Targets of a split; under leave-one-out every user has one."""
        return self.counts.get(f"{split}_targets", self.num_users)

    @property
    def num_repeats(self) -> int:
        """Rows that repeat an earlier pair of user and item, kept or dropped."""
        rules = self.counts.items()
        return sum(count for rule, count in rules if rule.startswith("repeated_interactions"))

    @property
    def repeat_share(self) -> float:
        """``num_repeats`` per row that was read, in [0, 1]."""
        return self.num_repeats / max(1, self.counts.get("rows_read", 0))


class Preparation(Spec):
    """One shared artefact (frozen features, token ids, ...) that was made before the trials."""

    name: str
    key: str
    seconds: float = Field(ge=0)
    """Seconds it took to make, in this run or an earlier one."""
    num_bytes: Count
    used_by: tuple[str, ...] = ()
    """Names of the arms that use it."""
    counts: dict[str, Count] = {}  # noqa: RUF012  (pydantic copies it)
    """How many vectors, items or directions each rule of reading and processing concerned."""
    losses: dict[str, tuple[float, ...]] = {}  # noqa: RUF012
    """Of second-round pre-training: ``train`` and ``valid`` -> loss per epoch; ``valid`` begins
    with the loss before the first epoch."""
    read_as: tuple[str, ...] = ()
    """How encoders read an item over this artefact, where options or their own files decide."""
    caveats: tuple[str, ...] = ()
    """How they are read otherwise than their authors meant, in sentences."""


class Manifest(Spec):
    """The state of a study; rewritten whenever a trial starts or ends."""

    schema_version: int = SCHEMA_VERSION
    study: StudySpec
    study_file: str
    """The YAML as it was read."""
    command: str
    state: Literal["running", "finished", "interrupted"]
    interrupted_by: str | None = None
    """What ended an interrupted run: a signal's name, ``budget.hours``, or an error in a line."""
    started_at: str
    updated_at: str
    versions: dict[str, str]
    """Package -> version."""
    git: dict[str, str]
    """``revision`` and ``state`` (clean, or modified), where there is a checkout."""
    device: str
    num_cpus: int
    elapsed_s: float = 0.0
    """Wall-clock seconds spent on the study, over all runs of the command."""
    round_size: int = 1
    """Search trials of one arm that are chosen together; see ``BudgetSpec.parallel``."""
    datasets: tuple[DatasetEntry, ...]
    references: tuple[Reference, ...] = ()
    preparations: tuple[Preparation, ...] = ()
    arms: tuple[ArmEntry, ...]
    running: tuple[TrialId, ...] = ()
    """Trials that were running when this was written."""
    orphaned: tuple[TrialId, ...] = ()
    """Trials with a record that the study no longer asks for; kept, but not reported."""


def count_of(counts: Mapping[str, int], name: str) -> int:
    """A count that the manifest's writer always writes.

    Raises:
        DataError: it is not there.
    """
    if name not in counts:
        raise DataError(f"the manifest has no count of {name}")
    return counts[name]


def trials_of(arms: Iterable[ArmEntry]) -> set[str]:
    """Ids of all trials of these arms, in both roles."""
    return {trial_id for arm in arms for trial_id in arm.trial_ids}
