"""What is left of a study: the trials it asks for, compared with the ledger. Starts nothing."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from statistics import fmean

from morec.config import TrialConfig
from morec.results import TrialResult, TrialStatus
from tune_space.ledger.layout import CHECKPOINTS
from tune_space.ledger.records import ArmEntry, Ledger, Manifest, best_trial
from tune_space.schedule.changes import History, edits
from tune_space.study.expand import Arm, configure, fits
from tune_space.study.spec import StudySpec, Value

Sources = Callable[[TrialConfig], Mapping[str, str]]
"""Hashes of the data and weights a configuration points at."""


class State(StrEnum):
    """What running the study would do with a trial."""

    DONE = "done"
    """It has a record; a failed trial too, unless failed trials are to be retried."""
    CONTINUE = "to continue"
    """It was started and has no record."""
    RETRY = "to retry"
    NEW = "new"


@dataclass(frozen=True)
class ArmPlan:
    """One arm's trials, counted by state."""

    name: str
    search: Mapping[State, int]
    final: Mapping[State, int]
    is_locked: bool
    """Whether the final trials' configuration is known; before, they count as new."""
    mean_s: float | None
    """Mean seconds of the arm's finished trials."""

    @property
    def num_left(self) -> int:
        """Trials of the arm that would run."""
        return sum(
            count
            for counts in (self.search, self.final)
            for state, count in counts.items()
            if state is not State.DONE
        )


@dataclass(frozen=True)
class Plan:
    """What running the study would do."""

    study: str
    arms: tuple[ArmPlan, ...]
    orphaned: tuple[str, ...]
    """Records that the study does not ask for any more, by trial id."""
    edits: tuple[str, ...] = ()
    """What changed since the last run, and what each change does."""

    @property
    def num_left(self) -> int:
        """Trials that would run."""
        return sum(arm.num_left for arm in self.arms)

    def seconds_left(self, num_parallel: int) -> float | None:
        """Wall-clock seconds at ``num_parallel`` trials at a time; None if nothing has finished.

        Each trial is expected to take its arm's mean or, without one, the mean of the arms' means.
        """
        known = [arm.mean_s for arm in self.arms if arm.mean_s is not None]
        if not known:
            return None if self.num_left else 0.0
        means = [fmean(known) if arm.mean_s is None else arm.mean_s for arm in self.arms]
        left = (arm.num_left * mean for arm, mean in zip(self.arms, means, strict=True))
        return sum(left) / num_parallel

    def restricted(self, names: Sequence[str]) -> "Plan":
        """The same plan for some arms only; for all of them if no names are given."""
        kept = tuple(arm for arm in self.arms if not names or arm.name in names)
        return replace(self, arms=kept)


def make_plan(
    study: StudySpec,
    arms: Sequence[Arm],
    ledger: Ledger,
    sources: Sources,
    *,
    resting: Collection[str] = (),
    retry_failed: bool = False,
) -> Plan:
    """Compare the trials a study asks for with those recorded or started.

    ``sources`` is not asked about ``resting`` arms, whose data may not be there: of their trials
    only those count as known that an earlier run asked for.

    Raises:
        DataError: a record or the manifest cannot be read.
    """
    manifest = ledger.read_manifest()
    facts = _Facts.of(ledger, manifest, retry_failed)
    outlooks = [
        _look_back(study, arm, facts) if arm.name in resting else _look(study, arm, facts, sources)
        for arm in arms
    ]
    at_hand = {arm.name: sources(arm.config) for arm in arms if arm.name not in resting}
    wanted = {trial_id for outlook in outlooks for trial_id in outlook.trial_ids}
    return Plan(
        study=study.name,
        arms=tuple(outlook.plan(facts) for outlook in outlooks),
        orphaned=tuple(sorted(facts.records.keys() - wanted)),
        edits=tuple(edits(study, arms, History(manifest, facts.records), at_hand))
        if manifest
        else (),
    )


@dataclass(frozen=True)
class _Facts:
    """What earlier runs left behind."""

    records: Mapping[str, TrialResult]
    started: frozenset[str]
    entries: Mapping[str, ArmEntry]
    earlier_budget: int
    """Search trials per arm that the last run asked for."""
    retry_failed: bool

    @classmethod
    def of(cls, ledger: Ledger, manifest: Manifest | None, retry_failed: bool) -> "_Facts":
        entries = {entry.name: entry for entry in manifest.arms} if manifest else {}
        asked = {search.trial_id for entry in entries.values() for search in entry.search}
        checkpoints = {folder.name for folder in (ledger.folder / CHECKPOINTS).glob("*")}
        budget = manifest.study.budget.trials if manifest else 0
        started = frozenset(asked | checkpoints)
        return cls(ledger.read_all(), started, entries, budget, retry_failed)

    def state(self, trial_id: str) -> State:
        record = self.records.get(trial_id)
        if record is None:
            return State.CONTINUE if trial_id in self.started else State.NEW
        is_failed = record.status is TrialStatus.FAILED
        return State.RETRY if is_failed and self.retry_failed else State.DONE


