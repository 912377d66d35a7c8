"""What a study comes to when nothing disturbs it: each arm's search on its own, in memory.

No conductor, no ledger, no machine: rounds of trials are asked for, run and told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from morec.config import TrialConfig
from morec.results import TrialResult, TrialStatus
from tests.tune_space.schedule.simulated_fates import Fates
from tune_space.ledger.manifest import ArmEntry, SearchEntry
from tune_space.schedule.arm_plan import MAX_FAILURES
from tune_space.schedule.arm_search import ArmSearch
from tune_space.schedule.jobs import Job, Sources
from tune_space.study.arm import MEMBERS, Arm, fits
from tune_space.study.expand import configure
from tune_space.study.spec import StudySpec


@dataclass
class Start:
    """What there is when an arm's search begins: nothing, or what an edit left."""

    entries: Mapping[str, ArmEntry] = field(default_factory=dict)
    records: Mapping[str, TrialResult] = field(default_factory=dict)


@dataclass
class Decisions:
    """What one arm comes to."""

    search: list[SearchEntry]
    locked: SearchEntry | None
    final: list[str]
    records: dict[str, TrialResult]
    """Of the trials whose ends are certain."""
    is_given_up: bool = False


class Undisturbed:
    """Decides for every arm of a study."""

    def __init__(
        self, study: StudySpec, fates: Fates, sources: Sources, round_size: int, start: Start
    ) -> None:
        self._study = study
        self._fates = fates
        self._sources = sources
        self._round_size = round_size
        self._start = start

    def decide(self, arms: Sequence[Arm]) -> dict[str, Decisions]:
        """The decisions by the arms' names."""
        found = {arm.name: self._search(arm) for arm in arms if not arm.members}
        for arm in (arm for arm in arms if arm.members):
            locked = [found[one.name].locked for one in arm.members]
            params = [one.params for one in locked if one is not None]
            choice = None
            if len(params) == len(locked):
                choice = SearchEntry(trial_id="", params={MEMBERS: params})
            found[arm.name] = self._finish(arm, Decisions([], choice, [], {}))
        return found

    def _search(self, arm: Arm) -> Decisions:
        search, ended = ArmSearch(arm, self._study), list[TrialResult]()
        given = self._given(arm, search.num_trials)
        while len(search.entries) < search.num_trials and (given or not _is_hopeless(ended)):
            jobs = []
            for _ in range(min(self._round_size, search.num_trials - len(search.entries))):
                params = given.pop(0) if given else None
                if asked := search.ask(lambda config: self._job(arm, config).trial_id, params):
                    jobs.append(self._job(arm, asked[1]))
            if not jobs:
                break
            results = [self._run(job, search) for job in jobs]
            for result in results:
                search.tell(result)
            ended += results
        records = {one.trial_id: one for one in ended}
        return self._finish(arm, Decisions(list(search.entries), search.best(), [], records))

    def _given(self, arm: Arm, num: int) -> list[Mapping[str, object]]:
        """What an edit left of the arm's search, or else of the same arm's in another condition."""
        entries = self._start.entries
        named = entries.get(arm.name)
        begun = [named] if named and named.search and named.config.seed == arm.config.seed else []
        begun += [
            one
            for one in entries.values()
            if one.search and (one.own_name, one.config) == (arm.own_name, arm.config)
        ]
        found = begun[0].search if begun else ()
        return [one.params for one in found if fits(arm, one.params)][:num]

    def _finish(self, arm: Arm, made: Decisions) -> Decisions:
        """Add the final trials of the choice."""
        if made.locked is None:
            return made
        ended = []
        for seed in self._study.seeds:
            config = configure(arm, made.locked.params, seed=seed, test=True)
            job = self._job(arm, config)
            made.final.append(job.trial_id)
            ended.append(self._run(job, None))
        made.is_given_up = _is_hopeless(ended[:MAX_FAILURES])
        made.records |= {one.trial_id: one for one in ended}
        return made

    def _run(self, job: Job, search: ArmSearch | None) -> TrialResult:
        if job.trial_id in self._start.records:
            return self._start.records[job.trial_id]
        scores = self._fates.of(job.config, job.sources).scores
        for epoch, score in enumerate(scores, start=1):
            if search is not None and search.weak_epoch(job.trial_id, [(epoch, score)]):
                return self._fates.record(job, epoch, TrialStatus.PRUNED)
        return self._fates.record(job)

    def _job(self, arm: Arm, config: TrialConfig) -> Job:
        return Job.of(arm.name, "search", config, self._sources)


def _is_hopeless(ended: Sequence[TrialResult]) -> bool:
    return len(ended) >= MAX_FAILURES and all(one.status is TrialStatus.FAILED for one in ended)
