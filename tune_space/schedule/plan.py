"""What is left of a study: the trials it asks for, compared with the ledger. Starts nothing."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from tune_space.ledger.manifest import ArmEntry, Manifest
from tune_space.ledger.records import Ledger, best_trial
from tune_space.schedule.arm_plan import ArmPlan, ArmTrials, TrialStates, distinct, plan_arm
from tune_space.schedule.earlier import earlier_entry
from tune_space.schedule.jobs import Sources, search_budget
from tune_space.study.arm import MEMBERS, Arm, fits
from tune_space.study.domains import Value
from tune_space.study.expand import configure
from tune_space.study.spec import StudySpec


@dataclass(frozen=True)
class Plan:
    """What running the study would do."""

    study: str
    arms: tuple[ArmPlan, ...]
    orphaned: tuple[str, ...]
    """Records that the study does not ask for any more, by trial id."""
    edits: tuple[str, ...] = ()
    """What changed since the last run, and what each change does; see ``find_changes``."""

    @property
    def num_left(self) -> int:
        """Trials that would run; those that arms share run once."""
        return sum(arm.num_left for arm in distinct(self.arms))

    def seconds_left(self, num_concurrent: int) -> float | None:
        """Wall-clock seconds at ``num_concurrent`` trials at a time; None if nothing has finished.

        Each trial is expected to take its arm's mean or, without one, the mean of the arms' means.
        """
        known = [arm.mean_s for arm in self.arms if arm.mean_s is not None]
        if not known:
            return None if self.num_left else 0.0
        arms, usual = distinct(self.arms), fmean(known)
        left = (arm.num_left * (usual if arm.mean_s is None else arm.mean_s) for arm in arms)
        return sum(left) / num_concurrent

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
    inactive: Collection[str] = (),
    retry_failed: bool = False,
) -> Plan:
    """Compare the trials a study asks for with those recorded or started.

    ``sources`` is not asked about ``inactive`` arms, whose data may be missing. Their trials are
    those that an earlier run wrote down.

    Raises:
        DataError: a record or the manifest cannot be read.
    """
    manifest = ledger.read_manifest()
    states = TrialStates.read(ledger, manifest, retry_failed=retry_failed)
    earlier = _EarlierRun(study, manifest, states)
    plans, wanted = [], set[str]()
    for arm in arms:
        trials = earlier.trials(arm) if arm.name in inactive else earlier.trials_now(arm, sources)
        plans.append(plan_arm(trials, states))
        final = trials.final if plans[-1].is_locked else earlier.final(arm)
        wanted.update(trials.search, final)
    orphaned = tuple(sorted(states.records.keys() - wanted))
    return Plan(study=study.name, arms=tuple(plans), orphaned=orphaned)


@dataclass(frozen=True)
class _EarlierRun:
    """What an earlier run wrote down of the trials that ``study`` asks for."""

    study: StudySpec
    manifest: Manifest | None
    states: TrialStates

    def entry(self, arm: Arm) -> ArmEntry:
        """The arm in the manifest; a blank one where it is not there."""
        return earlier_entry(arm, self.manifest.arms if self.manifest else ())

    def final(self, arm: Arm) -> tuple[str, ...]:
        """Final trials of an earlier choice, which the search may well confirm."""
        entry, records = self.entry(arm), self.states.records
        if entry.config != arm.config:
            return ()
        seeds = {i: records[i].config.seed for i in entry.final if i in records}
        kept = (i for i in entry.final if i not in seeds or seeds[i] in self.study.seeds)
        return tuple(kept)[: len(self.study.seeds)]

    def trials(self, arm: Arm) -> ArmTrials:
        """An arm's trials by what was written down, without a look at its data."""
        entry = self.entry(arm)
        written = entry.search if entry.config == arm.config else ()
        search = [e.trial_id for e in written if fits(arm, e.params)]
        members = [self.trials(one) for one in arm.members]
        return self._trials(arm, search, self.final(arm), members)

    def trials_now(self, arm: Arm, sources: Sources) -> ArmTrials:
        """An arm's trials with the identities that its configuration and data give them now."""

        def identify(params: Mapping[str, Value], seed: int, *, test: bool) -> str:
            config = configure(arm, params, seed=seed, test=test)
            return config.trial_id(sources(config))

        study, search = self.study, self._search(arm, sources)
        choice = self._choice(arm, sources)
        seeds = () if choice is None else study.seeds
        final = [identify(choice or {}, seed, test=True) for seed in seeds]
        members = [self.trials_now(one, sources) for one in arm.members]
        return self._trials(arm, [*search], final, members)

    def _search(self, arm: Arm, sources: Sources) -> dict[str, Mapping[str, Value]]:
        """The arm's search trials as they are now: trial id -> searched values."""
        points = [e.params for e in self.entry(arm).search if fits(arm, e.params)]
        kept = points[: search_budget(self.study, arm)]
        seed = self.study.search_seed
        configs = [configure(arm, params, seed=seed, test=False) for params in kept]
        return {c.trial_id(sources(c)): p for c, p in zip(configs, kept, strict=True)}

    def _choice(self, arm: Arm, sources: Sources) -> Mapping[str, Value] | None:
        """The values that the search has led to so far; None where it has led to nothing."""
        if arm.members:
            chosen = [self._choice(member, sources) for member in arm.members]
            return None if None in chosen else {MEMBERS: chosen}
        search, records = self._search(arm, sources), self.states.records
        best = best_trial(records[trial_id] for trial_id in search if trial_id in records)
        return search[best.trial_id] if best else None if search else arm.start

    def _trials(
        self, arm: Arm, search: Sequence[str], final: Sequence[str], members: Sequence[ArmTrials]
    ) -> ArmTrials:
        plans = [plan_arm(one, self.states) for one in members]
        return ArmTrials(
            name=arm.name,
            search=search,
            final=final,
            budget=search_budget(self.study, arm),
            num_seeds=len(self.study.seeds),
            may_lock=not any(plan.is_locked and not plan.final for plan in plans),
            identity=arm.identity,
        )
