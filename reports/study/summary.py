"""A study as numbers: ledger in, ``StudySummary`` out. Nothing here formats or draws.

Test values come from final trials only. Validation values rank search trials only. Arms are
compared within one of ``StudySummary.parts``, which has one data set.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from statistics import fmean, stdev

from morec.metrics import GAINS, metric_name
from morec.results import TrialResult, TrialStatus
from reports.study.garbage_collection import paused_garbage_collection
from tune_space.ledger.records import ArmEntry, Ledger, Manifest, Reference, Role
from tune_space.study.domains import Value

MISSING = "missing"


@dataclass(frozen=True)
class Trial:
    """A trial the study asked for, with its record if it has one."""

    trial_id: str
    arm: str
    role: Role
    seed: int
    params: dict[str, Value]
    """The searched values this trial was given."""
    result: TrialResult | None

    @property
    def status(self) -> str:
        """``completed``, ``pruned``, ``failed``, ``collapsed``, or ``missing`` without a record."""
        return str(self.result.status) if self.result else MISSING

    @property
    def is_completed(self) -> bool:
        """Whether the trial trained to its end."""
        return self.result is not None and self.result.status is TrialStatus.COMPLETED

    @property
    def valid_score(self) -> float | None:
        """The selected validation metric at the best epoch, in [0, 1]."""
        return self.result.best_score() if self.result else None

    def test_value(self, metric: str) -> float | None:
        """The metric on the test split, in [0, 1]; None for a trial that was not tested."""
        test = self.result.test if self.result else None
        return test.value(metric) if test else None

    @property
    def seconds(self) -> float | None:
        """Seconds of the trial, even if it failed; None where it recorded no times."""
        if self.result is None:
            return None
        if self.result.cost is not None:
            return self.result.cost.total_s
        spent = sum(epoch.train_s + epoch.eval_s for epoch in self.result.epochs)
        return spent or None


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
        """The name without its data set, as in the study file's ``baseline`` and ``contrasts``."""
        return self.name.removeprefix(f"{self.entry.dataset}/") if self.entry.dataset else self.name

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
        """The trials whose learning curves are drawn: final ones, or search ones before those."""
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
    key: str = ""
    """The data set this part of a study is about; empty where the study has only one."""

    @cached_property
    def parts(self) -> tuple["StudySummary", ...]:
        """One summary per data set, in the study's order; with one data set, the study itself."""
        present = dict.fromkeys(arm.entry.dataset for arm in self.arms)
        named = [*self.manifest.study.datasets, *present]
        keys = [key for key in dict.fromkeys(named) if key in present]
        return tuple(self._on(key) for key in keys) if len(keys) > 1 else (self,)

    @property
    def is_several(self) -> bool:
        """Whether there is more than one data set."""
        return len(self.parts) > 1

    @property
    def is_quick(self) -> bool:
        """Whether this is the study's quick form, which is not the paper's setting."""
        return self.manifest.study.profile == "quick"

    @property
    def trials(self) -> tuple[Trial, ...]:
        """Every trial asked for, arm by arm, search before final."""
        return tuple(trial for arm in self.arms for trial in arm.trials)

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
        names = (entry.dataset or entry.name for entry in self.manifest.datasets)
        return self.key or ", ".join(names) or "no dataset"

    @property
    def num_users(self) -> int | None:
        """Test users of the final trials, over all data sets.

        Before the first final trial: users of the data.
        """
        if self.is_several:
            return sum(part.num_users or 0 for part in self.parts)
        for arm in self.arms:
            for result in arm.tested.values():
                return result.test.num_users if result.test else None
        return self.manifest.datasets[0].num_targets("test") if self.manifest.datasets else None

    @property
    def num_pending(self) -> int:
        """Final trials still to come."""
        return sum(arm.num_pending for arm in self.arms)

    def arm(self, name: str) -> ArmSummary | None:
        """The arm of that name or label; labels are unique within one data set only."""
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

    def _on(self, key: str) -> "StudySummary":
        arms = tuple(arm for arm in self.arms if arm.entry.dataset == key)
        found = self.manifest.datasets, self.manifest.references
        datasets, references = (tuple(one for one in o if one.dataset == key) for o in found)
        own = {"datasets": datasets, "references": references, "arms": tuple(a.entry for a in arms)}
        metrics = tuple(_metrics(arm.entry for arm in arms))
        manifest = self.manifest.model_copy(update=own)
        return replace(self, manifest=manifest, arms=arms, metrics=metrics, key=key)


def summarise(folder: Path) -> StudySummary:
    """Read a study's ledger, finished or not.

    Raises:
        DataError: the folder holds no study, or a file of it cannot be read.
    """
    ledger = Ledger(folder)
    manifest = ledger.manifest()
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
    return Trial(name, entry.name, role, result.config.seed if result else seed, params, result)


def _metrics(arms: Iterable[ArmEntry]) -> dict[str, None]:
    cutoffs = (k for arm in arms for k in arm.config.evaluation.ks)
    return dict.fromkeys(metric_name(name, k) for k in cutoffs for name in GAINS)
