"""The numbers of a new study follow from its data and the machine."""

from dataclasses import replace

import numpy as np
import pytest

from morec.data.interactions import Interactions
from morec.errors import DataError
from tune_space.commands.new_settings import (
    Machine,
    Settings,
    Sizes,
    epoch_seconds,
    format_minutes,
    guess_settings,
)


def drawn(lengths: list[int], num_items: int) -> Interactions:
    """Users of these lengths, who go through the items one after another."""
    users = np.repeat(np.arange(len(lengths)), lengths)
    items = np.arange(len(users)) % num_items
    return Interactions(
        user_ids=users,
        item_ids=items,
        timestamps=np.arange(len(users)),
        user_names=[f"u{user}" for user in range(len(lengths))],
        item_names=[f"i{item}" for item in range(num_items)],
        counts={"repeated_interactions_dropped": len(users) // 3},
    )


def settings(data: Interactions, machine: Machine | None = None) -> Settings:
    return guess_settings(data, machine or Machine(2, 0), num_arms=3, has_repeats=True)


def values(data: Interactions, machine: Machine | None = None) -> dict[str, object]:
    found = settings(data, machine)
    guesses = (*found.dataset, *found.model, *found.training, *found.evaluation, *found.resources)
    return {guess.key: guess.value for guess in (*guesses, found.budget)}


def test_ordinary_data_on_two_cpus() -> None:
    assert values(drawn([20] * 600, 200)) == {
        "repeats": "first",
        "min_seq_len": 5,
        "max_seq_len": 20,
        "warm": 20,
        "dim": 64,
        "num_blocks": 1,
        "dropout": 0.2,
        "batch_size": 64,
        "max_epochs": 30,
        "trials": 8,
    }


def test_many_ties_in_time_are_named() -> None:
    data = drawn([20] * 600, 200)
    assert settings(data).advice == ()
    tied = replace(data, timestamps=data.timestamps // 20 * 20 + data.timestamps % 20 // 2)
    assert settings(tied).advice == (
        "50.0% of the interactions have the time of the user's one before. A hash orders them; if "
        "rows are written as they happen, give ties: file.",
    )


def test_the_share_of_repeats_is_named() -> None:
    repeats = settings(drawn([30] * 100, 50)).dataset[0]
    assert repeats.why.startswith("25.0% of the interactions repeat")


@pytest.mark.parametrize(
    ("num_items", "warm"), [(1200 // 25, 20), (1200 // 12, 10), (1200 // 6, 5), (1200 // 3, 0)]
)
def test_warm_keeps_95_percent_of_the_interactions(num_items: int, warm: int) -> None:
    assert values(drawn([12] * 100, num_items))["warm"] == warm


@pytest.mark.parametrize(("length", "inputs"), [(13, 10), (14, 20), (23, 20), (24, 50), (99, 50)])
def test_inputs_cover_three_quarters_of_the_users(length: int, inputs: int) -> None:
    data = drawn([length] * 300 + [500] * 99, 90)
    assert values(data)["max_seq_len"] == inputs


def test_short_histories_lower_the_minimum_and_shorter_ones_are_refused() -> None:
    assert values(drawn([5] * 50 + [4] * 50, 10))["min_seq_len"] == 5
    assert values(drawn([5] * 49 + [4] * 50, 10))["min_seq_len"] == 4
    with pytest.raises(DataError, match=r"no user has 4 interactions \(the most of one user: 3\)"):
        settings(drawn([3] * 100, 10))


@pytest.mark.parametrize(("num_items", "k"), [(100, None), (99, 9), (8, 1)])
def test_a_list_holds_at_most_a_tenth_of_the_catalogue(num_items: int, k: int | None) -> None:
    found = values(drawn([20] * 500, num_items))
    assert found.get("ks") == (None if k is None else [k])
    assert found.get("select") == (None if k is None else f"HR@{k}")


def test_the_budget_shrinks_with_the_data_and_grows_with_the_machine() -> None:
    large = drawn([30] * 20_000, 5_000)
    assert values(large)["trials"] == 2
    assert values(large, Machine(256, 0))["trials"] == 8
    assert not settings(drawn([30] * 100, 50)).advice
    assert not settings(large).advice
    assert settings(drawn([40] * 60_000, 20_000)).advice == (
        "max_users: 50000 (of 60,000) would make this study shorter.",
    )


def test_a_gpu_is_used_and_allows_a_larger_model() -> None:
    found = values(drawn([20] * 600, 200), Machine(8, 1))
    assert (found["gpus"], found["dim"], found["num_blocks"]) == (1, 256, 2)


def test_the_quick_form_draws_users_only_where_there_are_many() -> None:
    assert settings(drawn([20] * 501, 200)).quick_users == 500
    assert settings(drawn([20] * 500, 200)).quick_users is None


def test_an_epoch_s_seconds_are_positions_and_scores() -> None:
    sizes = Sizes(np.full(1000, 20), 100)
    positions = 1000 * 20
    expected = positions / 75_000 + (positions * 100 * 3 + 1000 * 100) / 2e8
    assert epoch_seconds(sizes, 20, 64) == pytest.approx(expected)


@pytest.mark.parametrize(("seconds", "text"), [(5, "1 min"), (3600, "60 min"), (7200, "2 h")])
def test_a_rough_time(seconds: float, text: str) -> None:
    assert format_minutes(seconds) == text
