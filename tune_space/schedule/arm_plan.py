"""What is left of one arm: its trials, counted by what running the study would do with them.

The plan, the conductor, the live progress, the status and the report all ask ``plan_arm``.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import fmean

from morec.results import TrialResult, TrialStatus
from tune_space.ledger.layout import CHECKPOINTS
from tune_space.ledger.manifest import ArmEntry, Manifest
from tune_space.ledger.records import Ledger
from tune_space.schedule.jobs import within_budget
from tune_space.study.spec import StudySpec

MAX_FAILURES = 5
"""An arm is given up once a round of its search ends and so many search trials or more have all
failed, or once its first so many final trials have. How far others of the round, or later final
trials, have come depends on the machine, and says nothing."""


class State(StrEnum):
    """What running the study would do with a trial."""

    DONE = "done"
    """It has a record; a failed trial too, unless failed trials are to be retried."""
    CONTINUE = "to continue"
    """It was started and has no record."""
    RETRY = "to retry"
    NEW = "new"


@dataclass(frozen=True)
class TrialStates:
    """What has become of the trials of a study so far."""

    records: Mapping[str, TrialResult]
    started: Collection[str] = ()
    """Ids of trials that were started, with or without a record."""
    to_retry: Collection[str] = ()
    """Ids of failed trials that are to run again."""

    @classmethod
    def read(
        cls, ledger: Ledger, manifest: Manifest | None, *, retry_failed: bool = False
    ) -> "TrialStates":
        """The states that earlier runs left in an output folder; ``DataError`` as ``read_all``."""
        records = ledger.read_all()
        checkpoints = {folder.name for folder in (ledger.folder / CHECKPOINTS).glob("*")}
        running = manifest.running if manifest else ()
        return cls(records, checkpoints.union(running), failed_ids(records, retry_failed))

    def of(self, trial_id: str) -> State:
        """What running the study would do with one trial."""
        if trial_id not in self.records:
            return State.CONTINUE if trial_id in self.started else State.NEW
        return State.RETRY if trial_id in self.to_retry else State.DONE

    def is_done(self, trial_id: str) -> bool:
        """Whether the trial will not run again."""
        return self.of(trial_id) is State.DONE


def failed_ids(records: Mapping[str, TrialResult], retry_failed: bool) -> set[str]:
    """Ids of the failed trials that ``--retry-failed`` runs again; none without it."""
    return {i for i, r in records.items() if retry_failed and r.status is TrialStatus.FAILED}


@dataclass(frozen=True)
class ArmTrials:
    """The trials of one arm, as far as they are known."""

    name: str
    search: Sequence[str]
    """Ids of the search trials asked for so far, in order; at most ``budget`` of them count."""
    final: Sequence[str]
    """Ids of the final trials that are known: those of the best search trial so far; at most
    ``num_seeds`` of them count."""
    budget: int
    """Search trials that the arm gets: no more than its space has points."""
    num_seeds: int
    is_searched: bool = False
    """Whether the search has ended."""
    may_lock: bool = True
    """False: an arm whose models it joins has ended without a choice, so that it has none."""
    identity: str = field(default="", repr=False, compare=False)
    """The same text in arms that share all their trials; see ``Arm``."""

    @classmethod
    def of_entry(cls, entry: ArmEntry, study: StudySpec) -> "ArmTrials":
        """The trials that a manifest names for an arm of its own study."""
        searches = entry.locked is None or entry.locked.trial_id != ""
        return cls(
            name=entry.name,
            search=[trial.trial_id for trial in entry.search],
            final=entry.final,
            budget=within_budget(study, entry.num_points) if searches else 0,
            num_seeds=len(study.seeds),
            is_searched=entry.locked is not None,
            identity=entry.identity,
        )


@dataclass(frozen=True)
class ArmPlan:
    """One arm's trials, counted by state."""

    name: str
    search: Mapping[State, int]
    final: Mapping[State, int]
    is_locked: bool
    """Whether the search has ended; before that, all final trials count as new."""
    mean_s: float | None
    """Mean seconds of the arm's trials that ended and did not fail."""
    is_given_up: bool = False
    """Whether the arm did nothing but fail (``MAX_FAILURES``): nothing more of it runs."""
    identity: str = field(default="", repr=False, compare=False)
    """As in ``ArmTrials``."""

    @property
    def num_done(self) -> int:
        """Trials of the arm that will not run again."""
        return self.search.get(State.DONE, 0) + self.final.get(State.DONE, 0)

    @property
    def num_left(self) -> int:
        """Trials of the arm that would run."""
        return sum(self.search.values()) + sum(self.final.values()) - self.num_done


def plan_arm(trials: ArmTrials, states: TrialStates) -> ArmPlan:
    """Count an arm's trials by what running the study would do with them.

    The search ends when every trial of its budget is done, when nothing else is left to try, or
    when the arm is given up. Final trials follow only if a search trial completed, or if nothing is
    searched.
    """
    search = trials.search[: trials.budget]
    searched = _done(search, states)
    is_over = len(searched) == len(search)
    is_hopeless = is_over and _nothing_but_failures(searched)
    is_asked = trials.is_searched or len(search) == trials.budget
    is_locked = is_hopeless or (is_asked and is_over)
    is_completed = any(record.status is TrialStatus.COMPLETED for record in searched)
    has_choice = trials.may_lock and (is_completed or not trials.budget)
    final = trials.final[: trials.num_seeds] if is_locked and has_choice else ()
    num_final = trials.num_seeds if has_choice or not is_locked else 0
    tested = _done(final, states)
    is_given_up = is_hopeless or _nothing_but_failures(_done(final[:MAX_FAILURES], states))
    num_unasked = 0 if is_asked else trials.budget - len(search)
    counted = {State.DONE} if is_given_up else set(State)
    return ArmPlan(
        name=trials.name,
        search=_count(search, states, num_unasked, counted),
        final=_count(final, states, num_final - len(final), counted),
        is_locked=is_locked,
        mean_s=_mean_seconds([*searched, *tested]),
        is_given_up=is_given_up,
        identity=trials.identity,
    )


def distinct(plans: Iterable[ArmPlan]) -> list[ArmPlan]:
    """One plan of each group of arms that share their trials: the one with most of them done.

    Such are the conditions of one arm that leave it as it is. Totals of a study count them once.
    """
    found: dict[str, ArmPlan] = {}
    for plan in plans:
        key = plan.identity or plan.name
        if key not in found or found[key].num_done < plan.num_done:
            found[key] = plan
    return list(found.values())


def _done(trial_ids: Sequence[str], states: TrialStates) -> list[TrialResult]:
    return [states.records[i] for i in trial_ids if states.is_done(i)]


def _nothing_but_failures(records: Sequence[TrialResult]) -> bool:
    is_failure = (record.status is TrialStatus.FAILED for record in records)
    return len(records) >= MAX_FAILURES and all(is_failure)


def _count(
    trial_ids: Sequence[str], states: TrialStates, num_new: int, counted: Collection[State]
) -> dict[State, int]:
    counts = Counter(map(states.of, trial_ids)) + Counter({State.NEW: num_new})
    return {state: counts[state] for state in State if counts[state] and state in counted}


def _mean_seconds(records: Sequence[TrialResult]) -> float | None:
    seconds = [r.cost.total_s for r in records if r.cost and r.status is not TrialStatus.FAILED]
    return fmean(seconds) if seconds else None
