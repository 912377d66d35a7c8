"""One arm's search: deterministic, rebuilt from results, blind to anything but validation."""

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import pytest

from morec.results import TrialStatus
from tests.tune_space.schedule.searched_arms import (
    GRID,
    arm,
    ask,
    configs,
    result_of,
    run,
    study,
)
from tune_space.schedule.arm_search import ArmSearch
from tune_space.schedule.jobs import NUM_STARTUP_TRIALS
from tune_space.study.domains import ParamSpec
from tune_space.study.spec import BudgetSpec


def test_a_suggestion_is_an_entry_at_once_under_the_identity_of_its_configuration() -> None:
    search = ArmSearch(arm(), study())
    asked = [search.ask(lambda config: f"rate {config.optim.lr}") for _ in range(2)]
    assert search.entries == tuple(entry for entry, _ in asked)
    for entry, config in asked:
        assert entry.trial_id == f"rate {config.optim.lr}"
        assert entry.params["optim.lr"] == config.optim.lr


def test_the_first_suggestion_is_the_study_files_own_configuration() -> None:
    config = configs(ArmSearch(arm(), study()), 1)[0]
    assert (config.optim.lr, config.model.num_blocks, config.training.loss) == (1e-4, 2, "bce")


def test_the_first_suggestion_is_the_arm_s_start_where_it_has_one_and_the_next_are_searched() -> (
    None
):
    started = replace(arm(), start={"optim.lr": 0.05, "training.loss": "in_batch_ce"})
    first, second = configs(ArmSearch(started, study()), 2)
    assert (first.optim.lr, first.model.num_blocks, first.training.loss) == (0.05, 2, "in_batch_ce")
    assert second == configs(ArmSearch(arm(), study()), 2)[1]


def test_a_start_that_is_edited_later_leaves_the_search_there_is_as_it_is() -> None:
    before = ArmSearch(arm(), study())
    run(before, 3)
    params = [entry.params for entry in before.entries]
    after = ArmSearch(replace(arm(), start={"optim.lr": 0.05}), study())
    run(after, 3, params=params)
    assert after.entries == before.entries


def test_suggestions_are_the_same_again_with_the_same_seed_and_others_with_another() -> None:
    first = configs(ArmSearch(arm(), study()), 8)
    assert first == configs(ArmSearch(arm(), study()), 8)
    other = configs(ArmSearch(arm(), study(search_seed=7)), 8)
    assert [c.optim for c in first[1:]] != [c.optim for c in other[1:]]


@pytest.mark.parametrize("stop", [1, 3, 6])
def test_a_search_rebuilt_from_its_entries_goes_on_as_if_it_had_never_stopped(stop) -> None:
    whole = run(ArmSearch(arm(), study()), 8)
    before = ArmSearch(arm(), study())
    run(before, stop)
    params = [entry.params for entry in before.entries]
    after = ArmSearch(arm(), study())
    assert [r.config for r in run(after, 8, params=params)] == [r.config for r in whole]


def test_a_larger_budget_continues_the_smaller_ones_suggestions() -> None:
    small = configs(ArmSearch(arm(), study(budget=BudgetSpec(trials=3))), 3)
    large = configs(ArmSearch(arm(), study(budget=BudgetSpec(trials=9))), 9)
    assert large[:3] == small


def test_conditional_parameters_are_chosen_only_where_they_apply() -> None:
    search = ArmSearch(arm(), study())
    run(search, 12)
    for entry in search.entries:
        is_in_batch = entry.params["training.loss"] == "in_batch_ce"
        assert ("training.batch_size" in entry.params) == is_in_batch


def test_no_configuration_is_suggested_twice_and_a_small_space_is_searched() -> None:
    space = {"model.num_blocks": ParamSpec(int=(1, 3))}
    seen = configs(ArmSearch(arm(space), study()), 10)
    assert sorted(config.model.num_blocks for config in seen) == [1, 2, 3]


