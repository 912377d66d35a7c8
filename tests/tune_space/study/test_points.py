"""Points of a search space: counted and numbered as a list of all of them would be."""

import json
from collections.abc import Mapping
from itertools import product
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morec.config import TrialConfig, canonical_json
from tune_space.study.arm import Arm
from tune_space.study.domains import ParamSpec, Value
from tune_space.study.points import Points

BASE = {"dataset": {"kind": "synthetic"}, "item": {"id": True}, "model": {"dim": 64}}
DEFAULTS = {"model.num_blocks": 2, "training.batch_size": 64, "optim.warmup_steps": 0}
PATHS = ("training.loss", *DEFAULTS, "optim.lr")


def arm(space: Mapping[str, ParamSpec]) -> Arm:
    return Arm("A", None, TrialConfig.model_validate_json(json.dumps(BASE)), dict(space))


def param(domain: Mapping[str, Any], when: Mapping[str, Any]) -> ParamSpec:
    return ParamSpec.model_validate_json(json.dumps({**domain, "when": when}))


def all_points(space: Mapping[str, ParamSpec], domains: Mapping[str, list[Value]]) -> set[str]:
    """Every point, by trying every combination and leaving out what does not apply."""
    found = set()
    for row in product(*domains.values()):
        chosen = dict(zip(domains, row, strict=True))
        values: dict[str, Value] = {"training.loss": "bce", "optim.lr": 1e-4, **DEFAULTS}
        point = {}
        for path, spec in space.items():
            met = (
                values[p] in (wanted if isinstance(wanted, list) else [wanted])
                for p, wanted in spec.when.items()
            )
            if all(met):
                values[path] = point[path] = chosen[path]
        found.add(canonical_json(point))
    return found


@st.composite
def spaces(draw: st.DrawFn) -> tuple[dict[str, ParamSpec], dict[str, list[Value]]]:
    """A finite space whose parameters may depend on those before, and each domain's values."""
    space: dict[str, ParamSpec] = {}
    domains: dict[str, list[Value]] = {}
    for path in PATHS[: draw(st.integers(1, len(PATHS)))]:
        values, domain = draw(_domains(path))
        when = {}
        for other in draw(st.sets(st.sampled_from(sorted(domains)), max_size=2)) if domains else ():
            option = st.sampled_from([*domains[other], *([1, 2] if other in DEFAULTS else [])])
            when[other] = draw(option | st.lists(option, min_size=1, max_size=2))
        space[path], domains[path] = param(domain, when), values
    return space, domains


@st.composite
def _domains(draw: st.DrawFn, path: str) -> tuple[list[Value], dict[str, Any]]:
    if path == "training.loss":
        return ["bce", "in_batch_ce"], {"choice": ["bce", "in_batch_ce"]}
    if path == "optim.lr":
        return [0.1, 0.3, 0.5], {"uniform": [0.1, 0.5], "step": 0.2}
    low, num, step = draw(st.integers(1, 4)), draw(st.integers(2, 4)), draw(st.integers(1, 3))
    values = list(range(low, low + num * step, step))
    kinds = [{"choice": values}, {"int": [values[0], values[-1]], "step": step}]
    if step == 1:
        kinds += [{"int": [values[0], values[-1]]}, {"logint": [values[0], values[-1]]}]
    return values, draw(st.sampled_from(kinds))


@settings(deadline=None, max_examples=60)
@given(spaces())
def test_points_are_those_that_a_list_of_all_combinations_has_each_once(made) -> None:
    points, wanted = Points(arm(made[0])), all_points(*made)
    assert points.count() == len(wanted)
    found = [points.point(number) for number in range(len(wanted))]
    assert {canonical_json(point) for point in found} == wanted
    assert [points.number_of(point) for point in found] == list(range(len(wanted)))


@settings(deadline=None, max_examples=30)
@given(spaces(), st.integers(0, 9))
def test_untried_points_are_drawn_until_every_one_was_tried(made, seed: int) -> None:
    points, tried = Points(arm(made[0])), []
    while (point := points.draw_untried(tried, Random(seed))) is not None:
        tried.append(points.number_of(point))
    assert len(tried) == points.count()
    assert set(tried) == set(range(len(all_points(*made))))


def test_each_untried_point_is_as_likely_as_any_other() -> None:
    space = {
        "training.loss": param({"choice": ["bce", "in_batch_ce"]}, {}),
        "model.num_blocks": param({"int": [1, 4]}, {"training.loss": "bce"}),
    }
    points = Points(arm(space))
    tried = [points.number_of({"training.loss": "bce", "model.num_blocks": 2})]
    drawn = [points.draw_untried(tried, Random(seed)) for seed in range(2000)]
    numbers = {canonical_json(p): drawn.count(p) for p in drawn}
    assert len(numbers) == 4
    assert all(abs(number - 500) < 100 for number in numbers.values())


def test_a_space_of_any_size_is_counted_without_a_list_of_it() -> None:
    huge = {
        "model.dim": param({"logint": [1, 10**6]}, {}),
        "training.batch_size": param({"int": [0, 10**18]}, {"model.dim": [7, 9, 10**7]}),
        "optim.warmup_steps": param({"int": [0, 10**18], "step": 10**6}, {}),
    }
    points = Points(arm(huge))
    # Two of the million values of dim search the batch size too.
    assert points.count() == (2 * (10**18 + 1) + (10**6 - 2)) * (10**12 + 1)
    third = points.count() // 3
    assert points.number_of(points.point(third)) == third
    assert points.draw_untried([third], Random(0)) != points.point(third)


@pytest.mark.parametrize("domain", [{"uniform": [0, 1]}, {"loguniform": [0.1, 1]}])
def test_a_space_is_endless_only_where_an_endless_parameter_can_be_drawn(domain) -> None:
    loss = {"training.loss": param({"choice": ["bce"]}, {})}
    assert Points(arm(loss | {"optim.lr": param(domain, {})})).count() is None
    never = param(domain, {"training.loss": "in_batch_ce"})
    assert Points(arm(loss | {"optim.lr": never})).count() == 1


def test_a_condition_on_a_mapping_above_a_range_tells_its_values_apart() -> None:
    optim = TrialConfig.model_validate_json(json.dumps(BASE)).optim.model_dump(mode="json")
    space = {
        "optim.warmup_steps": param({"int": [0, 99]}, {}),
        "model.num_blocks": param({"int": [1, 5]}, {"optim": optim | {"warmup_steps": 3}}),
    }
    assert Points(arm(space)).count() == 99 + 5
