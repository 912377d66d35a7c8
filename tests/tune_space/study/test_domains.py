"""A parameter's domain: exactly one kind, sensible bounds, and what it contains."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tune_space.study.domains import ParamSpec


@pytest.mark.parametrize(
    ("domain", "message"),
    [
        ({}, "give exactly one of uniform, loguniform, int, logint, choice"),
        (
            {"int": (1, 2), "choice": (1,)},
            "give exactly one of uniform, loguniform, int, logint, choice",
        ),
        ({"choice": ()}, "choice is empty"),
        ({"choice": (2, 3, 2)}, "choice has a value twice: [2, 3, 2]"),
        ({"uniform": (2.0, 2.0)}, "uniform: low 2.0 is not below high 2.0"),
        ({"loguniform": (0.0, 2.0)}, "loguniform: low 0.0 is not above 0"),
        ({"choice": (1, 1.0)}, "choice has a value twice: [1, 1.0]"),
        ({"logint": (0, 2)}, "logint: low 0 is not above 0"),
        ({"choice": (2, 3), "step": 1}, "step has no effect on choice; it goes with int and uni"),
        ({"logint": (2, 3), "step": 1}, "step has no effect on logint; it goes with int and uni"),
        ({"int": (1, 9), "step": 0}, "step 0 is not above 0"),
        ({"uniform": (0.0, 1.0), "step": -0.1}, "step -0.1 is not above 0"),
        ({"int": (1, 9), "step": 2.0}, "step 2.0 is not a whole number"),
        (
            {"int": (1, 10), "step": 2},
            "int: steps of 2 from 1 do not lead to 10; write 9 or another step",
        ),
        (
            {"uniform": (0.0, 1.0), "step": 0.3},
            "uniform: steps of 0.3 from 0.0 do not lead to 1.0; write 0.9 or another step",
        ),
        (
            {"int": (1, 10), "step": 20},
            "int: steps of 20 from 1 do not lead to 10; write 21 or another step",
        ),
        ({"uniform": (1.0, 1e17), "step": 1}, "step 1 is too small beside 1e+17"),
    ],
)
def test_a_domain_that_makes_no_sense_is_refused(domain: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(message)):
        ParamSpec.model_validate(domain)


def test_contains_tells_true_from_one_and_whole_numbers_from_fractions() -> None:
    assert ParamSpec(choice=(True, None, "all")).contains(True)
    assert not ParamSpec(choice=(True,)).contains(1)
    assert ParamSpec(int=(1, 3)).contains(3)
    assert not ParamSpec(int=(1, 3)).contains(2.0)
    assert not ParamSpec(int=(0, 3)).contains(True)
    assert not ParamSpec(uniform=(0.0, 1.0)).contains(1.5)


@pytest.mark.parametrize(
    ("domain", "values"),
    [
        ({"choice": (None, True, [10])}, [None, True, [10]]),
        ({"int": (-1, 2)}, [-1, 0, 1, 2]),
        ({"int": (1, 9), "step": 4}, [1, 5, 9]),
        ({"logint": (8, 10)}, [8, 9, 10]),
        ({"uniform": (0.0, 0.5), "step": 0.1}, [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]),
        ({"uniform": (1e-05, 3e-05), "step": 1e-05}, [1e-05, 2e-05, 3e-05]),
        ({"uniform": (0.0, 2.0), "step": 1}, [0.0, 1.0, 2.0]),
    ],
)
def test_the_values_of_a_finite_domain_are_numbered_and_no_others_lie_in_it(
    domain: dict[str, object], values: list[object]
) -> None:
    param = ParamSpec.model_validate(domain)
    assert param.size == len(values)
    found = [param.value_at(index) for index in range(len(values))]
    assert found == values and list(map(type, found)) == list(map(type, values))
    assert [param.index_of(value) for value in values] == list(range(len(values)))
    assert all(map(param.contains, values))
    assert set(map(repr, param.probes())) <= set(map(repr, values))
    numbers = [value for value in values if type(value) in (int, float)]
    between = [(low + high) / 2 for low, high in pairwise(numbers)]
    assert not any(map(param.contains, [*between, *(n - 100 for n in numbers)]))


def test_ranges_without_a_step_are_endless_unless_they_are_of_whole_numbers() -> None:
    assert ParamSpec(uniform=(0.0, 1.0)).size is ParamSpec(loguniform=(0.1, 1.0)).size is None


def test_ranges_on_a_logarithmic_scale_say_so() -> None:
    assert ParamSpec(loguniform=(0.1, 1.0)).is_logarithmic
    assert ParamSpec(logint=(1, 2)).is_logarithmic
    assert not ParamSpec(int=(1, 2)).is_logarithmic


def test_a_domain_in_words_names_its_steps() -> None:
    assert ParamSpec(int=(1, 9), step=2).format() == "a whole number between 1 and 9 in steps of 2"
    assert ParamSpec(logint=(1, 9)).format() == "a whole number between 1 and 9"
    assert ParamSpec(uniform=(0.0, 1.0), step=0.5).format() == (
        "a number between 0.0 and 1.0 in steps of 0.5"
    )


@given(low=st.integers(-100, 100), width=st.integers(1, 100))
def test_probes_of_a_range_lie_in_it_and_reach_both_ends_and_both_parities(
    low: int, width: int
) -> None:
    param = ParamSpec(int=(low, low + width))
    probes = param.probes()
    assert all(map(param.contains, probes))
    assert {low, low + width} <= set(probes)
    assert {probe % 2 for probe in probes} == {0, 1}