@pytest.mark.parametrize("sampler", ["tpe", "random", "grid"])
@pytest.mark.parametrize("seed", range(12))
def test_a_space_as_large_as_the_budget_is_searched_whole_each_point_once(seed, sampler) -> None:
    search = ArmSearch(
        arm(GRID), study(search_seed=seed, sampler=sampler, budget=BudgetSpec(trials=12))
    )
    run(search, 12)
    tried = [tuple(entry.params[path] for path in GRID) for entry in search.entries]
    assert sorted(tried) == sorted(product(*(param.choice for param in GRID.values())))
    assert ask(search, "one more") is None


def test_of_a_larger_space_as_many_points_are_tried_as_the_budget_has_trials() -> None:
    grid = {"model.num_blocks": ParamSpec(int=(1, 10)), "model.dim": ParamSpec(int=(8, 16), step=8)}
    for trials in (10, 19, 20, 21):
        search = ArmSearch(arm(grid), study(budget=BudgetSpec(trials=trials)))
        found = {c.model_dump_json() for c in configs(search, trials)}
        assert len(found) == search.num_trials == min(trials, 20)


@pytest.mark.parametrize("sampler", ["tpe", "random", "grid"])
@pytest.mark.parametrize("stop", [1, 3, 6, 7, 11])
def test_an_interruption_leaves_the_points_of_a_finite_space_and_their_order(stop, sampler) -> None:
    space = {
        "optim.lr": ParamSpec(uniform=(0.1, 0.4), step=0.1),
        "model.num_blocks": ParamSpec(logint=(1, 3)),
    }
    spec = study(sampler=sampler, budget=BudgetSpec(trials=12))
    whole = run(ArmSearch(arm(space), spec), 12)
    before = ArmSearch(arm(space), spec)
    run(before, stop)
    after = ArmSearch(arm(space), spec)
    again = run(after, 12, params=[entry.params for entry in before.entries])
    assert [r.config for r in again] == [r.config for r in whole]
    assert {r.config.optim.lr for r in whole} == {0.1, 0.2, 0.3, 0.4}


def test_a_larger_budget_goes_on_to_the_points_that_are_left() -> None:
    small = configs(ArmSearch(arm(GRID), study(budget=BudgetSpec(trials=5))), 5)
    large = configs(ArmSearch(arm(GRID), study(budget=BudgetSpec(trials=99))), 12)
    assert large[:5] == small
    assert len({config.model_dump_json() for config in large}) == 12


def test_a_point_whose_trial_failed_is_not_tried_again() -> None:
    search = ArmSearch(arm(GRID), study(budget=BudgetSpec(trials=12)))
    for number in range(12):
        config = ask(search, f"t{number}")
        search.tell(result_of(config, f"t{number}", [0.1], TrialStatus.FAILED))
    assert len({json.dumps(entry.params) for entry in search.entries}) == 12


def test_trials_of_an_earlier_space_that_lie_in_this_one_are_not_tried_again() -> None:
    narrow = GRID | {"optim.lr": ParamSpec(choice=(1e-3, 1e-1))}
    before = ArmSearch(arm(narrow), study(budget=BudgetSpec(trials=4)))
    run(before, 4)
    after = ArmSearch(arm(GRID), study(budget=BudgetSpec(trials=12)))
    run(after, 12, params=[entry.params for entry in before.entries])
    assert after.entries[:4] == before.entries
    assert len({json.dumps(entry.params) for entry in after.entries}) == 12


def test_a_grid_is_searched_in_an_order_that_the_seed_draws_after_the_file_s_own_values() -> None:
    def order(**fields) -> list[dict]:
        spec = study(sampler="grid", budget=BudgetSpec(trials=12), **fields)
        search = ArmSearch(arm(GRID), spec)
        run(search, 12)
        return [entry.params for entry in search.entries]

    assert order() == order()
    assert order() != order(search_seed=1)
    assert order()[0] == order(search_seed=1)[0] == {"optim.lr": 1e-4, "model.num_blocks": 2}


def test_samplers_differ_after_the_random_suggestions_before_tpe_takes_over() -> None:
    budget = BudgetSpec(trials=12)
    tpe, random = (
        configs(ArmSearch(arm(), study(sampler=name, budget=budget)), 12)
        for name in ("tpe", "random")
    )
    assert random[NUM_STARTUP_TRIALS + 1 :] != tpe[NUM_STARTUP_TRIALS + 1 :]


