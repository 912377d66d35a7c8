"""What is left of an arm, by hand-made arms, and that everybody who asks gets the same answer."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from morec.results import TrialResult, TrialStatus
from tests.tune_space.made_up_trials import COST, conductor_of, end, sources, study
from tune_space.ledger.manifest import ArmEntry, SearchEntry
from tune_space.ledger.records import Ledger
from tune_space.schedule.arm_plan import (
    MAX_FAILURES,
    ArmPlan,
    ArmTrials,
    State,
    TrialStates,
    distinct,
    failed_ids,
    plan_arm,
)
from tune_space.schedule.jobs import Job
from tune_space.schedule.plan import make_plan
from tune_space.study.expand import configure, expand

DONE, CONTINUE, RETRY, NEW = State
ARM = expand(study())[0]


def record(trial_id: str, status: TrialStatus) -> TrialResult:
    is_final = trial_id.startswith("final")
    config = configure(ARM, {}, seed=1, test=is_final)
    return end(Job(trial_id, "A", "final" if is_final else "search", config, {}), status)


def planned(
    completed: str = "",
    failed: str = "",
    *,
    search: str = "",
    final: str = "",
    started: Collection[str] = (),
    retry_failed: bool = False,
    **changes: Any,
) -> ArmPlan:
    """The plan of an arm; trials are given by their ids, with spaces between.

    ``changes`` are fields of ``ArmTrials``: budget (3), num_seeds (2), is_searched (False).
    """
    records: dict[str, TrialResult] = {}
    for names, status in ((completed, TrialStatus.COMPLETED), (failed, TrialStatus.FAILED)):
        records |= {name: record(name, status) for name in names.split()}
    trials = ArmTrials("A", search.split(), final.split(), 3, 2, is_searched=False)
    return plan_arm(
        replace(trials, **changes), TrialStates(records, started, failed_ids(records, retry_failed))
    )


def counts(plan: ArmPlan) -> tuple[Mapping[State, int], Mapping[State, int]]:
    return plan.search, plan.final


def test_a_new_arm_has_its_whole_budget_and_all_seeds_left() -> None:
    plan = planned()
    assert counts(plan) == ({NEW: 3}, {NEW: 2})
    assert (plan.num_done, plan.num_left, plan.is_locked) == (0, 5, False)


def test_a_trial_that_was_started_and_has_no_record_is_continued() -> None:
    assert counts(planned("a", search="a b", started="ab")) == (
        {DONE: 1, CONTINUE: 1, NEW: 1},
        {NEW: 2},
    )


def test_final_trials_follow_once_the_search_is_done() -> None:
    plan = planned("a b c final1", search="a b c", final="final1 final2")
    assert counts(plan) == ({DONE: 3}, {DONE: 1, NEW: 1})
    assert plan.is_locked


def test_final_trials_of_an_earlier_choice_count_as_new_until_the_search_is_done() -> None:
    assert counts(planned("a b final1", search="a b", final="final1")) == (
        {DONE: 2, NEW: 1},
        {NEW: 2},
    )


def test_an_exhausted_search_has_nothing_left_below_its_budget() -> None:
    plan = planned("a b", search="a b", budget=9, is_searched=True)
    assert counts(plan) == ({DONE: 2}, {NEW: 2})


def test_a_raised_budget_goes_on_with_the_search() -> None:
    assert counts(planned("a b c", search="a b c", budget=5)) == ({DONE: 3, NEW: 2}, {NEW: 2})


def test_with_a_lowered_budget_only_the_first_search_trials_count() -> None:
    plan = planned("a b", search="a b c", budget=2)
    assert counts(plan) == ({DONE: 2}, {NEW: 2})
    assert plan.is_locked


def test_an_arm_that_searches_nothing_has_only_its_final_trials() -> None:
    assert counts(planned("final1", final="final1", budget=0)) == ({}, {DONE: 1, NEW: 1})


def test_a_failed_trial_is_done_unless_it_is_to_be_retried() -> None:
    trials: dict[str, Any] = {"search": "a b c", "final": "final1 final2"}
    assert counts(planned("a b", "c final1", **trials)) == ({DONE: 3}, {DONE: 1, NEW: 1})
    retried = planned("a b", "c final1", **trials, retry_failed=True)
    assert counts(retried) == ({DONE: 2, RETRY: 1}, {NEW: 2})
    only_final = planned("a b c", "final1", **trials, retry_failed=True)
    assert counts(only_final) == ({DONE: 3}, {RETRY: 1, NEW: 1})


def test_without_a_completed_search_trial_there_are_no_final_trials() -> None:
    plan = planned(failed="a b c", search="a b c")
    assert counts(plan) == ({DONE: 3}, {})
    assert (plan.num_left, plan.is_given_up) == (0, False)


FAILED = "a b c d e f g"[: 2 * MAX_FAILURES - 1]


def test_an_arm_whose_search_does_nothing_but_fail_is_given_up() -> None:
    plan = planned(failed=FAILED, search=FAILED, budget=20)
    assert counts(plan) == ({DONE: MAX_FAILURES}, {})
    assert plan.is_given_up
    one_fewer = FAILED[:-2]
    assert not planned(failed=one_fewer, search=one_fewer, budget=20).is_given_up
    assert not planned("g", FAILED, search=f"{FAILED} g", budget=20).is_given_up


def test_a_given_up_arm_goes_on_when_its_failed_trials_are_retried() -> None:
    plan = planned(failed=FAILED, search=FAILED, budget=20, retry_failed=True)
    assert counts(plan) == ({RETRY: MAX_FAILURES, NEW: 20 - MAX_FAILURES}, {NEW: 2})


def test_an_arm_whose_final_trials_do_nothing_but_fail_is_given_up() -> None:
    finals = [f"final{number}" for number in range(MAX_FAILURES + 2)]
    arm: dict[str, Any] = {"final": " ".join(finals), "budget": 0, "num_seeds": len(finals)}
    failed = " ".join(finals[:MAX_FAILURES])
    plan = planned(failed=failed, **arm)
    assert counts(plan) == ({}, {DONE: MAX_FAILURES})
    assert plan.is_given_up
    assert planned(finals[-1], failed, **arm).is_given_up
    others = " ".join(finals[1:])
    assert not planned(finals[0], others, **arm).is_given_up


def test_an_arm_is_not_given_up_while_a_trial_of_its_round_has_not_ended() -> None:
    plan = planned(failed=FAILED, search=f"{FAILED} g", budget=20)
    assert not plan.is_given_up
    assert counts(plan) == ({DONE: MAX_FAILURES, NEW: 20 - MAX_FAILURES}, {NEW: 2})


def test_an_arm_that_joins_one_without_a_choice_has_no_trials_to_come() -> None:
    plan = planned(budget=0, may_lock=False)
    assert (counts(plan), plan.num_left) == (({}, {}), 0)


def test_final_trials_beyond_the_number_of_seeds_do_not_count() -> None:
    plan = planned("final1 final2", final="final1 final2", budget=0, num_seeds=1)
    assert counts(plan) == ({}, {DONE: 1})


def entry(**fields: Any) -> ArmEntry:
    return ArmEntry(name="A", config=ARM.config, **fields)


def test_a_manifest_says_of_how_many_points_an_arm_s_space_is() -> None:
    spec = study(budget={"trials": 7})
    for num_points, budget in ((4, 4), (9, 7), (None, 7), (0, 0)):
        assert ArmTrials.of_entry(entry(num_points=num_points), spec).budget == budget
    trials = ArmTrials.of_entry(entry(condition="c"), spec)
    assert trials.identity == entry(condition="c").identity != ""


def test_mean_seconds_are_of_trials_that_ended_and_did_not_fail() -> None:
    def costing(trial_id: str, seconds: float | None, status: TrialStatus) -> TrialResult:
        cost = None if seconds is None else COST.model_copy(update={"total_s": seconds})
        return record(trial_id, status).model_copy(update={"cost": cost})

    records = [
        costing("a", 10.0, TrialStatus.COMPLETED),
        costing("b", 99.0, TrialStatus.FAILED),
        costing("c", None, TrialStatus.COMPLETED),
        costing("d", 20.0, TrialStatus.PRUNED),
        costing("final1", 60.0, TrialStatus.COMPLETED),
    ]
    states = TrialStates({one.trial_id: one for one in records})
    trials = ArmTrials("A", ["a", "b", "c", "d"], ["final1"], 4, 2)
    assert plan_arm(trials, states).mean_s == 30.0
    assert plan_arm(replace(trials, search=["b", "c"], final=[], budget=2), states).mean_s is None


def test_of_arms_that_share_trials_the_first_with_most_of_them_done_stands_for_all() -> None:
    def plan(name: str, identity: str, num_done: int) -> ArmPlan:
        search = {DONE: num_done, NEW: 5 - num_done}
        return ArmPlan(name, search, {}, is_locked=False, mean_s=None, identity=identity)

    plans = [
        plan("a", "x", 1),
        plan("b", "", 0),
        plan("c", "x", 3),
        plan("d", "x", 3),
        plan("e", "", 2),
        plan("f", "y", 0),
    ]
    assert [one.name for one in distinct(plans)] == ["c", "b", "e", "f"]


def test_what_was_left_of_an_earlier_run_is_read_from_its_folder(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    for name, status in (("a", TrialStatus.COMPLETED), ("b", TrialStatus.FAILED)):
        ledger.write(record(name, status))
    (tmp_path / "checkpoints" / "c").mkdir(parents=True)
    found = TrialStates.read(ledger, None)
    assert [found.of(name) for name in "abcd"] == [DONE, DONE, CONTINUE, NEW]
    assert [found.is_done(name) for name in "abcd"] == [True, True, False, False]
    retried = TrialStates.read(ledger, None, retry_failed=True)
    assert [retried.of(name) for name in "abcd"] == [DONE, RETRY, CONTINUE, NEW]


def test_a_manifest_says_whether_an_arm_searches_and_whether_its_search_has_ended() -> None:
    tried = SearchEntry(trial_id="a", params={})
    start = SearchEntry(trial_id="", params={})
    spec = study(budget={"trials": 7})
    searching = ArmTrials.of_entry(entry(search=(tried,)), spec)
    assert searching == ArmTrials("A", ["a"], (), budget=7, num_seeds=2)
    ended = ArmTrials.of_entry(entry(search=(tried,), locked=tried, final=("f",)), spec)
    assert ended == ArmTrials("A", ["a"], ("f",), budget=7, num_seeds=2, is_searched=True)
    assert ArmTrials.of_entry(entry(locked=start), spec).budget == 0


def test_seeds_that_are_added_or_removed_change_the_final_trials_alone(tmp_path: Path) -> None:
    run_all(tmp_path, {})
    for seeds, final in (((1, 2, 3), {DONE: 2, NEW: 1}), ((2,), {DONE: 1}), ((3,), {NEW: 1})):
        spec = study(seeds=seeds)
        plan = make_plan(spec, expand(spec), Ledger(tmp_path), sources)
        assert [counts(arm) for arm in plan.arms] == [({DONE: 3}, final)] * 3


def test_seeds_that_are_removed_change_what_is_left_of_an_inactive_arm_too(tmp_path: Path) -> None:
    run_all(tmp_path, {})
    spec = study(seeds=(2, 3))
    names = [arm.name for arm in expand(spec)]
    plan = make_plan(spec, expand(spec), Ledger(tmp_path), sources, inactive=names)
    assert [arm.final for arm in plan.arms] == [{DONE: 1, NEW: 1}] * 3
    assert len(plan.orphaned) == 3


def run_all(folder: Path, changes: Mapping[str, Any], fail: Collection[str] = ()) -> None:
    """Run a study to its end; after every trial, all who say what is left say the same."""
    spec = study(**changes)
    arms = expand(spec)
    conductor = conductor_of(folder, spec)
    job = None
    while True:
        by_conductor = [conductor.plan(state).num_left for state in conductor.arms]
        by_plan = make_plan(spec, arms, conductor.writer.ledger, sources)
        states = TrialStates(conductor.results)
        entries = [ArmTrials.of_entry(entry, spec) for entry in conductor.manifest.arms]
        assert [arm.num_left for arm in by_plan.arms] == by_conductor
        assert [plan_arm(trials, states).num_left for trials in entries] == by_conductor
        job = conductor.next_job()
        if job is None:
            assert sum(by_conductor) == 0
            return
        is_failure = job.arm in fail
        conductor.finish(end(job, TrialStatus.FAILED if is_failure else TrialStatus.COMPLETED))


@pytest.mark.parametrize("fail", [(), ("wide",)])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"search": {}},
        {"budget": {"trials": 7}},
        {"search": {}, "seeds": list(range(7))},
        {"budget": {"trials": 9}, "search": {"model.num_blocks": {"int": [1, 6]}}},
        {"budget": {"trials": 9}, "search": {"model.num_blocks": {"int": [1, 3]}}},
        {"budget": {"trials": 0}},
    ],
)
def test_conductor_plan_and_manifest_agree_on_what_is_left(
    tmp_path: Path, changes: Mapping[str, Any], fail: Collection[str]
) -> None:
    run_all(tmp_path, changes, fail)


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    budgets=st.lists(st.integers(1, 7), min_size=2, max_size=3),
    seeds=st.lists(st.lists(st.integers(1, 4), min_size=1, unique=True), min_size=3, max_size=3),
)
def test_they_agree_after_edits_too(
    tmp_path_factory: pytest.TempPathFactory, budgets: list[int], seeds: list[list[int]]
) -> None:
    folder = tmp_path_factory.mktemp("edited")
    for budget, some in zip(budgets, seeds, strict=False):
        run_all(folder, {"budget": {"trials": budget}, "seeds": some})
