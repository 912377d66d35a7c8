"""What runs next in an arm that joins other arms' models: it waits for theirs."""

from collections.abc import Sequence

from tune_space.ledger.manifest import SearchEntry
from tune_space.schedule.arm_plan import TrialStates
from tune_space.schedule.arm_state import ArmState
from tune_space.schedule.jobs import Job, Sources
from tune_space.study.arm import MEMBERS, Arm
from tune_space.study.spec import StudySpec


class EnsembleState(ArmState):
    """An arm with members: locked to what they are locked to, trial by trial after theirs.

    A trial starts once its members' final trials have ended, in whatever way. It reads their
    checkpoints, which stay until then. Where a member failed, it fails likewise and says so.
    """

    def __init__(
        self, arm: Arm, study: StudySpec, sources: Sources, members: Sequence[ArmState]
    ) -> None:
        super().__init__(arm, study, sources)
        self._members = members
        self._waiting: dict[str, set[str]] = {}
        """Final trial -> its members' trials that have not ended."""

    def advance(self, states: TrialStates) -> None:
        """Lock once all members are locked; then see whose members have ended."""
        if not all(one.is_searched for one in self._members):
            return
        super().advance(states)
        closed = {i for one in self._members if one.plan(states).is_given_up for i in one.final}
        self._waiting = {
            trial_id: {i for i in self._trials_of(job) - closed if not states.is_done(i)}
            for trial_id, job in self.final.items()
        }

    def jobs(self) -> list[Job]:
        """The arm's trials whose members have ended, in order."""
        return [job for trial_id, job in self.final.items() if not self._waiting.get(trial_id)]

    def needed(self, states: TrialStates) -> set[str]:
        """The members' trials that open trials read; before the choice, all that are known."""
        if not self.is_searched:
            return {trial_id for one in self._members for trial_id in one.final}
        jobs = (job for trial_id, job in self.final.items() if not states.is_done(trial_id))
        return {trial_id for job in jobs for trial_id in self._trials_of(job)}

    def _trials_of(self, job: Job) -> set[str]:
        return {one.trial_id(self._sources(one)) for one in job.config.ensemble}

    def _choice(self) -> SearchEntry | None:
        locked = [one.locked for one in self._members]
        chosen = [one.params for one in locked if one is not None]
        is_whole = len(chosen) == len(locked)
        return SearchEntry(trial_id="", params={MEMBERS: chosen}) if is_whole else None
