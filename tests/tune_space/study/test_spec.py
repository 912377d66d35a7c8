"""A parameter's domain: exactly one kind, sensible bounds, and what it contains."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tune_space.study.spec import ParamSpec, ResourcesSpec


@pytest.mark.parametrize(
    ("domain", "message"),
    [
        ({}, "give exactly one of uniform, loguniform, int, choice"),
        ({"int": (1, 2), "choice": (1,)}, "give exactly one of uniform, loguniform, int, choice"),
        ({"choice": ()}, "choice is empty"),
        ({"choice": (2, 3, 2)}, "choice has a value twice: [2, 3, 2]"),
        ({"uniform": (2.0, 2.0)}, "uniform: low 2.0 is not below high 2.0"),
        ({"loguniform": (0.0, 2.0)}, "loguniform: low 0.0 is not above 0"),
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


@given(low=st.integers(-100, 100), width=st.integers(1, 100))
def test_probes_of_a_range_lie_in_it_and_reach_both_ends_and_both_parities(
    low: int, width: int
) -> None:
    param = ParamSpec(int=(low, low + width))
    probes = param.probes()
    assert all(map(param.contains, probes))
    assert {low, low + width} <= set(probes)
    assert {probe % 2 for probe in probes} == {0, 1}


@pytest.mark.parametrize("niceness", [-1, 20])
def test_a_niceness_that_no_process_may_take_is_refused(niceness: int) -> None:
    assert [ResourcesSpec(niceness=n).niceness for n in (None, 0, 19)] == [None, 0, 19]
    with pytest.raises(ValidationError, match="niceness"):
        ResourcesSpec(niceness=niceness)
