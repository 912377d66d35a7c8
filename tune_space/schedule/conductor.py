"""Decides which trial runs next and takes in how it ended; knows nothing of Ray.

Per arm: search on validation, one trial after another -> lock the best configuration -> train it
once per seed, and only there look at the test split. Every decision follows from the study and the
ledger, so a new conductor on an old folder goes on where the last one stopped.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Literal

from morec.checkpoints import Checkpoints
from morec.config import TrialConfig
from morec.results import Cost, EpochRecord, Reason, TrialResult, TrialStatus, utc_now
from morec.storage import Storage
from morec.trial_code import trial_code
from morec.trial_log import log_tail
from morec.watchdog import hang_note
from tune_space.ledger.layout import CHECKPOINTS, bound_checkpoints
from tune_space.ledger.records import ArmEntry, Ledger, Manifest, SearchEntry, trials_of
from tune_space.schedule.arm_search import MAX_FAILURES, ArmSearch, best_of
from tune_space.schedule.jobs import ArmState, Job, Role
from tune_space.schedule.plan import Sources
from tune_space.study.expand import Arm, configure, fits
from tune_space.study.spec import StudySpec

Fits = Callable[[Job], bool]
RETRIED = (Reason.PROCESS_LOST, Reason.HOST_MEMORY)
"""Failures that need not happen again: whatever else the machine did had its part in them."""
MAX_TRIES = 3
"""A trial that fails like that is tried so often."""


class Conductor:
    """The state of a running study on the driver; the only writer of its ledger."""

    def __init__(
        self,
        study: StudySpec,
        arms: Sequence[Arm],
        ledger: Ledger,
        sources: Sources,
        manifest: Manifest,
        *,
        only: Sequence[str] = (),
        retry_failed: bool = False,
        storage: Storage | None = None,
    ) -> None:
        self.study = study
        self.storage = storage
        """Where trials leave their checkpoints; None: in the output folder."""
        self.ledger = ledger
        self.sources = sources
        self.manifest = manifest
        self.running: dict[str, Job] = {}
        self.results = ledger.read_all()
        failed = {i for i, r in self.results.items() if r.status is TrialStatus.FAILED}
        self._retry = failed if retry_failed else set()
        self._started = time.monotonic()
        self._elapsed_before = manifest.elapsed_s
        earlier = {entry.name: entry.search for entry in manifest.arms}
        active = [arm for arm in arms if not only or arm.name in only]
        self.arms = [_arm_state(arm, study, earlier.get(arm.name, ())) for arm in active]
        """What this run of the command is about: the arms of ``only``, or all."""
        self._entries_before = _inactive_entries(arms, manifest.arms)
        self._progress: dict[str, tuple[tuple[EpochRecord, ...], Cost]] = {}
        self.failures: Counter[str] = Counter()
        """How often a trial failed in a way that need not happen again, by trial id."""
        for state in self.arms:
            self._advance(state)
        self._bound_checkpoints()
        self.write_manifest("running")

    # ---- what runs next

    def next_job(self, fits: Fits = lambda job: True) -> Job | None:
        """The next trial to start, or None while there is nothing to start that ``fits``."""
        job = self._startable(fits)
        if job is not None:
            self.running[job.trial_id] = job
            self.write_manifest("running")
        return job

    def is_finished(self) -> bool:
        """Whether nothing runs and nothing can be started."""
        return not self.running and self._startable() is None

    def is_out_of_time(self) -> bool:
        """Whether this run of the command has used up ``budget.hours``."""
        hours = self.study.budget.hours
        return hours is not None and time.monotonic() - self._started > hours * 3600

    def is_given_up(self, state: ArmState) -> bool:
        """Whether an arm did nothing but fail ``MAX_FAILURES`` times, in its search or after."""
        finals = [self.results[i].status for i in state.final if self._is_recorded(i)]
        is_in_vain = len(finals) >= MAX_FAILURES and set(finals) == {TrialStatus.FAILED}
        return is_in_vain or (state.is_searched and state.search.is_hopeless())

    def wanted(self) -> set[str]:
        """Ids of every trial the study asks for, as far as they are known."""
        return trials_of(self._entries())

    def num_epochs(self, trial_id: str) -> int:
        """Epochs a running trial has reported."""
        return len(self._progress[trial_id][0]) if trial_id in self._progress else 0

    def _startable(self, fits: Fits = lambda job: True) -> Job | None:
        if self.is_out_of_time():
            return None
        hopeful = (state for state in self.arms if not self.is_given_up(state))
        for state in sorted(hopeful, key=_expected_length, reverse=True):
            for job in state.jobs():
                is_open = job.trial_id not in self.running and not self._is_recorded(job.trial_id)
                if is_open and fits(job):
                    return job
        return None

    def _advance(self, state: ArmState) -> None:
        """Take in recorded search trials and ask for the next, until one is open or all are in."""
        while not state.is_searched:
            state.open_search = state.open_search or self._ask(state)
            if state.open_search is None:
                state.is_searched = True
                self._lock(state)
            elif self._is_recorded(state.open_search.trial_id):
                state.search.tell(self.results[state.open_search.trial_id])
                state.open_search = None
            else:
                return

    def _ask(self, state: ArmState) -> Job | None:
        """The next search trial; None once the budget is spent, the space is exhausted or the arm
        does nothing but fail."""
        if len(state.search.entries) >= state.search.num_trials or state.search.is_hopeless():
            return None
        config = state.search.ask(state.earlier.pop(0).params if state.earlier else None)
        if config is None:
            return None
        job = self._job(state.arm, "search", config)
        state.search.started(job.trial_id)
        return job

    def _lock(self, state: ArmState) -> None:
        """Fix the arm's configuration, if any search trial completed, and plan its final trials."""
        state.locked = best_of(state.search)
        if state.locked is None:
            return
        for seed in self.study.seeds:
            config = configure(state.arm.config, state.locked.params, seed=seed, test=True)
            job = self._job(state.arm, "final", config)
            state.final[job.trial_id] = job

    def _job(self, arm: Arm, role: Role, config: TrialConfig) -> Job:
        sources = self.sources(config)
        return Job(config.trial_id(sources), arm.name, role, config, sources)

    def _is_recorded(self, trial_id: str) -> bool:
        return trial_id in self.results and trial_id not in self._retry

    # ---- what came of it

    def report(self, trial_id: str, epochs: tuple[EpochRecord, ...], cost: Cost) -> bool:
        """Take in a trial's epochs so far; True if it should stop because its arm does better."""
        self._progress[trial_id] = (epochs, cost)
        job = self.running[trial_id]
        if job.role == "final":
            return False
        select = job.config.evaluation.select
        scores = [(record.epoch, record.valid[select]) for record in epochs]
        search = next(state.search for state in self.arms if state.arm.name == job.arm)
        return search.should_prune(trial_id, scores)

    def finish(self, result: TrialResult) -> None:
        """Record a trial's end and remove its checkpoints, unless it is to be tried again."""
        if result.reason in RETRIED:
            self.failures[result.trial_id] += 1
            if self.failures[result.trial_id] < MAX_TRIES:
                del self.running[result.trial_id]
                self.write_manifest("running")
                return
        self._record(result)

    def _record(self, result: TrialResult) -> None:
        self.ledger.write(result)
        self.results[result.trial_id] = result
        self._retry.discard(result.trial_id)
        del self.running[result.trial_id]
        if not self.study.keep_checkpoints:
            self.checkpoints(result.trial_id).remove()
        for state in self.arms:
            self._advance(state)
        self._bound_checkpoints()
        self.write_manifest("running")

    def _bound_checkpoints(self) -> None:
        """Of trials that will not go on, checkpoints stay only if asked for, and while they fit."""
        folder = self.ledger.folder / CHECKPOINTS
        for path in folder.glob("*"):
            if self._is_recorded(path.name) and not self.study.keep_checkpoints:
                Checkpoints(path).remove()
        going_on = {i for i in self.wanted() if not self._is_recorded(i)} | self.running.keys()
        bound_checkpoints(folder, going_on, self.study.checkpoints_gb * 1e9)

    def prune(self, trial_id: str) -> None:
        """Record a trial that was stopped early, with what it reported."""
        self._record(self._result(trial_id, TrialStatus.PRUNED))

    def lose(self, trial_id: str, reason: Reason, error: str) -> None:
        """Take in the end of a trial that could not send a record itself.

        One that was ended because it hung would do so again.
        """
        folder = self.checkpoints(trial_id).path.parent
        if hang := hang_note(folder):
            minutes = self.study.resources.silence_minutes
            error = f"no epoch ended within {minutes:g} minutes; it hung here:\n{hang}"
            reason = Reason.HUNG
        told = {"reason": reason, "error": error, "log_tail": log_tail(folder)}
        self.finish(self._result(trial_id, TrialStatus.FAILED, **told))

    def _result(self, trial_id: str, status: TrialStatus, **told: Any) -> TrialResult:
        """The record of a trial that did not write its own, with what it reported."""
        job = self.running[trial_id]
        epochs, cost = self._progress.get(trial_id, ((), None))
        return TrialResult(
            trial_id=trial_id,
            config=job.config,
            sources=dict(job.sources),
            status=status,
            epochs=epochs,
            cost=cost,
            code=trial_code(job.config),
            finished_at=utc_now(),
            **told,
        )

    def checkpoints(self, trial_id: str) -> Checkpoints:
        """A trial's checkpoints while it runs."""
        storage = self.storage and self.storage.within(CHECKPOINTS, trial_id)
        return Checkpoints(self.ledger.folder / CHECKPOINTS / trial_id, storage)

    # ---- what is written down

    def write_manifest(self, state: Literal["running", "finished", "interrupted"]) -> None:
        """Write down the study as it stands."""
        arms = self._entries()
        self.manifest = self.manifest.model_copy(
            update={
                "state": state,
                "updated_at": utc_now(),
                "arms": arms,
                "running": tuple(self.running),
                "orphaned": tuple(sorted(set(self.results) - trials_of(arms))),
                "elapsed_s": self._elapsed_before + time.monotonic() - self._started,
            }
        )
        self.ledger.write_manifest(self.manifest)

    def _entries(self) -> tuple[ArmEntry, ...]:
        """Every arm of the study: those of this run as they stand, the others as they were."""
        now = {state.arm.name: self._entry(state) for state in self.arms}
        return tuple((self._entries_before | now).values())

    def _entry(self, state: ArmState) -> ArmEntry:
        return ArmEntry(
            name=state.arm.name,
            dataset=state.arm.dataset,
            group=state.arm.group,
            config=state.arm.config,
            search=(*state.search.entries, *state.earlier),
            locked=state.locked,
            importance=state.search.importance() if state.is_searched else {},
            final=tuple(state.final),
        )


def _arm_state(arm: Arm, study: StudySpec, earlier: Sequence[SearchEntry]) -> ArmState:
    search = ArmSearch(arm, study)
    fitting = [entry for entry in earlier if fits(arm, entry.params)]
    return ArmState(arm, search, earlier=fitting[: search.num_trials])


def _inactive_entries(arms: Sequence[Arm], earlier: Sequence[ArmEntry]) -> dict[str, ArmEntry]:
    """Every arm as an earlier run left it; blank where there is none, or it was another arm."""
    before = {entry.name: entry for entry in earlier}
    entries = {}
    for arm in arms:
        blank = ArmEntry(name=arm.name, dataset=arm.dataset, group=arm.group, config=arm.config)
        entry = before.get(arm.name, blank)
        entries[arm.name] = entry if entry.config == arm.config else blank
    return entries


def _expected_length(state: ArmState) -> bool:
    """Arms that train an encoder take longest and start first, so that no core idles at the end."""
    return state.arm.config.item.trains_encoder
