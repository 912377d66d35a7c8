"""Conditions that leave an arm as it is: its trials run once, whoever asks for them first."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from morec.results import TrialStatus
from tests.tune_space.made_up_trials import conductor_of, end, outcome, play, sources, study
from tune_space.ledger.manifest import ArmEntry, SearchEntry
from tune_space.ledger.records import Ledger
from tune_space.schedule.arm_plan import State
from tune_space.schedule.changes import find_changes
from tune_space.schedule.conductor import Conductor
from tune_space.schedule.earlier import blank_entry, earlier_entry
from tune_space.schedule.plan import Plan, make_plan
from tune_space.study.arm import Arm
from tune_space.study.arm_names import select_arms
from tune_space.study.expand import expand
from tune_space.study.spec import StudySpec

CONDITIONS = {
    "published": {},
    "heads": {"set": {"model.num_heads": 4}},
    "dim": {"set": {"model.dim": 64}},
}
ARMS = {"ID": {}, "GRU": {"set": {"model.kind": "gru4rec"}}}
"""``heads`` leaves GRU as it is: 5 different arms among 6."""
NUM_TRIALS = 5 * (3 + 2)
MADE = [HealthCheck.function_scoped_fixture]


def spec(**changes: Any) -> StudySpec:
    return study(**{"arms": ARMS, "conditions": CONDITIONS} | changes)


def plan(folder: Path, wanted: StudySpec | None = None, **options: Any) -> Plan:
    wanted = wanted or spec()
    return make_plan(wanted, expand(wanted), Ledger(folder), sources, **options)


def by_name(folder: Path) -> dict[str, ArmEntry]:
    return {entry.name: entry for entry in Ledger(folder).manifest().arms}


def test_with_another_search_seed_the_search_starts_again(tmp_path) -> None:
    """It tries the points that a study with that seed tries from the beginning."""
    other = study(search_seed=7)
    play(conductor_of(tmp_path / "edited"))
    play(conductor_of(tmp_path / "edited", other))
    play(conductor_of(tmp_path / "new", other))
    assert outcome(tmp_path / "edited")[0] == outcome(tmp_path / "new")[0]


def ids(started: list[Any]) -> list[str]:
    return [job.trial_id for job in started]


@pytest.mark.parametrize("num_concurrent", [1, 2, 9])
def test_a_shared_trial_runs_once_and_both_entries_name_it(tmp_path, num_concurrent) -> None:
    started = play(conductor_of(tmp_path, spec()), num_concurrent=num_concurrent)
    assert len(started) == len(set(ids(started))) == NUM_TRIALS
    entries = by_name(tmp_path)
    shared, first = entries["heads/GRU"], entries["published/GRU"]
    assert (shared.search, shared.final, shared.locked) == (
        first.search, first.final, first.locked,
    )  # fmt: skip
    assert (shared.condition, shared.own_name) == ("heads", "GRU")
    assert set(shared.trial_ids).isdisjoint(entries["dim/GRU"].trial_ids)
    assert Ledger(tmp_path).manifest().orphaned == ()


@settings(deadline=None, max_examples=10, suppress_health_check=MADE)
@given(stops=st.lists(st.integers(1, 8), max_size=4))
def test_interruptions_change_nothing_of_shared_trials(tmp_path_factory, stops) -> None:
    whole, parts = (tmp_path_factory.mktemp(name) for name in ("whole", "parts"))
    play(conductor_of(whole, spec()))
    for limit in stops:
        play(conductor_of(parts, spec()), limit)
    play(conductor_of(parts, spec()))
    assert outcome(parts) == outcome(whole)


def test_a_condition_alone_then_all_runs_nothing_twice(tmp_path) -> None:
    only = select_arms(spec(), ["heads"])
    first = play(conductor_of(tmp_path, spec(), only=only))
    assert len(first) == 2 * 5
    assert plan(tmp_path).num_left == NUM_TRIALS - 10
    by_arm = {arm.name: arm for arm in plan(tmp_path).arms}
    assert by_arm["published/GRU"].num_left == 0
    assert by_arm["published/ID"].search == {State.NEW: 3}
    rest = play(conductor_of(tmp_path, spec()))
    assert len(rest) == NUM_TRIALS - 10
    assert set(ids(rest)).isdisjoint(ids(first))
    assert plan(tmp_path).num_left == 0


def test_conditions_added_later_run_only_what_they_change(tmp_path) -> None:
    before = spec(conditions={})
    assert len(play(conductor_of(tmp_path, before))) == 2 * 5
    assert plan(tmp_path).num_left == NUM_TRIALS - 10
    assert plan(tmp_path).orphaned == ()
    lines = find_changes(spec(), expand(spec()), Ledger(tmp_path), sources)
    assert lines[:-1] == (
        "arm 'published/ID' is added: its trials are those of arm 'ID'",
        "arm 'published/GRU' is added: its trials are those of arm 'GRU'",
        "arm 'heads/ID' is added: all its trials are new",
        "arm 'heads/GRU' is added: its trials are those of arm 'GRU'",
        "arm 'dim/ID' is added: all its trials are new",
        "arm 'dim/GRU' is added: all its trials are new",
        "arm 'ID' is removed: its trials are those of arm 'published/ID'",
        "arm 'GRU' is removed: its trials are those of arm 'published/GRU'",
    )
    assert len(play(conductor_of(tmp_path, spec()))) == NUM_TRIALS - 10


def test_a_condition_taken_away_leaves_what_others_share(tmp_path) -> None:
    play(conductor_of(tmp_path, spec()))
    fewer = spec(conditions={name: CONDITIONS[name] for name in ("heads", "dim")})
    lines = find_changes(fewer, expand(fewer), Ledger(tmp_path), sources)
    assert lines[:-1] == (
        "arm 'published/ID' is removed: its records (5) are kept and no longer reported",
        "arm 'published/GRU' is removed: its trials are those of arm 'heads/GRU'",
    )
    assert len(plan(tmp_path, fewer).orphaned) == 5
    assert play(conductor_of(tmp_path, fewer)) == []


def test_a_search_that_was_edited_goes_on_under_a_condition_added_later(tmp_path) -> None:
    """Asked for from the start, the search of the larger space would try other points."""
    arms = {"arms": {"GRU": ARMS["GRU"]}, "baseline": "GRU"}
    narrow = {"search": {"optim.lr": {"loguniform": [1e-3, 1e-2]}}}
    wide = {"search": {"optim.lr": {"loguniform": [1e-4, 1e-1]}}}
    play(conductor_of(tmp_path, study(**arms, **narrow)))
    play(conductor_of(tmp_path, study(**arms, **wide, budget={"trials": 4})))
    after = study(**arms, **wide, budget={"trials": 4}, conditions={"dim": CONDITIONS["dim"],
                  "published": {}})  # fmt: skip
    started = play(conductor_of(tmp_path, after))
    assert {job.arm for job in started} == {"dim/GRU"}


def test_totals_count_a_shared_trial_once(tmp_path) -> None:
    fresh = plan(tmp_path)
    assert fresh.num_left == NUM_TRIALS
    assert sum(arm.num_left for arm in fresh.arms) == NUM_TRIALS + 5
    conductor = conductor_of(tmp_path, spec())
    play(conductor, limit=7)
    now = Plan("s", tuple(conductor.plan(state) for state in conductor.arms), ())
    assert now.num_left == NUM_TRIALS - 7 == plan(tmp_path).num_left
    seconds = now.seconds_left(1)
    assert seconds == pytest.approx((NUM_TRIALS - 7) * 5.0)


def test_plans_of_some_arms_count_those_arms(tmp_path) -> None:
    assert plan(tmp_path).restricted(["heads/GRU"]).num_left == 5
    assert plan(tmp_path).restricted(["heads/GRU", "published/GRU"]).num_left == 5


def test_a_shared_trial_that_failed_is_tried_again_once(tmp_path) -> None:
    conductor = conductor_of(tmp_path, spec())
    play(conductor, fail=["published/GRU", "heads/GRU"])
    assert {arm.name for arm in plan(tmp_path).arms if arm.final == {}} == {
        "published/GRU", "heads/GRU",
    }  # fmt: skip
    assert plan(tmp_path, retry_failed=True).num_left == 3 + 2
    started = play(conductor_of(tmp_path, spec(), retry_failed=True))
    assert len(started) == len(set(ids(started))) == 3 + 2
    assert conductor_of(tmp_path, spec()).is_complete()


def test_a_shared_search_trial_that_was_pruned_counts_for_both(tmp_path) -> None:
    conductor = conductor_of(tmp_path, spec())
    while job := conductor.next_job():
        if job.role == "search" and "GRU" in job.arm and job.config.optim.lr > 0.01:
            conductor.report(job.trial_id, end(job).epochs[:1], end(job).cost)
            conductor.prune(job.trial_id)
        else:
            conductor.finish(end(job))
    assert conductor.is_complete()
    entries = by_name(tmp_path)
    assert entries["heads/GRU"].locked == entries["published/GRU"].locked


def test_an_arm_is_found_under_its_name_before_any_other(tmp_path) -> None:
    play(conductor_of(tmp_path, spec()))
    entries = by_name(tmp_path).values()
    for arm in expand(spec()):
        assert earlier_entry(arm, entries).name == arm.name
        other = [entry for entry in entries if entry.name != arm.name]
        found = earlier_entry(arm, other)
        is_shared = arm.name in ("heads/GRU", "published/GRU")
        assert (found.name, found.condition) == (arm.name, arm.condition)
        assert bool(found.search) is is_shared


def test_an_inactive_arm_keeps_what_was_written_of_it(tmp_path) -> None:
    play(conductor_of(tmp_path, spec(), only=["published/GRU"]))
    entry = by_name(tmp_path)["heads/GRU"]
    assert (entry.search, entry.condition, entry.locked) == ((), "heads", None)


def test_a_lost_shared_trial_ends_for_both(tmp_path) -> None:
    conductor: Conductor = conductor_of(tmp_path, spec(budget={"trials": 1}))
    job = next(j for j in iter(conductor.next_job, None) if j.arm == "published/GRU")
    conductor.finish(end(job, TrialStatus.FAILED))
    states = {state.arm.name: state for state in conductor.arms}
    assert states["published/GRU"].is_searched
    assert states["heads/GRU"].is_searched


def entry_of(arm: Arm, **fields: Any) -> ArmEntry:
    return blank_entry(arm).model_copy(update=fields)


def test_a_blank_entry_says_what_the_arm_is_and_how_many_points_its_space_has() -> None:
    arms = {"ID": {"group": "g", "search": {"model.num_blocks": {"int": [1, 3]}}}}
    datasets = {"d": {"set": {"dataset": {"kind": "synthetic"}}}}
    (arm,) = expand(study(arms=arms, datasets=datasets, search={}, conditions={"c": {}}))
    assert blank_entry(arm) == ArmEntry(
        name="d/c/ID", dataset="d", condition="c", group="g", config=arm.config, num_points=3
    )


TRIED = SearchEntry(trial_id="t", params={"optim.lr": 0.01})


@pytest.mark.parametrize("known", [{"search": (TRIED,)}, {"locked": TRIED}])
def test_what_was_run_of_an_arm_is_looked_for_under_its_name_and_then_elsewhere(
    known: dict[str, Any],
) -> None:
    arms = {arm.name: arm for arm in expand(spec())}
    gru, other, own = arms["heads/GRU"], arms["published/GRU"], arms["heads/ID"]
    blank = blank_entry(gru)
    mine, shared = entry_of(gru, **known), entry_of(other, **known)
    assert earlier_entry(gru, []) == blank
    assert earlier_entry(gru, [shared, mine]) == earlier_entry(gru, [mine, shared]) == mine
    taken = blank.model_copy(update=known)
    assert earlier_entry(gru, [blank, entry_of(own, **known), shared]) == taken
    # Neither another arm, nor one with another configuration, nor one of which nothing was run.
    renamed = entry_of(own, name="x/ID", condition="x", config=gru.config, **known)
    assert earlier_entry(gru, [renamed, blank_entry(other), entry_of(own, **known)]) == blank


def test_an_edited_arm_keeps_its_entry_but_not_with_another_search_seed() -> None:
    arm = expand(spec())[0]
    model = arm.config.model.model_copy(update={"dim": 32})
    edited = entry_of(arm, config=arm.config.model_copy(update={"model": model}), search=(TRIED,))
    assert earlier_entry(arm, [edited]) == edited
    seeded = entry_of(arm, config=arm.config.model_copy(update={"seed": 9}), search=(TRIED,))
    assert earlier_entry(arm, [seeded]) == blank_entry(arm)
    assert earlier_entry(arm, [seeded, edited]) == edited
