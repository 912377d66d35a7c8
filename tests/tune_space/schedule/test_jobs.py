"""How large a round of search trials is."""

import pytest

from tests.tune_space.made_up_trials import STUDY, study
from tune_space.schedule.jobs import round_size
from tune_space.study.expand import expand


@pytest.mark.parametrize(("num_slots", "size"), [(1, 1), (2, 1), (3, 1), (4, 2), (14, 5)])
def test_auto_gives_every_searching_arm_its_part_of_the_slots(num_slots: int, size: int) -> None:
    spec = study(
        arms=STUDY["arms"] | {"late": {"ensemble": ["ID", "wide"]}},
        budget={"trials": 3, "parallel": "auto"},
    )
    assert round_size(spec, expand(spec), num_slots) == size


@pytest.mark.parametrize(
    ("sampler", "trials", "size"),
    [("tpe", 24, 8), ("tpe", 25, 9), ("tpe", 6, 5), ("tpe", 1, 5), ("random", 24, 64)],
)
def test_auto_leaves_a_sampler_that_learns_rounds_to_learn_from(
    sampler: str, trials: int, size: int
) -> None:
    budget = {"trials": trials, "parallel": "auto"}
    spec = study(arms={"ID": {}}, baseline="ID", sampler=sampler, budget=budget)
    assert round_size(spec, expand(spec), 64) == size


def test_without_a_search_a_round_is_one_trial() -> None:
    spec = study(search={}, budget={"trials": 3, "parallel": "auto"})
    assert round_size(spec, expand(spec), 8) == 1


def test_a_number_is_the_same_on_every_machine() -> None:
    spec = study(budget={"trials": 3, "parallel": 2})
    assert round_size(spec, expand(spec), 1) == round_size(spec, expand(spec), 64) == 2
