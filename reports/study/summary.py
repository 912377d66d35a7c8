"""A study as numbers: ledger in, ``StudySummary`` out. Nothing here formats or draws.

Test values come from final trials only. Validation values rank search trials only. Arms are
compared within one of ``StudySummary.parts``, which has one data set and one condition.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from statistics import fmean, stdev

from morec.metrics import GAINS, metric_name
from morec.results import TrialResult
from reports.study.garbage_collection import paused_garbage_collection
from reports.study.places import NOWHERE, Place, places_of
from reports.study.readable import check_manifest, check_record
from reports.study.trial import Trial
from tune_space.ledger.manifest import ArmEntry, Manifest, Reference, Role
from tune_space.ledger.records import Ledger
from tune_space.study.domains import Value


@dataclass(frozen=True)
class ArmSummary:
    """One arm: its trials by role and what its final trials scored on the test split."""

    entry: ArmEntry
    finals: tuple[Trial, ...]
    searches: tuple[Trial, ...]
    seeds_wanted: int

    @property
    def name(self) -> str:
        """The arm's name in the study."""
        return self.entry.name

    @property
    def label(self) -> str:
        """The name without its place, as in the study file's ``baseline`` and ``contrasts``."""
        return self.entry.own_name

    @property
    def trials(self) -> tuple[Trial, ...]:
        """Every trial of the arm, search before final."""
        return (*self.searches, *self.finals)

    @property
    def tested(self) -> dict[int, TrialResult]:
        """Seed -> record of each final trial with test metrics."""
        results = ((trial.seed, trial.result) for trial in self.finals)
        return {seed: result for seed, result in results if result and result.test}

    def values(self, metric: str) -> tuple[float, ...]:
        """Test values in [0, 1], one per finished seed, in the order of the seeds."""
        tests = (result.test for result in self.tested.values())
        return tuple(test.value(metric) for test in tests if test)

    def mean(self, metric: str) -> float | None:
        """Mean over seeds; None before the first one has finished."""
        values = self.values(metric)
        return fmean(values) if values else None

    def sd(self, metric: str) -> float | None:
        """Standard deviation over seeds; None below two of them."""
        values = self.values(metric)
        return stdev(values) if len(values) > 1 else None

    @property
    def best_valid(self) -> float | None:
        """Best validation score among the search trials."""
        scores = [trial.valid_score for trial in self.searches]
        return max((score for score in scores if score is not None), default=None)

    @property
    def curve_trials(self) -> tuple[Trial, ...]:
        """The trials whose learning curves are drawn: final ones, or search ones before those.

        None of a late fusion: its epochs are weightings.
        """
        if self.entry.config.ensemble:
            return ()
        with_epochs = [trial for trial in self.finals if trial.result and trial.result.epochs]
        fallback = [trial for trial in self.searches if trial.result and trial.result.epochs]
        return tuple(with_epochs or fallback)

    @property
    def num_pending(self) -> int:
        """Final trials still to come: without a record, or not asked for yet."""
        return self.seeds_wanted - sum(trial.result is not None for trial in self.finals)


@dataclass(frozen=True)
class Improvement:
    """The paper's "Improv.": the best arm except the baseline, relative to the baseline."""

    arm: str
    """Its label."""
    percent: float