def test_an_endless_space_goes_on_where_the_sampler_only_repeats_its_finite_part() -> None:
    """Only one of 15 values leads to a range; every other one is tried after 15 trials."""
    space = {
        "training.patience": ParamSpec(int=(1, 15)),
        "optim.lr": ParamSpec(loguniform=(1e-4, 1e-1), when={"training.patience": 7}),
    }
    search = ArmSearch(arm(space), study(budget=BudgetSpec(trials=30)))
    found = run(search, 30)
    assert len(found) == len({json.dumps(entry.params) for entry in search.entries}) == 30


def test_suggestions_of_endless_spaces_stay_as_they_are() -> None:
    """Recorded on 2026-11-28 (schema 3, Optuna 4): no recorded search may move."""
    search = ArmSearch(arm(), study(budget=BudgetSpec(trials=8)))
    run(search, 8)
    rates = [entry.params["optim.lr"] for entry in search.entries]
    assert rates == pytest.approx(
        [
            0.0001,
            0.026048687135370154,
            0.021377259653019544,
            0.0011566134460856215,
            0.011367784754926603,
            0.0007538853979897258,
            0.08740213826131527,
            0.05841627220638479,
        ]
    )
    assert [[*entry.params.values()][1:] for entry in search.entries] == [
        [2, "bce"],
        [3, "bce"],
        [1, "bce"],
        [3, "bce"],
        [3, "bce"],
        [1, "in_batch_ce", 16],
        [2, "in_batch_ce", 32],
        [2, "in_batch_ce", 32],
    ]


def test_lists_and_null_are_choices_too() -> None:
    space = {
        "optim.clip_norm": ParamSpec(choice=(None, 1.0)),
        "evaluation.ks": ParamSpec(choice=([10], [10, 20])),
    }
    seen = configs(ArmSearch(arm(space), study()), 4)
    assert {(c.optim.clip_norm, c.evaluation.ks) for c in seen} == {
        (None, (10,)),
        (None, (10, 20)),
        (1.0, (10,)),
        (1.0, (10, 20)),
    }


def test_best_is_the_highest_validation_score_and_failures_never_are() -> None:
    search = ArmSearch(arm(), study())
    endings = [
        ("low", [0.1, 0.2], TrialStatus.COMPLETED),
        ("high", [0.4, 0.3], TrialStatus.COMPLETED),
        ("failed", [0.9], TrialStatus.FAILED),
        ("collapsed", [0.9], TrialStatus.COLLAPSED),
        ("pruned", [0.9], TrialStatus.PRUNED),
    ]
    for trial_id, scores, status in endings:
        config = ask(search, trial_id)
        search.tell(result_of(config, trial_id, scores, status))
    assert search.best().trial_id == "high"


def test_an_arm_without_one_completed_trial_has_no_choice() -> None:
    search = ArmSearch(arm(), study())
    config = ask(search, "t")
    search.tell(result_of(config, "t", [0.5], TrialStatus.FAILED))
    assert search.best() is None


def test_an_arm_with_nothing_to_search_is_locked_with_no_params() -> None:
    search = ArmSearch(arm({}), study())
    assert search.num_trials == 0
    assert search.best().params == {}


def test_without_search_trials_an_arm_is_locked_to_its_start() -> None:
    started = replace(arm(), start={"optim.lr": 0.05})
    search = ArmSearch(started, study(budget=BudgetSpec(trials=0)))
    assert search.best().params == {"optim.lr": 0.05}


@pytest.mark.parametrize("scheduler", ["asha", "median"])
def test_a_weak_trial_is_pruned_against_its_own_arm_and_again_after_a_rebuild(scheduler) -> None:
    def play(search: ArmSearch) -> list[bool]:
        decisions = []
        for number in range(6):
            config = ask(search, f"t{number}")
            curve = [(e, (0.9 - 0.1 * number) * e / 9) for e in range(1, 10)]
            weak = (search.weak_epoch(f"t{number}", curve[:e]) for e in range(1, 10))
            decisions += [epoch is not None for epoch in weak]
            scores = [score for _, score in curve]
            search.tell(result_of(config, f"t{number}", scores))
        return decisions

    first = play(ArmSearch(arm(), study(scheduler=scheduler)))
    assert any(first)
    assert not any(first[:9])
    assert first == play(ArmSearch(arm(), study(scheduler=scheduler)))


