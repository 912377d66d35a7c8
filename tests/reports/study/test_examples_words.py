"""The sentences about example users, word by word."""

from types import SimpleNamespace
from typing import Any

import pytest

from reports.study.examples import ShownSide
from reports.study.examples_words import how_drawn, how_many_differ, which_trials
from tune_space.ledger.examples import ExampleSide


def pair(**stored: Any) -> Any:
    plain = {"kind": "named", "seed": 2, "num_seeds": 3, "num_users": 1_200, "num_equal": 1_000}
    sides = [SimpleNamespace(arm="TS", num_users=150), SimpleNamespace(arm="ID", num_users=50)]
    return SimpleNamespace(
        arms=("TS", "ID"), stored=SimpleNamespace(sides=sides, **(plain | stored))
    )


def side(num_users: int, num_drawn_from: int, least_ratio: float, users: Any) -> ShownSide:
    how = {"num_users": num_users, "num_drawn_from": num_drawn_from, "least_ratio": least_ratio}
    return ShownSide(ExampleSide(arm="TS", users=(), **how), users)


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (
            {},
            "TS and ID: the first comparison that the study names. Lists of seed 2, whose "
            "difference on validation is the median of 3 seeds.",
        ),
        (
            {"num_seeds": 2},
            "TS and ID: the first comparison that the study names. Lists of seed 2, whose "
            "difference on validation is the lower median of 2 seeds.",
        ),
        (
            {"kind": "exploratory", "num_seeds": 1},
            "TS and ID: the arm with the largest lead over the baseline, since the study names no "
            "comparison. Lists of seed 2.",
        ),
    ],
)
def test_why_these_arms_and_this_seed(stored: dict[str, Any], expected: str) -> None:
    assert which_trials(pair(**stored)) == expected


def test_how_many_users_each_arm_ranks_higher() -> None:
    assert how_many_differ(pair()) == (
        "Of 1,200 test users, TS ranks the target higher for 150, ID ranks the target higher for "
        "50; 1,000 have one rank."
    )


def test_how_users_were_drawn() -> None:
    users: Any = (None,) * 6
    assert how_drawn(side(1_500, 150, 12.34, users)) == (
        "6 drawn by chance from 150: those of the 1,500 users whose ranks differ most, by a factor "
        "of 12 or more."
    )
    assert how_drawn(side(0, 0, 1.0, ())) == "There is no such user."
