"""What runs next in one arm: search trials round by round, then the final trials."""

from collections.abc import Sequence

from morec.config import TrialConfig
from tune_space.ledger.manifest import ArmEntry, Role, SearchEntry
from tune_space.schedule.arm_plan import ArmPlan, ArmTrials, TrialStates, plan_arm
from tune_space.schedule.arm_search import ArmSearch
from tune_space.schedule.earlier import blank_entry
from tune_space.schedule.jobs import Job, Sources
from tune_space.study.arm import Arm, fits
from tune_space.study.expand import configure
from tune_space.study.spec import StudySpec


class ArmState:
    """One arm on its way through the study: searching, then locked, then replicated.

    ``earlier`` are the search trials of an earlier run. Those that still lie in the arm's space are
    asked for again, in the same order, before anything new is suggested; their identities are those
    that the current data gives them. ``round_size`` search trials are asked for together.
    """

    def __init__(
        self,
        arm: Arm,
        study: StudySpec,
        sources: Sources,
        earlier: Sequence[SearchEntry] = (),
        *,
        round_size: int = 1,
    ) -> None:
        self.arm = arm
        self.search = ArmSearch(arm, study)
        self.is_searched = False
        """Whether the search has ended."""
        self.locked: SearchEntry | None = None
        """The configuration that the final trials have; None if no search trial completed."""
        self.final: dict[str, Job] = {}
        """Jobs of the locked configuration by trial id."""
        self._round: list[Job] = []
        """Search trials that were asked for together; none before and after the search."""
        self._round_size = round_size
        self._blank_entry = blank_entry(arm)
        self._seeds = study.seeds
        self._sources = sources
        fitting = [entry.params for entry in earlier if fits(arm, entry.params)]
        self._earlier: list[SearchEntry] = []
        for params in fitting[: self.search.num_trials]:
            config = configure(arm, params, seed=study.search_seed, test=False)
            trial_id = self._job("search", config).trial_id
            self._earlier.append(SearchEntry(trial_id=trial_id, params=params))

    @property
    def searches(self) -> tuple[SearchEntry, ...]:
        """The arm's search trials in order; the last ones may still have to be asked for again."""
        return (*self.search.entries, *self._earlier)

    @property
    def trial_ids(self) -> tuple[str, ...]:
        """Every trial of the arm, search before final."""
        return (*(entry.trial_id for entry in self.searches), *self.final)

    def jobs(self) -> list[Job]:
        """The arm's trials that may run now, in order; some may be running or done."""
        return self._round or list(self.final.values())

    def needed(self, states: TrialStates) -> set[str]:
        """Trials of other arms whose checkpoints the arm's open trials read."""
        return set()

    def advance(self, states: TrialStates) -> None:
        """Take in rounds that are over and ask for the next, until one is open or all are in."""
        while not self.is_searched:
            self._round = self._round or self._ask_round(states)
            if not self._round:
                self.is_searched = True
                self._lock()
            elif all(states.is_done(job.trial_id) for job in self._round):
                for job in self._round:
                    self.search.tell(states.records[job.trial_id])
                self._round = []
            else:
                return

    def plan(self, states: TrialStates) -> ArmPlan:
        """What is left of the arm."""
        trials = ArmTrials(
            name=self.arm.name,
            search=[entry.trial_id for entry in self.searches],
            final=tuple(self.final),
            budget=self.search.num_trials,
            num_seeds=len(self._seeds),
            is_searched=self.is_searched,
            may_lock=self.locked is not None or not self.is_searched,
            identity=self.arm.identity,
        )
        return plan_arm(trials, states)

    def entry(self) -> ArmEntry:
        """The arm for the manifest."""
        so_far = {
            "search": self.searches,
            "locked": self.locked,
            "importance": self.search.importance() if self.is_searched else {},
            "final": tuple(self.final),
        }
        return self._blank_entry.model_copy(update=so_far)

    def _ask_round(self, states: TrialStates) -> list[Job]:
        """The next search trials; none once the search has ended."""
        if not self._earlier and self.plan(states).is_locked:
            return []
        num_left = self.search.num_trials - len(self.search.entries)
        asked = (self._ask() for _ in range(min(self._round_size, num_left)))
        return [job for job in asked if job is not None]

    def _ask(self) -> Job | None:
        """One more search trial; None where every point was tried."""
        params = self._earlier.pop(0).params if self._earlier else None
        asked = self.search.ask(lambda config: self._job("search", config).trial_id, params)
        return asked and self._job("search", asked[1])

    def _choice(self) -> SearchEntry | None:
        return self.search.best()

    def _lock(self) -> None:
        """Fix the arm's configuration, if any search trial completed, and plan its final trials."""
        self.locked = self._choice()
        if self.locked is None:
            return
        for seed in self._seeds:
            config = configure(self.arm, self.locked.params, seed=seed, test=True)
            job = self._job("final", config)
            self.final[job.trial_id] = job

    def _job(self, role: Role, config: TrialConfig) -> Job:
        return Job.of(self.arm.name, role, config, self._sources)
