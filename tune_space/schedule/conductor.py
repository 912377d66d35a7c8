"""Decides which trial runs next and takes in how it ended; knows nothing of Ray.

Per arm: search on validation, one round of trials after another -> lock the best configuration ->
train it once per seed, and only there look at the test split. Every decision follows from the study
and the ledger, so a new conductor on an old folder goes on where the last one stopped.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from morec.results import Cost, EpochRecord, Reason, TrialResult, TrialStatus
from tune_space.ledger.manifest import ArmEntry, Manifest, trials_of
from tune_space.schedule.arm_plan import ArmPlan
from tune_space.schedule.arm_state import ArmState
from tune_space.schedule.checkpoint_keeper import CheckpointKeeper
from tune_space.schedule.earlier import blank_entry, earlier_entry
from tune_space.schedule.ensemble_state import EnsembleState
from tune_space.schedule.jobs import Job, Sources
from tune_space.schedule.manifest_writer import ManifestWriter
from tune_space.schedule.outcomes import Outcomes, explain_loss
from tune_space.schedule.starting_order import starting_order
from tune_space.study.arm import Arm

Admits = Callable[[Job], bool]
"""Whether a trial may start now, in addition to those that run."""


class Conductor:
    """The state of a running study on the driver; nothing is written before ``start``.

    ``arms`` are all arms of the study; this run is about those that ``only`` names, or about all.
    """

    def __init__(
        self,
        writer: ManifestWriter,
        *,
        arms: Sequence[Arm],
        sources: Sources,
        checkpoints: CheckpointKeeper,
        only: Sequence[str] = (),
        retry_failed: bool = False,
    ) -> None:
        self.writer = writer
        self.checkpoints = checkpoints
        self.study = writer.manifest.study
        self.running: dict[str, Job] = {}
        self._outcomes = Outcomes(writer.ledger.read_all(), retry_failed=retry_failed)
        self.results = self._outcomes.records
        self.failures = self._outcomes.failures
        entries = writer.manifest.arms
        wanted = [arm for arm in arms if not only or arm.name in only]
        size = writer.manifest.round_size
        states = {
            arm.name: ArmState(
                arm, self.study, sources, earlier_entry(arm, entries).search, round_size=size
            )
            for arm in wanted
            if not arm.members
        }
        for arm in wanted:
            if arm.members:
                members = [states[member.name] for member in arm.members]
                states[arm.name] = EnsembleState(arm, self.study, sources, members)
        self.arms = [states[arm.name] for arm in wanted]
        """The arms of this run."""
        self._starting_order = starting_order(wanted, self.study.contrasts)
        self._waiting = [arm for arm in arms if arm.members and arm.name not in states]
        """Arms that join others' models, in a later run."""
        self._earlier_entries = _earlier_entries(arms, entries)
        self._advance()

    @property
    def manifest(self) -> Manifest:
        """The manifest as last written."""
        return self.writer.manifest

    def start(self) -> None:
        """Begin this run: delete checkpoints that no trial continues from, write the manifest."""
        self._tidy_checkpoints()
        self.write_manifest("running")

    def next_job(self, admits: Admits = lambda job: True) -> Job | None:
        """The next trial to start, or None while there is none that ``admits`` lets start."""
        job = next(filter(admits, self._startable()), None)
        if job is not None:
            self.running[job.trial_id] = job
            self.write_manifest("running")
        return job

    def is_finished(self) -> bool:
        """Whether nothing runs and nothing can be started in this run of the command."""
        return not self.running and not any(self._startable())

    def is_complete(self) -> bool:
        """Whether nothing runs and a later run could start nothing either."""
        return not self.running and not any(self._open_jobs())

    def num_startable(self) -> int:
        """How many trials may start now, as far as processors and memory allow."""
        return sum(1 for _ in self._startable())

    def is_out_of_time(self) -> bool:
        """Whether this run of the command has used up ``budget.hours``."""
        hours = self.study.budget.hours
        return hours is not None and self.writer.seconds_of_run() > hours * 3600

    def plan(self, state: ArmState) -> ArmPlan:
        """What is left of an arm."""
        return state.plan(self._outcomes.states)

    def wanted(self) -> set[str]:
        """Ids of every trial the study asks for, as far as they are known."""
        return trials_of(self._entries())

    def num_epochs(self, trial_id: str) -> int:
        """Epochs a running trial has reported."""
        return self._outcomes.num_epochs(trial_id)

    def report(self, trial_id: str, epochs: tuple[EpochRecord, ...], cost: Cost) -> bool:
        """Take in a trial's epochs so far; True if it should stop because its arm does better.

        Epochs after the one that decides it do not count: they ran while nobody could say stop.
        """
        self._outcomes.report(trial_id, epochs, cost)
        job = self.running[trial_id]
        if job.role == "final":
            return False
        select = job.config.evaluation.select
        scores = [(record.epoch, record.valid[select]) for record in epochs]
        search = next(state.search for state in self.arms if state.arm.name == job.arm)
        weak = search.weak_epoch(trial_id, scores)
        if weak is not None:
            self._outcomes.report(trial_id, epochs[:weak], cost)
        return weak is not None

    def finish(self, result: TrialResult) -> None:
        """Record a trial's end and remove its checkpoints, unless the trial is to run again."""
        if self._outcomes.is_repeated(result):
            del self.running[result.trial_id]
            self.write_manifest("running")
        else:
            self._record(result)

    def prune(self, trial_id: str) -> None:
        """Record a trial that was stopped early, with what it reported."""
        self._record(self._outcomes.make_record(self.running[trial_id], TrialStatus.PRUNED))

    def lose(self, trial_id: str, reason: Reason, error: str) -> None:
        """Take in the end of a trial that could not send a record itself."""
        job = self.running[trial_id]
        folder = self.checkpoints.of(trial_id).path.parent
        why = explain_loss(folder, reason, error, self.study.resources.silence_minutes)
        self.finish(self._outcomes.make_record(job, TrialStatus.FAILED, **why))

    def write_manifest(
        self,
        state: Literal["running", "finished", "interrupted"],
        interrupted_by: str | None = None,
    ) -> None:
        """Write down the study as it is now."""
        self.writer.write_manifest(
            state,
            arms=self._entries(),
            running=self.running,
            recorded=self.results,
            interrupted_by=interrupted_by,
        )

    def _startable(self) -> Iterator[Job]:
        return iter(()) if self.is_out_of_time() else self._open_jobs()

    def _open_jobs(self) -> Iterator[Job]:
        """Trials that neither run nor have ended, in the order of their start."""
        states = self._outcomes.states
        hopeful = {s.arm.name: s for s in self.arms if not self.plan(s).is_given_up}
        for name in self._starting_order:
            for job in hopeful[name].jobs() if name in hopeful else ():
                if job.trial_id not in self.running and not states.is_done(job.trial_id):
                    yield job

    def _record(self, result: TrialResult) -> None:
        self.writer.ledger.write(result)
        self._outcomes.add(result)
        del self.running[result.trial_id]
        self._advance()
        if result.trial_id not in self._needed():
            self.checkpoints.end(result.trial_id)
        self._tidy_checkpoints()
        self.write_manifest("running")

    def _advance(self) -> None:
        # Arms with members come last: they follow from how far their members are.
        for state in sorted(self.arms, key=lambda state: bool(state.arm.members)):
            state.advance(self._outcomes.states)

    def _needed(self) -> set[str]:
        """Ended trials whose checkpoints open trials of other arms read, in this run or a later."""
        states = self._outcomes.states
        needed = {trial_id for state in self.arms for trial_id in state.needed(states)}
        entries = {entry.name: entry for entry in self._entries()} if self._waiting else {}
        for arm in self._waiting:
            final = entries[arm.name].final
            if not final or not all(map(states.is_done, final)):
                needed.update(i for one in arm.members for i in entries[one.name].final)
        return needed

    def _tidy_checkpoints(self) -> None:
        is_done = self._outcomes.states.is_done
        open_trials = {trial_id for trial_id in self.wanted() if not is_done(trial_id)}
        self.checkpoints.tidy(open_trials | self.running.keys() | self._needed(), is_done)

    def _entries(self) -> tuple[ArmEntry, ...]:
        """Every arm of the study: those of this run as they are now, the others as they were."""
        now = {state.arm.name: state.entry() for state in self.arms}
        return tuple((self._earlier_entries | now).values())


def _earlier_entries(arms: Sequence[Arm], earlier: Sequence[ArmEntry]) -> dict[str, ArmEntry]:
    """Every arm as an earlier run left it; blank where there is none, or it was another arm."""
    before = {entry.name: entry for entry in earlier}
    entries = {}
    for arm in arms:
        blank = blank_entry(arm)
        entry = before.get(arm.name, blank)
        kept = entry if entry.config == arm.config else blank
        entries[arm.name] = kept.model_copy(update={"num_points": blank.num_points})
    return entries