def first_stop(scheduler: str, told: Sequence[float], curve: Sequence[float]) -> int | None:
    """The epoch after which a trial stops whose arm has trials with these scores in all epochs."""
    search = ArmSearch(arm(), study(scheduler=scheduler))
    for number, score in enumerate(told):
        config = ask(search, f"t{number}")
        search.tell(result_of(config, f"t{number}", [score] * len(curve)))
    ask(search, "new")
    return search.weak_epoch("new", enumerate(curve, 1))


@pytest.mark.parametrize(
    ("curve", "expected"),
    [
        ([0.6] * 9, None),
        ([0.45] + [0.6] * 8, 1),
        ([0.6, 0.45] + [0.6] * 7, None),
        ([0.6, 0.6, 0.45] + [0.6] * 6, 3),
        ([0.6] * 3 + [0.45] * 5 + [0.6], None),
        ([0.6] * 8 + [0.45], 9),
    ],
)
def test_asha_lets_a_third_pass_at_epochs_1_3_and_9(curve, expected) -> None:
    """Two of six, counting the trial itself; rungs begin with the second trial that is told."""
    assert first_stop("asha", [0.9, 0.9, 0.5, 0.4, 0.3, 0.2], curve) == expected


@pytest.mark.parametrize(
    ("told", "curve", "expected"),
    [
        ([0.5], [0.1] * 4, None),
        ([0.5, 0.5], [0.1] * 4, 2),
        ([0.5, 0.5], [0.1, 0.6, 0.6, 0.1], None),
        ([0.5, 0.3, 0.1], [0.31] * 4, None),
        ([0.5, 0.3, 0.1], [0.29] * 4, 2),
    ],
)
def test_the_median_stops_from_the_third_trial_and_second_epoch_on(told, curve, expected) -> None:
    """It compares a trial's best epoch so far."""
    assert first_stop("median", told, curve) == expected


@pytest.mark.parametrize("scheduler", ["median", "asha"])
def test_a_trial_is_not_stopped_for_what_others_of_its_round_have_reached(scheduler) -> None:
    """How far they are depends on the machine; trials of earlier rounds count."""
    search = ArmSearch(arm(), study(scheduler=scheduler))
    good, weak = [0.5] * 9, [0.1] * 9
    for number in range(4):
        ask(search, f"r1-{number}")
    for number in range(3):
        assert search.weak_epoch(f"r1-{number}", list(enumerate(good, 1))) is None
    assert search.weak_epoch("r1-3", list(enumerate(weak, 1))) is None
    config = arm().config
    for number in range(4):
        search.tell(result_of(config, f"r1-{number}", weak if number == 3 else good))
    ask(search, "r2-0")
    assert search.weak_epoch("r2-0", list(enumerate(weak, 1))) is not None


@pytest.mark.parametrize("scheduler", ["median", "asha"])
def test_epochs_that_come_together_are_judged_as_if_each_had_come_alone(scheduler) -> None:
    """A driver that is ended may hear of a trial again only when it has gone on."""

    def weak_epochs(parts: Sequence[int]) -> list[int | None]:
        search = ArmSearch(arm(), study(scheduler=scheduler))
        for number in range(4):
            config = ask(search, f"t{number}")
            search.tell(result_of(config, f"t{number}", [0.5] * 9))
        ask(search, "weak")
        curve = list(enumerate([0.1] * 9, 1))
        return [search.weak_epoch("weak", curve[:end]) for end in parts]

    alone = weak_epochs(range(1, 10))
    first = next(epoch for epoch in alone if epoch is not None)
    assert alone.index(first) == first - 1
    assert weak_epochs([9]) == [first]
    assert weak_epochs([first + 1]) == [first]