@dataclass(frozen=True)
class _Outlook:
    """One arm's trials as far as their identities are known, and how many more will come."""

    arm: Arm
    search: tuple[str, ...]
    num_unasked: int
    final: tuple[str, ...]
    num_undecided: int
    """Final trials that wait for the end of the search."""
    earlier_final: tuple[str, ...]
    """Final trials of an earlier choice that the search may well confirm."""

    @property
    def trial_ids(self) -> tuple[str, ...]:
        return (*self.search, *self.final, *self.earlier_final)

    def plan(self, facts: _Facts) -> ArmPlan:
        return ArmPlan(
            name=self.arm.name,
            search=_count(map(facts.state, self.search), self.num_unasked),
            final=_count(map(facts.state, self.final), self.num_undecided),
            is_locked=self.num_undecided == 0,
            mean_s=mean_seconds(facts.records.get(i) for i in (*self.search, *self.final)),
        )


def _look(study: StudySpec, arm: Arm, facts: _Facts, sources: Sources) -> _Outlook:
    num_trials = study.budget.trials if arm.space else 0
    entry = facts.entries.get(arm.name)
    points = [e.params for e in entry.search if fits(arm, e.params)] if entry else []
    searched = {
        _trial_id(arm, params, sources, seed=study.search_seed, test=False): params
        for params in points[:num_trials]
    }
    is_over = len(searched) == num_trials or _is_exhausted(entry, facts, len(searched))
    is_over = is_over and all(facts.state(trial_id) is State.DONE for trial_id in searched)
    choice = _best(searched, facts) if searched else arm.start
    seeds = study.seeds if is_over and choice is not None else ()
    is_same = entry is not None and entry.config == arm.config
    return _Outlook(
        arm=arm,
        search=tuple(searched),
        num_unasked=0 if is_over else num_trials - len(searched),
        final=tuple(_trial_id(arm, choice or {}, sources, seed=s, test=True) for s in seeds),
        num_undecided=0 if is_over else len(study.seeds),
        earlier_final=entry.final if entry and is_same and not is_over else (),
    )


def _look_back(study: StudySpec, arm: Arm, facts: _Facts) -> _Outlook:
    """An arm's trials by what an earlier run wrote down, without its data."""
    entry = facts.entries.get(arm.name)
    is_same = entry is not None and entry.config == arm.config
    num_trials = study.budget.trials if arm.space else 0
    searched = (
        [e.trial_id for e in entry.search if fits(arm, e.params)] if entry and is_same else []
    )
    final = entry.final[: len(study.seeds)] if entry and is_same else ()
    return _Outlook(
        arm=arm,
        search=tuple(searched[:num_trials]),
        num_unasked=max(0, num_trials - len(searched)) if not final else 0,
        final=final,
        num_undecided=len(study.seeds) - len(final),
        earlier_final=(),
    )


def _is_exhausted(entry: ArmEntry | None, facts: _Facts, num_searched: int) -> bool:
    """Whether an earlier run found nothing else to try and locked its choice."""
    is_locked = entry is not None and entry.locked is not None
    return is_locked and 0 < num_searched < facts.earlier_budget


def _best(searched: Mapping[str, Mapping[str, Value]], facts: _Facts) -> Mapping[str, Value] | None:
    records = (facts.records[trial_id] for trial_id in searched if trial_id in facts.records)
    best = best_trial(records)
    return None if best is None else searched[best.trial_id]


def _trial_id(
    arm: Arm, params: Mapping[str, Value], sources: Sources, *, seed: int, test: bool
) -> str:
    config = configure(arm.config, params, seed=seed, test=test)
    return config.trial_id(sources(config))


def _count(states: Iterable[State], num_new: int) -> Mapping[State, int]:
    counts = Counter(states)
    counts[State.NEW] += num_new
    return {state: counts[state] for state in State if counts[state]}


def mean_seconds(records: Iterable[TrialResult | None]) -> float | None:
    """Mean seconds of the trials that did not fail; None if there are none."""
    seconds = [
        record.cost.total_s
        for record in records
        if record and record.cost and record.status is not TrialStatus.FAILED
    ]
    return fmean(seconds) if seconds else None
