"""Keys that only some kinds have apply to those kinds: in the base, in arms and in searches."""

from typing import Any

import pytest

from morec.config import canonical_json
from morec.config.models import GRU4RecSpec, SASRecSpec
from morec.errors import SpecError
from tune_space.study.arm import Arm, fits, start_values, with_values
from tune_space.study.domains import ParamSpec
from tune_space.study.expand import configure, expand
from tune_space.study.kinds import as_kind, for_kinds, kind_of, kinds_with, unions
from tune_space.study.load import parse_study
from tune_space.study.points import Points
from tune_space.study.spec import ArmSpec, StudySpec

KINDS = ParamSpec(choice=("sasrec", "gru4rec", "nextitnet"))


def study(model: dict[str, Any], search: dict[str, ParamSpec], **fields: Any) -> StudySpec:
    base = {"dataset": {"kind": "synthetic"}, "item": {"id": True}, "model": model}
    given = {"name": "s", "question": "?", "base": base, "baseline": "A", "search": search}
    return StudySpec.model_validate({"arms": {"A": ArmSpec()}} | given | fields)


def only_arm(*args: Any, **fields: Any) -> Arm:
    (arm,) = expand(study(*args, **fields))
    return arm


def problems(*args: Any, **fields: Any) -> tuple[str, ...]:
    with pytest.raises(SpecError) as caught:
        expand(study(*args, **fields))
    return caught.value.problems


def models(arm: Arm) -> dict[str, Any]:
    """Kind -> the model of the arm with that kind and nothing else searched."""
    kinds = arm.space["model.kind"].choice or ()
    return {kind: configure(arm, {"model.kind": kind}, seed=0, test=False).model for kind in kinds}


def test_which_kinds_have_a_key() -> None:
    assert {"model", "dataset"} == set(unions())
    assert kinds_with("model.kernel_size") == {"model.kind": {"nextitnet"}}
    assert kinds_with("model.num_heads") == {"model.kind": {"sasrec", "bert4rec"}}
    for path in ("model.dim", "model.kind", "model", "optim.lr", "item.text.name"):
        assert kinds_with(path) == {}


def test_a_part_without_a_kind_has_the_default_one_if_there_is_one() -> None:
    assert kind_of("model", {}) == "sasrec"
    assert kind_of("model", {"kind": "gru4rec"}) == "gru4rec"
    assert kind_of("dataset", {}) is None


def test_a_key_that_no_kind_has_stays_so_that_it_is_found() -> None:
    assert for_kinds("model", {"num_head": 2, "num_heads": 2}, ["gru4rec"]) == {"num_head": 2}


def test_a_kind_s_own_defaults_are_not_those_of_another() -> None:
    spec = GRU4RecSpec(kind="gru4rec", dim=8)
    assert as_kind("model", {"dim": 8}, "gru4rec") == spec.model_dump()
    assert as_kind("model", {}, "sasrec") == SASRecSpec().model_dump()


def test_a_searched_kind_takes_its_own_keys_and_defaults() -> None:
    found = models(only_arm({"dim": 32, "num_heads": 4, "kernel_size": 5}, {"model.kind": KINDS}))
    assert (found["sasrec"].num_heads, found["sasrec"].num_blocks) == (4, 2)
    assert (found["gru4rec"].dim, found["gru4rec"].num_blocks) == (32, 1)
    assert (found["nextitnet"].kernel_size, found["nextitnet"].num_blocks) == (5, 2)


def test_a_key_that_is_written_applies_to_every_kind_that_has_it() -> None:
    found = models(only_arm({"dim": 32, "num_blocks": 2}, {"model.kind": KINDS}))
    assert [model.num_blocks for model in found.values()] == [2, 2, 2]


def test_a_key_that_only_some_kinds_have_is_searched_only_there() -> None:
    heads, size = ParamSpec(choice=(1, 2)), ParamSpec(int=(2, 4))
    arm = only_arm(
        {"dim": 32}, {"model.num_heads": heads, "model.kernel_size": size, "model.kind": KINDS}
    )
    points = Points(arm)
    drawn = [points.point(number) for number in range(points.count() or 0)]
    wanted = [
        *({"model.kind": "sasrec", "model.num_heads": n} for n in (1, 2)),
        {"model.kind": "gru4rec"},
        *({"model.kind": "nextitnet", "model.kernel_size": n} for n in (2, 3, 4)),
    ]
    assert sorted(map(canonical_json, drawn)) == sorted(map(canonical_json, wanted))
    assert all(fits(arm, point) for point in drawn)
    assert not fits(arm, {"model.kind": "gru4rec", "model.num_heads": 1})
    for point in drawn:
        model = configure(arm, point, seed=0, test=False).model.model_dump()
        assert all(model[path.removeprefix("model.")] == value for path, value in point.items())


def test_the_order_of_searched_values_does_not_matter() -> None:
    arm = only_arm({}, {"model.dropout": ParamSpec(choice=(0.1, 0.2)), "model.kind": KINDS})
    values = {"model.dropout": 0.2, "model.kind": "gru4rec"}
    assert configure(arm, values, seed=0, test=False).model.dropout == 0.2


def test_a_condition_sees_the_keys_of_the_kind_that_is_drawn() -> None:
    rate = ParamSpec(choice=(0.1,), when={"model.num_blocks": 1})
    arm = only_arm({}, {"model.kind": KINDS, "optim.lr": rate})
    assert Points(arm).count() == 3
    assert with_values(arm, {"model.kind": "gru4rec"})["model"]["num_blocks"] == 1
    assert fits(arm, {"model.kind": "gru4rec", "optim.lr": 0.1})
    assert not fits(arm, {"model.kind": "sasrec", "optim.lr": 0.1})


