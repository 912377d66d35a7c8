"""Names of arms: made of factors, crossed with data sets, selected by ``--only``."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from morec.errors import SpecError
from tune_space.study.arm_names import crossed, named_arms, one_factor_out, select_arms
from tune_space.study.spec import ArmSpec, ConditionSpec, DatasetChoice, StudySpec

ARMS = {"ID": ArmSpec(), "TS": ArmSpec(datasets=("MIND",)), "E2E": ArmSpec(datasets=("HM", "MIND"))}


def study(arms: dict[str, ArmSpec] = ARMS, labels: tuple[str, ...] = ("MIND", "HM")) -> StudySpec:
    datasets = {label: DatasetChoice() for label in labels}
    return StudySpec(name="s", question="?", base={}, baseline="ID", arms=arms, datasets=datasets)


def names(spec: StudySpec) -> list[str]:
    return [arm.name for arm in named_arms(spec)]


def test_factor_arms_are_named_by_the_shortest_paths_that_no_other_setting_shares() -> None:
    names = crossed(
        {
            "item.text.name": ["minilm"],
            "training.loss": ["bce"],
            "item.id": [True],
            "item.image": [None],
            "training.batch_size": [8],
        }
    )
    assert list(names) == ["text.name=minilm, loss=bce, id=true, image=null, training.batch_size=8"]


def test_one_factor_out_changes_one_level_at_a_time() -> None:
    levels = {"training.loss": ["bce", "in_batch_ce"], "model.dim": [64, 32, 16]}
    assert one_factor_out(levels, "full") == {
        "full": {"training.loss": "bce", "model.dim": 64},
        "loss=in_batch_ce": {"training.loss": "in_batch_ce", "model.dim": 64},
        "dim=32": {"training.loss": "bce", "model.dim": 32},
        "dim=16": {"training.loss": "bce", "model.dim": 16},
    }
    with pytest.raises(SpecError, match="baseline: 'dim=32' is also the name of a generated arm"):
        one_factor_out(levels, "dim=32")


def test_all_arms_of_one_data_set_come_before_those_of_the_next() -> None:
    assert names(study()) == ["MIND/ID", "MIND/TS", "MIND/E2E", "HM/ID", "HM/E2E"]
    assert names(study(labels=())) == ["ID", "TS", "E2E"]


@given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 3))
def test_factors_are_crossed_with_data_sets_as_well(
    num_labels: int, dims: int, blocks: int
) -> None:
    levels = {
        "model.dim": list(range(8, 8 + dims)),
        "model.num_blocks": list(range(1, 1 + blocks)),
    }
    datasets = {f"D{n}": {} for n in range(num_labels)}
    fields = {"name": "s", "question": "?", "base": {}, "baseline": "b", "datasets": datasets}
    factors = StudySpec.model_validate_json(json.dumps(fields | {"factors": levels}))
    assert len(set(names(factors))) == num_labels * dims * blocks
    one_out = StudySpec.model_validate_json(json.dumps(fields | {"one_factor_out": levels}))
    assert len(set(names(one_out))) == num_labels * (1 + (dims - 1) + (blocks - 1))


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ([], ()),
        (["HM/ID"], ("HM/ID",)),
        (["ID"], ("MIND/ID", "HM/ID")),
        (["HM"], ("HM/ID", "HM/E2E")),
        (["E2E", "MIND/TS"], ("MIND/TS", "MIND/E2E", "HM/E2E")),
    ],
)
def test_only_selects_by_arm_by_data_set_or_by_full_name(
    words: list[str], meant: tuple[str, ...]
) -> None:
    assert select_arms(study(), words) == meant


def test_only_names_every_unknown_word_with_what_is_allowed() -> None:
    with pytest.raises(SpecError) as caught:
        select_arms(study(), ["ID", "HM/TS", "MND"])
    allowed = "MIND, HM, ID, TS, E2E, MIND/ID, MIND/TS, MIND/E2E, HM/ID, HM/E2E"
    assert caught.value.problems == (
        f"--only: unknown arm 'HM/TS'. Did you mean 'MIND/TS'? Allowed: {allowed}",
        f"--only: unknown arm 'MND'. Did you mean 'MIND'? Allowed: {allowed}",
    )


def under_conditions(arms: dict[str, ArmSpec] = ARMS, labels: tuple[str, ...] = ()) -> StudySpec:
    conditions = {"published": ConditionSpec(), "strong": ConditionSpec(set={"optim.lr": 1.0})}
    return study(arms, labels).model_copy(update={"conditions": conditions})


def test_every_arm_runs_on_every_data_set_under_every_condition() -> None:
    assert names(under_conditions(labels=("MIND", "HM"))) == [
        "MIND/published/ID", "MIND/published/TS", "MIND/published/E2E",
        "MIND/strong/ID", "MIND/strong/TS", "MIND/strong/E2E",
        "HM/published/ID", "HM/published/E2E", "HM/strong/ID", "HM/strong/E2E",
    ]  # fmt: skip
    assert names(under_conditions({"ID": ArmSpec()})) == ["published/ID", "strong/ID"]


def test_an_arm_runs_only_under_the_conditions_it_names() -> None:
    arms = {"ID": ArmSpec(), "TS": ArmSpec(conditions=("strong",))}
    assert names(under_conditions(arms)) == ["published/ID", "strong/ID", "strong/TS"]


def test_only_takes_conditions_too() -> None:
    spec = under_conditions(labels=("MIND", "HM"))
    assert select_arms(spec, ["strong"]) == (
        "MIND/strong/ID", "MIND/strong/TS", "MIND/strong/E2E", "HM/strong/ID", "HM/strong/E2E",
    )  # fmt: skip
    assert select_arms(spec, ["TS", "HM/published/ID"]) == (
        "MIND/published/TS", "MIND/strong/TS", "HM/published/ID",
    )  # fmt: skip
    with pytest.raises(SpecError, match="unknown arm 'storng'"):
        select_arms(spec, ["storng"])
