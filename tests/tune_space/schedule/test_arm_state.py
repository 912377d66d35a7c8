"""One arm on its way through the study, without a conductor and without a ledger."""

from typing import Any

from morec.config import TrialConfig
from morec.results import TrialStatus
from tests.tune_space.made_up_trials import end, sources, study
from tune_space.ledger.manifest import SearchEntry
from tune_space.schedule.arm_plan import ArmPlan, State
from tune_space.schedule.arm_state import ArmState
from tune_space.schedule.earlier import blank_entry
from tune_space.schedule.jobs import Job, Sources
from tune_space.schedule.outcomes import Outcomes
from tune_space.study.expand import configure, expand


def arm_state(
    found: Sources = sources,
    earlier: tuple[SearchEntry, ...] = (),
    *,
    round_size: int = 1,
    **changes: Any,
) -> ArmState:
    spec = study(**changes)
    return ArmState(expand(spec)[0], spec, found, earlier, round_size=round_size)


def end_round(state: ArmState, outcomes: Outcomes) -> list[Job]:
    """End the trials that may run now; what they were."""
    jobs = state.jobs()
    for job in jobs:
        outcomes.add(end(job))
    state.advance(outcomes.states)
    return jobs


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


def test_a_round_is_asked_for_together_and_the_last_one_has_what_is_left() -> None:
    state, outcomes = arm_state(round_size=2, budget={"trials": 5}), Outcomes({})
    state.advance(outcomes.states)
    rounds = []
    while not state.is_searched:
        jobs = state.jobs()
        for job in jobs[1:]:
            outcomes.add(end(job))
            state.advance(outcomes.states)
            assert state.jobs() == jobs
        rounds.append(len(end_round(state, outcomes)))
    assert rounds == [2, 2, 1]
    assert len({entry.trial_id for entry in state.searches}) == 5


def test_the_jobs_of_a_search_are_those_of_its_entries() -> None:
    state, outcomes = arm_state(round_size=3, search_seed=7), Outcomes({})
    state.advance(outcomes.states)
    assert state.needed(outcomes.states) == set()
    for job, entry in zip(state.jobs(), state.searches, strict=True):
        config = configure(state.arm, entry.params, seed=7, test=False)
        assert job == Job.of("ID", "search", config, sources)
        assert entry.trial_id == job.trial_id


def test_the_final_jobs_have_the_choice_and_see_the_test_split() -> None:
    state, outcomes = arm_state(), Outcomes({})
    search(state, outcomes, TrialStatus.COMPLETED)
    scores = {i: record.best_score() or 0 for i, record in outcomes.records.items()}
    best = next(e for e in state.searches if scores[e.trial_id] == max(scores.values()))
    assert state.locked == best
    configs = [configure(state.arm, best.params, seed=seed, test=True) for seed in (1, 2)]
    assert state.jobs() == [Job.of("ID", "final", config, sources) for config in configs]
    assert state.trial_ids == (*(e.trial_id for e in state.searches), *state.final)


def test_a_space_with_fewer_points_than_the_budget_ends_the_search_with_the_last_of_them() -> None:
    space = {"model.num_blocks": {"choice": [1, 2, 3]}}
    state = arm_state(round_size=2, search=space, budget={"trials": 9})
    outcomes = Outcomes({})
    state.advance(outcomes.states)
    rounds = []
    while not state.is_searched:
        rounds.append(len(end_round(state, outcomes)))
    assert rounds == [2, 1]
    assert len(state.final) == 2


def test_an_arm_that_searches_nothing_is_locked_to_its_start_at_once() -> None:
    state, outcomes = arm_state(search={}), Outcomes({})
    state.advance(outcomes.states)
    assert state.locked == SearchEntry(trial_id="", params={})
    assert [job.role for job in state.jobs()] == ["final", "final"]
    assert state.plan(outcomes.states).final == {State.NEW: 2}


def test_the_plan_of_an_arm_follows_its_search() -> None:
    state, outcomes = arm_state(), Outcomes({})
    state.advance(outcomes.states)
    new = ArmPlan("ID", {State.NEW: 3}, {State.NEW: 2}, is_locked=False, mean_s=None)
    assert state.plan(outcomes.states) == new
    assert state.plan(outcomes.states).identity == state.arm.identity
    search(state, outcomes, TrialStatus.COMPLETED)
    assert state.plan(outcomes.states) == ArmPlan(
        "ID", {State.DONE: 3}, {State.NEW: 2}, is_locked=True, mean_s=5.0
    )
    end_round(state, outcomes)
    assert state.plan(outcomes.states).num_left == 0
    failed, outcomes = arm_state(), Outcomes({})
    search(failed, outcomes, TrialStatus.FAILED)
    assert failed.plan(outcomes.states) == ArmPlan(
        "ID", {State.DONE: 3}, {}, is_locked=True, mean_s=None
    )


def test_the_entry_of_an_arm_says_how_far_it_is() -> None:
    state, outcomes = arm_state(), Outcomes({})
    blank = blank_entry(state.arm)
    assert state.entry() == blank
    state.advance(outcomes.states)
    assert state.entry() == blank.model_copy(update={"search": state.searches})
    search(state, outcomes, TrialStatus.COMPLETED)
    whole = {"search": state.searches, "locked": state.locked, "final": tuple(state.final)}
    assert len(state.final) == 2
    assert state.entry() == blank.model_copy(update=whole)


def test_of_an_earlier_run_only_trials_in_the_space_and_the_budget_are_asked_for_again() -> None:
    params = [{"optim.lr": rate} for rate in (0.01, 0.5, 0.02, 0.03, 0.04)]
    earlier = tuple(SearchEntry(trial_id=f"t{n}", params=p) for n, p in enumerate(params))
    state, outcomes = arm_state(earlier=earlier, round_size=2, search_seed=7), Outcomes({})
    kept = [params[0], params[2], params[3]]
    assert [entry.params for entry in state.searches] == kept
    configs = [configure(state.arm, one, seed=7, test=False) for one in kept]
    ids = [config.trial_id(sources(config)) for config in configs]
    assert [entry.trial_id for entry in state.searches] == list(state.trial_ids) == ids
    state.advance(outcomes.states)
    assert [job.trial_id for job in state.jobs()] == ids[:2]
    assert [entry.trial_id for entry in state.searches] == ids
    assert [job.trial_id for job in end_round(state, outcomes)] == ids[:2]
    assert [job.trial_id for job in state.jobs()] == ids[2:]


def test_earlier_trials_are_told_even_where_the_search_is_hopeless_by_then() -> None:
    """Their records count, whatever a shorter search would have come to."""
    state, outcomes = arm_state(budget={"trials": 7}), Outcomes({})
    state.advance(outcomes.states)
    while not state.is_searched:
        (job,) = state.jobs()
        is_last = len(state.searches) == 7
        outcomes.add(end(job, TrialStatus.COMPLETED if is_last else TrialStatus.COLLAPSED))
        state.advance(outcomes.states)
    again = arm_state(earlier=state.searches, budget={"trials": 7})
    again.advance(outcomes.states)
    assert again.is_searched
    assert again.locked == state.locked == state.searches[-1]