def test_the_search_begins_with_the_kind_of_the_file() -> None:
    arm = only_arm({"kind": "gru4rec", "num_heads": 4}, {"model.kind": KINDS})
    assert start_values(arm) == {"model.kind": "gru4rec"}
    assert models(arm)["sasrec"].num_heads == 4


def test_arms_of_several_kinds_take_their_own_keys_of_the_base_and_of_the_search() -> None:
    arms = {"A": ArmSpec(), "B": ArmSpec(set={"model.kind": "nextitnet"})}
    search = {"model.num_heads": ParamSpec(choice=(1, 2)), "optim.lr": ParamSpec(choice=(0.1, 0.2))}
    first, second = expand(study({"num_heads": 4, "kernel_size": 5}, search, arms=arms))
    assert (first.config.model.num_heads, second.config.model.kernel_size) == (4, 5)
    assert [set(arm.space) for arm in (first, second)] == [set(search), {"optim.lr"}]


def test_an_edit_of_a_key_of_another_kind_is_another_arm() -> None:
    arms = {"A": ArmSpec(), "B": ArmSpec(set={"model.kernel_size": 7})}
    search = {"model.kind": KINDS}
    first, second = expand(study({"kernel_size": 5}, search, arms=arms))
    assert first.config == second.config
    assert [arm.settings["model"]["kernel_size"] for arm in (first, second)] == [5, 7]


@pytest.mark.parametrize(
    ("model", "search", "arms", "expected"),
    [
        (
            {},
            {"model.mlp_layers": ParamSpec(choice=(0, 1))},
            {"A": ArmSpec()},
            "search: model.mlp_layers: no arm has a kind with this key (dssm)",
        ),
        (
            {"mlp_layers": 1},
            {"model.kind": KINDS},
            {"A": ArmSpec()},
            "base: model.mlp_layers: no arm has a kind with this key (dssm)",
        ),
        (
            {"num_heads": 4},
            {},
            {"A": ArmSpec(set={"model.kind": "gru4rec"})},
            "base: model.num_heads: no arm has a kind with this key (bert4rec, sasrec)",
        ),
        (
            {},
            {"model.kind": KINDS},
            {"A": ArmSpec(set={"model.mlp_layers": 1})},
            "arm 'A': model.mlp_layers: no kind that is searched has it: sasrec, gru4rec, "
            "nextitnet",
        ),
        (
            {},
            {},
            {"A": ArmSpec(set={"model.mlp_layers": 1})},
            "arm 'A': model.mlp_layers: unknown key 'mlp_layers'. "
            "Allowed: dim, dropout, kind, num_blocks, num_heads",
        ),
        (
            {},
            {},
            {"A": ArmSpec(search={"model.mlp_layers": ParamSpec(choice=(0, 1))})},
            "arm 'A': search: model.mlp_layers: model.mlp_layers: unknown key 'mlp_layers'. "
            "Allowed: dim, dropout, kind, num_blocks, num_heads; say where it applies with when:",
        ),
    ],
)
def test_a_key_for_a_kind_that_nothing_has_is_refused(model, search, arms, expected) -> None:
    assert problems(model, search, arms=arms) == (expected,)


def test_a_base_that_is_replaced_as_a_whole_may_be_of_any_kind() -> None:
    arms = {"A": ArmSpec(set={"model": {"kind": "gru4rec"}})}
    assert only_arm({"num_heads": 4}, {}, arms=arms).config.model.kind == "gru4rec"


STUDY = """\
question: Which?
baseline: A
base:
  dataset: {kind: synthetic}
  item: {id: true}
  model: {kernel_size: 5, mlp_layers: 1}
arms: {A: {}}
search: {model.kind: {choice: [sasrec, nextitnet]}}
"""


def test_a_file_s_key_of_a_kind_that_nothing_names_is_refused_with_its_line() -> None:
    expected = "s.yaml:6: base.model.mlp_layers: unknown key 'mlp_layers'. "
    with pytest.raises(SpecError) as caught:
        parse_study(STUDY, "s.yaml")
    assert [problem[: len(expected)] for problem in caught.value.problems] == [expected]
    with pytest.raises(SpecError, match=r"s\.yaml:6: base\.model\.kernel_size: found 'big'; all"):
        parse_study(STUDY.replace("5, mlp_layers: 1", "big"), "s.yaml")
    for key in ("kernel_size: 5", "kernel_size: 5, num_heads: 1"):
        parse_study(STUDY.replace("kernel_size: 5, mlp_layers: 1", key))


@pytest.mark.parametrize(
    "arms",
    [
        "arms: {A: {}, B: {model.kind: nextitnet}}",
        "arms: {A: {}, B: {model: {kind: nextitnet}}}",
        "arms: {A: {search: {model.kind: {choice: [sasrec, nextitnet]}}}}",
        "factors: {model.kind: [sasrec, nextitnet]}",
        "one_factor_out: {model.kind: [sasrec, nextitnet]}",
    ],
)
def test_a_kind_may_be_named_by_an_arm_a_factor_or_a_search(arms: str) -> None:
    text = STUDY.replace(", mlp_layers: 1", "").replace("arms: {A: {}}", arms)
    text = text[: text.rindex("search: {model.kind")]
    if "factor" in arms:
        text = text.replace("baseline: A", "baseline: model.kind=sasrec")
    spec = parse_study(text)
    assert spec.base["model"] == {"kernel_size": 5}
