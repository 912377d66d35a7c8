"""One arm on its way through the study, without a conductor and without a ledger."""

from morec.config import TrialConfig
from morec.results import TrialStatus
from tests.tune_space.made_up_trials import end, sources, study
from tune_space.ledger.manifest import SearchEntry
from tune_space.schedule.arm_state import ArmState
from tune_space.schedule.jobs import Job, Sources
from tune_space.schedule.outcomes import Outcomes
from tune_space.study.expand import expand


def arm_state(found: Sources = sources, earlier: tuple[SearchEntry, ...] = ()) -> ArmState:
    spec = study()
    return ArmState(expand(spec)[0], spec, found, earlier)


def search(state: ArmState, outcomes: Outcomes, status: TrialStatus) -> list[Job]:
    """End every search trial with the same status; the jobs that it took."""
    jobs = []
    state.advance(outcomes.states)
    while not state.is_searched:
        (job,) = state.jobs()
        jobs.append(job)
        outcomes.add(end(job, status))
        state.advance(outcomes.states)
    return jobs


def test_the_next_search_trial_waits_for_the_one_before() -> None:
    state, outcomes = arm_state(), Outcomes({})
    state.advance(outcomes.states)
    (first,) = state.jobs()
    state.advance(outcomes.states)
    assert state.jobs() == [first]
    outcomes.add(end(first))
    state.advance(outcomes.states)
    assert state.jobs() != [first]
    assert state.trial_ids == (first.trial_id, state.jobs()[0].trial_id)


def test_the_locked_configuration_is_replicated_with_every_seed() -> None:
    state, outcomes = arm_state(), Outcomes({})
    search(state, outcomes, TrialStatus.COMPLETED)
    assert state.locked is not None
    assert [(job.role, job.config.seed) for job in state.jobs()] == [("final", 1), ("final", 2)]
    assert state.entry().final == tuple(state.final)


def test_an_arm_without_a_completed_search_trial_locks_nothing() -> None:
    state, outcomes = arm_state(), Outcomes({})
    assert len(search(state, outcomes, TrialStatus.FAILED)) == 3
    assert (state.locked, state.jobs()) == (None, [])


def test_search_trials_of_an_earlier_run_come_first_and_with_other_data_they_are_others() -> None:
    before, outcomes = arm_state(), Outcomes({})
    search(before, outcomes, TrialStatus.COMPLETED)
    again = arm_state(earlier=before.searches)
    assert again.searches == before.searches
    again.advance(outcomes.states)
    assert again.is_searched

    def other_data(config: TrialConfig) -> dict[str, str]:
        return {"data": "d1"}

    changed = arm_state(other_data, before.searches)
    assert [e.params for e in changed.searches] == [e.params for e in before.searches]
    assert not {e.trial_id for e in changed.searches} & {e.trial_id for e in before.searches}