@dataclass(frozen=True)
class StudySummary:
    """A study as numbers: its manifest, its arms and their metrics."""

    manifest: Manifest
    arms: tuple[ArmSummary, ...]
    metrics: tuple[str, ...]
    """Test metrics in the order of the study's cut-offs."""
    place: Place = NOWHERE
    """The data set and the condition that this part of a study is about."""

    @property
    def key(self) -> str:
        """The place in print; empty where the study has one data set and no conditions."""
        return self.place.key

    @cached_property
    def parts(self) -> tuple["StudySummary", ...]:
        """One summary per data set and condition, condition by condition, in the study's order.

        With one data set and no conditions: the study itself.
        """
        return self._split(places_of(self.manifest.study, (arm.entry for arm in self.arms)))

    @cached_property
    def by_condition(self) -> tuple["StudySummary", ...]:
        """One summary per condition, with all its data sets; without conditions: the study itself.

        The headline speaks of the first one.
        """
        return self._split(tuple(dict.fromkeys(Place("", p.place.condition) for p in self.parts)))

    @property
    def distinct_arms(self) -> tuple[ArmSummary, ...]:
        """The arms without those whose trials another one has, under a condition that changes none.

        Of such arms, the one with the fewest final trials to come.
        """
        found: dict[str, ArmSummary] = {}
        for arm in sorted(self.arms, key=lambda one: one.num_pending):
            found.setdefault(arm.entry.identity, arm)
        return tuple(found.values())

    @property
    def is_several(self) -> bool:
        """Whether there is more than one data set."""
        return len({arm.entry.dataset for arm in self.arms}) > 1

    @property
    def is_quick(self) -> bool:
        """Whether this is the study's quick form, which is not the paper's setting."""
        return self.manifest.study.profile == "quick"

    @cached_property
    def trials(self) -> tuple[Trial, ...]:
        """Every trial asked for, arm by arm, search before final.

        A trial that several conditions share comes once, with the first arm that has it.
        """
        owner: dict[str, str] = {}
        trials = (trial for arm in self.arms for trial in arm.trials)
        return tuple(one for one in trials if owner.setdefault(one.trial_id, one.arm) == one.arm)

    @property
    def searched_paths(self) -> tuple[str, ...]:
        """Every parameter that some search trial was given, in the order met."""
        searches = (trial for arm in self.arms for trial in arm.searches)
        return tuple(dict.fromkeys(path for trial in searches for path in trial.params))

    @property
    def main_metric(self) -> str:
        """The metric that selected the configurations, and that the verdict is about."""
        return self.arms[0].entry.config.evaluation.select if self.arms else "HR@10"

    @property
    def baseline(self) -> ArmSummary | None:
        """The arm every other one is compared with."""
        return self.arm(self.manifest.study.baseline)

    @property
    def is_synthetic(self) -> bool:
        """Whether any number rests on generated data."""
        return any(dataset.is_synthetic for dataset in self.manifest.datasets)

    @property
    def dataset(self) -> str:
        """Name of the data."""
        names = dict.fromkeys(entry.dataset or entry.name for entry in self.manifest.datasets)
        return self.place.dataset or ", ".join(names) or "no dataset"

    @property
    def num_users(self) -> int | None:
        """Test users of the final trials, over all data sets under the first condition.

        Before the first final trial: users of the data.
        """
        parts = self.by_condition[0].parts
        if parts[0] is not self:
            return sum(part.num_users or 0 for part in parts)
        for arm in self.arms:
            for result in arm.tested.values():
                return result.test.num_users if result.test else None
        return self.manifest.datasets[0].num_targets("test") if self.manifest.datasets else None

    @property
    def num_pending(self) -> int:
        """Final trials still to come; one that several conditions share counts once."""
        return sum(arm.num_pending for arm in self.distinct_arms)

    def arm(self, name: str) -> ArmSummary | None:
        """The arm of that name or label; labels are unique within one of ``parts`` only."""
        return next((arm for arm in self.arms if name in (arm.name, arm.label)), None)

    def reference(self, name: str) -> Reference | None:
        """The reference of that name: popularity, chance and the like."""
        return next((ref for ref in self.manifest.references if ref.name == name), None)

    def with_status(self, status: str) -> tuple[Trial, ...]:
        """The trials with this status, which may be ``missing``."""
        return tuple(trial for trial in self.trials if trial.status == status)

    def ranked(self, metric: str) -> list[ArmSummary]:
        """Arms with a test value, best mean first."""
        scored = [(arm.mean(metric), arm) for arm in self.arms]
        known = [(mean, arm) for mean, arm in scored if mean is not None]
        return [arm for _, arm in sorted(known, key=lambda pair: -pair[0])]

    def improvement(self, metric: str) -> Improvement | None:
        """Best non-baseline arm against the baseline; None until both have a test value."""
        base = self.baseline.mean(metric) if self.baseline else None
        rivals = [arm for arm in self.ranked(metric) if arm is not self.baseline]
        if not base or not rivals:
            return None
        best = rivals[0].mean(metric)
        return None if best is None else Improvement(rivals[0].label, 100 * (best / base - 1))

    def _split(self, places: tuple[Place, ...]) -> tuple["StudySummary", ...]:
        """One summary per place; the summary itself where it is about no more than one place."""
        others = [place for place in places if place.condition != self.place.condition]
        is_one = len(places) < 2 and not others
        return (self,) if is_one else tuple(self._at(place) for place in places)

    def _at(self, place: Place) -> "StudySummary":
        arms = tuple(arm for arm in self.arms if place.has(arm.entry))
        found = self.manifest.datasets, self.manifest.references
        datasets, references = (tuple(one for one in o if place.has(one)) for o in found)
        own = {"datasets": datasets, "references": references, "arms": tuple(a.entry for a in arms)}
        metrics = tuple(_metrics(arm.entry for arm in arms))
        manifest = self.manifest.model_copy(update=own)
        return replace(self, manifest=manifest, arms=arms, metrics=metrics, place=place)


def summarise(folder: Path) -> StudySummary:
    """Read a study's ledger, finished or not.

    Raises:
        DataError: the folder holds no study, or a file of it cannot be read.
    """
    ledger = Ledger(folder)
    manifest = ledger.manifest()
    check_manifest(ledger, manifest)
    with paused_garbage_collection():
        arms = tuple(_summarise_arm(ledger, manifest, entry) for entry in manifest.arms)
    return StudySummary(manifest=manifest, arms=arms, metrics=tuple(_metrics(manifest.arms)))


def _summarise_arm(ledger: Ledger, manifest: Manifest, entry: ArmEntry) -> ArmSummary:
    locked = entry.locked.params if entry.locked else {}
    finals = zip(entry.final, manifest.study.seeds, strict=False)
    return ArmSummary(
        entry=entry,
        finals=tuple(_trial(ledger, entry, "final", name, seed, locked) for name, seed in finals),
        searches=tuple(
            _trial(ledger, entry, "search", one.trial_id, entry.config.seed, one.params)
            for one in entry.search
        ),
        seeds_wanted=len(manifest.study.seeds),
    )


def _trial(
    ledger: Ledger, entry: ArmEntry, role: Role, name: str, seed: int, params: dict[str, Value]
) -> Trial:
    """``seed`` is the one the study wants; a recorded trial keeps its own."""
    result = ledger.read(name)
    if result:
        check_record(ledger, result)
    return Trial(name, entry.name, role, result.config.seed if result else seed, params, result)


def _metrics(arms: Iterable[ArmEntry]) -> dict[str, None]:
    cutoffs = (k for arm in arms for k in arm.config.evaluation.ks)
    return dict.fromkeys(metric_name(name, k) for k in cutoffs for name in GAINS)
