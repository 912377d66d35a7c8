"""Suggestions that must not move, where a search ends, and the importance of what was searched."""

import math
import runpy
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import optuna
import pytest

from morec.results import TrialStatus
from tests.tune_space.schedule.searched_arms import (
    GRID,
    SPACE,
    arm,
    ask,
    configs,
    result_of,
    run,
    score_of,
    study,
)
from tune_space.ledger.manifest import MIN_FOR_IMPORTANCE
from tune_space.schedule import arm_search
from tune_space.schedule.arm_search import ArmSearch
from tune_space.schedule.jobs import NUM_STARTUP_TRIALS
from tune_space.study.domains import ParamSpec
from tune_space.study.spec import BudgetSpec


def test_suggestions_of_finite_spaces_stay_as_they_are() -> None:
    """Recorded on 2026-11-30 (schema 3, Optuna 4): no recorded search may move."""
    search = ArmSearch(arm(GRID), study(sampler="grid", budget=BudgetSpec(trials=12)))
    run(search, 6)
    tried = [tuple(entry.params[path] for path in GRID) for entry in search.entries]
    assert tried == [(0.0001, 2), (0.0001, 3), (0.1, 3), (0.001, 1), (0.1, 2), (0.1, 1)]


@pytest.mark.parametrize("space", [{"int": (1, 1000)}, {"logint": (1, 1000)}])
def test_only_a_logarithmic_range_of_whole_numbers_leans_to_small_ones(
    space: dict[str, tuple[int, int]],
) -> None:
    """Half of the numbers lie below 31.6, the middle on a logarithmic scale."""
    depths = {"training.patience": ParamSpec(**space)}
    spec = study(sampler="random", budget=BudgetSpec(trials=40))
    tried = [config.training.patience for config in configs(ArmSearch(arm(depths), spec), 40)]
    num_small = sum(one < 32 for one in tried)
    assert 10 < num_small < 30 if "logint" in space else num_small < 8
    assert max(tried) > 500


def test_an_endless_space_of_hardly_any_values_ends_its_search(monkeypatch) -> None:
    monkeypatch.setattr("tune_space.schedule.arm_search.MAX_REPEATS_ENDLESS", 30)
    low = 0.01
    space = {"optim.lr": ParamSpec(uniform=(low, math.nextafter(low, 1)))}
    assert 0 < len(run(ArmSearch(arm(space), study()), 6)) <= 2


def test_a_suggestion_that_repeats_a_trial_does_not_stay_running_beside_it() -> None:
    """Running trials push the sampler away from their points."""
    depths = {"training.patience": ParamSpec(int=(1, 6))}
    search = ArmSearch(arm(depths), study(sampler="random"))
    while ask(search, f"t{len(search.entries)}") is not None:
        pass
    states = [one.state.name for one in search._study.trials]
    assert (len(search.entries), states.count("RUNNING")) == (6, 6)
    assert states.count("FAIL") == len(states) - 6 > 0


def test_a_budget_of_one_trial_is_a_search_with_a_choice() -> None:
    search = ArmSearch(arm(), study(budget=BudgetSpec(trials=1)))
    run(search, 1)
    assert search.best() == search.entries[0]


def test_how_trials_ended_moves_the_suggestions_after_them() -> None:
    def after(status: TrialStatus) -> list[Mapping[str, Any]]:
        search = ArmSearch(arm(), study(budget=BudgetSpec(trials=12)))
        for number in range(12):
            config = ask(search, f"t{number}")
            search.tell(result_of(config, f"t{number}", [score_of(config)], status))
        return [entry.params for entry in search.entries]

    pruned, failed = after(TrialStatus.PRUNED), after(TrialStatus.FAILED)
    assert pruned != failed == after(TrialStatus.COLLAPSED)
    assert pruned[:NUM_STARTUP_TRIALS] == failed[:NUM_STARTUP_TRIALS]


@pytest.fixture
def verbosity() -> Iterator[None]:
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.INFO)
    yield
    optuna.logging.set_verbosity(before)


@pytest.mark.usefixtures("verbosity")
def test_a_search_logs_nothing_of_its_own(capfd) -> None:
    runpy.run_path(arm_search.__file__)  # as where nothing else has set Optuna's level
    run(ArmSearch(arm(), study()), 3)
    assert capfd.readouterr() == ("", "")
    assert optuna.logging.get_verbosity() == optuna.logging.WARNING


def searched(num_trials: int, score, space=SPACE) -> ArmSearch:
    search = ArmSearch(arm(space), study())
    for number in range(num_trials):
        config = ask(search, f"t{number}")
        search.tell(result_of(config, f"t{number}", [score(config)]))
    return search


def test_what_alone_decides_the_score_has_most_of_the_importance() -> None:
    shares = searched(40, lambda c: 1 - abs(math.log10(c.optim.lr) + 2) / 2).importance()
    assert set(shares) == set(SPACE)
    assert next(iter(shares)) == "optim.lr" and shares["optim.lr"] > 0.7
    assert sum(shares.values()) == pytest.approx(1, abs=1e-3)
    by_loss = searched(40, lambda c: 0.2 + 0.5 * (c.training.loss == "bce")).importance()
    assert max(by_loss, key=by_loss.get) == "training.loss"


def test_pruned_and_failed_trials_do_not_count() -> None:
    search = searched(MIN_FOR_IMPORTANCE - 1, score_of)
    assert search.importance() == {}
    config = ask(search, "pruned")
    search.tell(result_of(config, "pruned", [0.9], TrialStatus.PRUNED))
    assert search.importance() == {}
    config = ask(search, "last")
    search.tell(result_of(config, "last", [0.01]))
    assert set(search.importance()) == set(SPACE)


def test_two_searched_values_share_the_importance_in_rounded_parts_without_a_warning() -> None:
    space = {"optim.lr": SPACE["optim.lr"], "model.num_blocks": ParamSpec(int=(1, 9))}
    search = searched(12, lambda c: score_of(c) + c.model.num_blocks / 99, space)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        shares = search.importance()
    assert set(shares) == set(space) and min(shares.values()) > 0
    assert all(share == round(share, 4) for share in shares.values())


def test_one_searched_value_or_equal_scores_have_no_importance_to_share() -> None:
    assert searched(20, score_of, {"optim.lr": SPACE["optim.lr"]}).importance() == {}
    assert searched(20, lambda _: 0.5).importance() == {}
