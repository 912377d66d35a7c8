"""Expanding a study: its arms are the product of their levels, all possible, no two the same."""

from math import prod
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morec.errors import SpecError
from tune_space.study.arm import Arm, draw, fits, start_values
from tune_space.study.domains import ParamSpec
from tune_space.study.expand import configure, expand
from tune_space.study.spec import ArmSpec, StudySpec
from tune_space.study.when import applies

BASE = {"dataset": {"kind": "synthetic"}, "item": {"id": True}}
TEXT = {"dataset": {"kind": "synthetic"}, "item": {"text": {"name": "minilm"}}}
LR = ParamSpec(loguniform=(1e-4, 1e-2))
ENCODER_LR = ParamSpec(loguniform=(1e-5, 1e-3))


def study(base: dict[str, Any] = BASE, **fields: Any) -> StudySpec:
    fields = {"name": "s", "question": "?", "base": base, "baseline": "A"} | fields
    return StudySpec.model_validate(fields)


def problems(spec: StudySpec) -> tuple[str, ...]:
    with pytest.raises(SpecError) as caught:
        expand(spec)
    return caught.value.problems


def only_arm(spec: StudySpec) -> Arm:
    (arm,) = expand(spec)
    return arm


def test_an_arm_is_the_base_with_its_own_values_and_the_search_seed() -> None:
    arms = {"A": ArmSpec(set={"model.dim": 32}, group="small"), "B": ArmSpec()}
    small, default = expand(study(arms=arms, search_seed=9))
    assert (small.name, small.group, small.config.model.dim) == ("A", "small", 32)
    assert default.config.model.dim == 512
    assert small.config.seed == 9
    assert not small.config.evaluation.test


def test_setting_a_path_adds_missing_mappings_and_null_removes_one() -> None:
    arms = {"A": ArmSpec(set={"item.text.name": "minilm", "item.id": False})}
    arm = only_arm(study(arms=arms))
    assert arm.config.item.text is not None
    assert arm.config.item.text.name == "minilm"
    arms = {"A": ArmSpec(set={"item.text": None, "item.id": True})}
    assert only_arm(study(TEXT, arms=arms)).config.item.parts == ("id",)


def test_a_mapping_of_an_arm_leaves_the_keys_of_the_base_that_it_does_not_name() -> None:
    base = {**TEXT, "training": {"batch_size": 9, "max_epochs": 2}, "model": {"dropout": 0.3}}
    arms = {
        "A": ArmSpec(set={"training": {"loss": "gbce", "negatives": 4}}),
        "B": ArmSpec(set={"item.text": {"pooling": "mean"}}),
        "C": ArmSpec(set={"model": {"kind": "gru4rec", "dim": 8}}),
    }
    gbce, mean, gru = (arm.config for arm in expand(study(base, arms=arms)))
    assert (gbce.training.batch_size, gbce.training.max_epochs) == (9, 2)
    assert (gbce.training.loss, gbce.training.negatives) == ("gbce", 4)
    assert (mean.item.text.name, mean.item.text.pooling) == ("minilm", "mean")
    assert (gru.model.kind, gru.model.dim, gru.model.dropout) == ("gru4rec", 8, 0.1)


def test_an_arm_changes_or_switches_off_vectors_by_their_name() -> None:
    file = {"file": "v.parquet", "ids": "item", "column": "v"}
    both = {"vectors": {"two": dict(file), "own": dict(file)}, "fusion": "add"}
    arms = {
        "A": ArmSpec(set={"item.vectors.own.pca": 8}),
        "B": ArmSpec(set={"item.vectors.two": None, "item.fusion": None}),
        "C": ArmSpec(set={"item.vectors": None, "item.fusion": None, "item.id": True}),
    }
    a, b, c = expand(study({**BASE, "item": both}, arms=arms))
    assert [one.config.item.parts for one in (a, b, c)] == [
        ("vectors.own", "vectors.two"),
        ("vectors.own",),
        ("id",),
    ]
    assert a.config.item.vectors["own"].pca == 8
    assert a.config.item.vectors["two"].pca is None


def test_expanding_leaves_the_study_as_it_was() -> None:
    spec = study(TEXT, arms={"A": ArmSpec(set={"item.text.dnn_layers": 3})})
    before = spec.model_dump_json()
    expand(spec)
    assert spec.model_dump_json() == before


LEVELS = {
    "model.dim": (16, 32, 64),
    "training.loss": ("bce", "in_batch_ce"),
    "optim.clip_norm": (None, 1.0),
    "training.batch_size": (8, 16),
}


@settings(deadline=None, max_examples=30)
@given(st.data())
def test_the_number_of_arms_is_the_product_of_the_levels(data: st.DataObject) -> None:
    paths = data.draw(st.lists(st.sampled_from(sorted(LEVELS)), min_size=1, unique=True))
    factors = {p: LEVELS[p][: data.draw(st.integers(1, len(LEVELS[p])))] for p in paths}
    arms = expand(study(factors=factors))
    assert len(arms) == len({arm.name for arm in arms}) == prod(map(len, factors.values()))


def test_all_impossible_arms_are_named_at_once() -> None:
    arms = {
        "A": ArmSpec(set={"item.fusion": "add"}),
        "B": ArmSpec(set={"item.fusion": "concat"}),
        "C": ArmSpec(set={"model.dim": 33}),
        "D": ArmSpec(set={"item.text.dnn_layers": 2}),
    }
    assert problems(study(arms=arms)) == (
        "arms 'A', 'B': item: fusion has nothing to fuse: id is the only part",
        "arm 'C': model: dim 33 is not divisible by num_heads 2",
        "arm 'D': item.text.name: is missing",
    )


def test_two_arms_that_are_the_same_are_refused_whatever_their_names() -> None:
    arms = {
        "A": ArmSpec(),
        "B": ArmSpec(set={"model.dim": 512}),
        "C": ArmSpec(search={"optim.lr": LR}),
    }
    assert problems(study(arms=arms)) == ("arms 'A', 'B': the same configuration and search",)


def test_an_arm_searches_the_studys_space_and_its_own() -> None:
    own = {"optim.lr": ParamSpec(choice=(0.1,)), "model.dropout": ParamSpec(uniform=(0.0, 0.5))}
    shared = {"optim.lr": LR, "optim.weight_decay": ParamSpec(choice=(0.0, 0.1))}
    arms = {"A": ArmSpec(search=own), "B": ArmSpec()}
    first, second = expand(study(arms=arms, search=shared))
    assert set(first.space) == {"optim.lr", "optim.weight_decay", "model.dropout"}
    assert first.space["optim.lr"].choice == (0.1,)
    assert second.space == shared


def test_a_parameter_is_left_out_where_its_condition_can_never_hold() -> None:
    when = ENCODER_LR.model_copy(update={"when": {"item.text.trainable_layers": ["all", 2]}})
    arms = {
        "ID": ArmSpec(set={"item.text": None, "item.id": True}),
        "TS": ArmSpec(),
        "top": ArmSpec(set={"item.text.trainable_layers": 2}),
        "any": ArmSpec(search={"item.text.trainable_layers": ParamSpec(choice=(0, "all"))}),
    }
    spaces = {
        a.name: list(a.space)
        for a in expand(study(TEXT, arms=arms, search={"optim.encoder_lr": when}))
    }
    assert spaces == {
        "ID": [],
        "TS": [],
        "top": ["optim.encoder_lr"],
        "any": ["item.text.trainable_layers", "optim.encoder_lr"],
    }


def test_a_parameter_that_an_arm_can_never_take_needs_a_when() -> None:
    arms = {"TS": ArmSpec(), "E2E": ArmSpec(set={"item.text.trainable_layers": "all"})}
    search = {"optim.lr": LR, "optim.encoder_lr": ENCODER_LR}
    assert problems(study(TEXT, arms=arms, search=search)) == (
        "arm 'TS': search: optim.encoder_lr: optim.encoder_lr has no effect: no encoder layer "
        "trains (set trainable_layers); say where it applies with when:",
    )


def test_a_range_whose_ends_fit_is_refused_when_an_odd_value_does_not() -> None:
    search = {"optim.lr": LR, "model.dim": ParamSpec(int=(32, 64))}
    assert problems(study(arms={"A": ArmSpec()}, search=search)) == (
        "arm 'A': search: model.dim: model: dim 33 is not divisible by num_heads 2",
    )


def test_searched_values_are_checked_together_not_one_by_one() -> None:
    fitting = {"model.dim": ParamSpec(choice=(9,)), "model.num_heads": ParamSpec(choice=(3,))}
    assert list(only_arm(study(arms={"A": ArmSpec()}, search=fitting)).space) == list(fitting)
    clashing = {"model.dim": ParamSpec(choice=(6, 8)), "model.num_heads": ParamSpec(choice=(2, 3))}
    assert problems(study(arms={"A": ArmSpec()}, search=clashing)) == (
        "arm 'A': search: model.num_heads: model: dim 8 is not divisible by num_heads 3",
    )


def test_conditions_that_go_in_a_circle_are_refused() -> None:
    search = {
        "model.dim": ParamSpec(choice=(8,), when={"model.num_heads": 2}),
        "model.num_heads": ParamSpec(choice=(2,), when={"model.dim": 8}),
    }
    (problem,) = problems(study(arms={"A": ArmSpec()}, search=search))
    assert problem.startswith("arm 'A': search: when goes in a circle: model.")


def test_draw_asks_only_for_what_applies_given_the_values_before() -> None:
    search = {
        "optim.encoder_lr": ENCODER_LR.model_copy(
            update={"when": {"item.text.trainable_layers": "all"}}
        ),
        "item.text.trainable_layers": ParamSpec(choice=(0, "all")),
    }
    arm = only_arm(study(TEXT, arms={"A": ArmSpec()}, search=search))
    frozen = draw(arm, lambda path, param: param.probes()[0])
    trained = draw(arm, lambda path, param: param.probes()[-1])
    assert frozen == {"item.text.trainable_layers": 0}
    assert trained == {"item.text.trainable_layers": "all", "optim.encoder_lr": 1e-3}
    assert fits(arm, frozen)
    assert fits(arm, trained)
    assert not fits(arm, {**frozen, "optim.encoder_lr": 1e-4})
    assert not fits(arm, {"item.text.trainable_layers": "all", "optim.encoder_lr": 1.0})
    assert not fits(arm, {"item.text.trainable_layers": "all"})


def test_when_tells_true_from_one_and_null_from_a_missing_key() -> None:
    config = {"item": {"id": True, "text": None}}
    assert applies(ParamSpec(choice=(1,), when={"item.id": True}), config)
    assert not applies(ParamSpec(choice=(1,), when={"item.id": 1}), config)
    assert applies(ParamSpec(choice=(1,), when={"item.text": [None]}), config)
    assert not applies(ParamSpec(choice=(1,), when={"item.text.name": "minilm"}), config)


def test_configure_sets_values_seed_and_test_and_checks_them_again() -> None:
    arm = only_arm(study(arms={"A": ArmSpec()}))
    config = configure(arm, {"optim.lr": 0.5}, seed=3, test=True)
    assert (config.optim.lr, config.seed, config.evaluation.test) == (0.5, 3, True)
    assert arm.config.optim.lr == 1e-4
    with pytest.raises(SpecError, match=r"optim\.lr: found -1; allowed: greater than 0"):
        configure(arm, {"optim.lr": -1}, seed=3, test=True)


def test_a_base_that_no_arm_completes_names_what_is_missing() -> None:
    spec = study({"item": {"id": True}}, arms={"A": ArmSpec(), "B": ArmSpec(set={"model.dim": 8})})
    assert problems(spec) == ("arms 'A', 'B': dataset: is missing",)


def test_a_data_set_replaces_the_base_and_an_arm_replaces_the_data_set() -> None:
    datasets = {
        "small": {"set": {"dataset": {"kind": "synthetic", "num_users": 50}, "model.dim": 8}},
        "large": {"set": {"dataset": {"kind": "synthetic", "num_users": 90}, "optim.lr": 0.5}},
    }
    arms = {"A": ArmSpec(), "B": ArmSpec(set={"model.dim": 4, "dataset.warm": 3})}
    built = expand(study({"item": {"id": True}}, datasets=datasets, arms=arms))
    facts = {
        arm.name: (arm.dataset, arm.config.dataset.num_users, arm.config.dataset.warm,
                   arm.config.model.dim, arm.config.optim.lr)
        for arm in built
    }  # fmt: skip
    assert facts == {
        "small/A": ("small", 50, 0, 8, 1e-4),
        "small/B": ("small", 50, 3, 4, 1e-4),
        "large/A": ("large", 90, 0, 512, 0.5),
        "large/B": ("large", 90, 3, 4, 0.5),
    }


def test_a_search_begins_with_the_arms_start_then_with_its_configuration() -> None:
    search = {
        "optim.lr": ParamSpec(choice=(0.1, 1e-4)),
        "model.dim": ParamSpec(choice=(8, 16)),
        "model.num_blocks": ParamSpec(choice=(1, 2)),
    }
    arm = only_arm(study(arms={"A": ArmSpec(start={"optim.lr": 0.1})}, search=search))
    assert start_values(arm) == {"optim.lr": 0.1, "model.num_blocks": 2}


def test_a_start_for_what_its_arm_does_not_search_is_refused() -> None:
    when = ENCODER_LR.model_copy(update={"when": {"item.text.trainable_layers": "all"}})
    arms = {
        "A": ArmSpec(start={"optim.encoder_lr": 1e-4}),
        "B": ArmSpec(set={"item.text.trainable_layers": "all"}, start={"optim.encoder_lr": 1e-4}),
    }
    assert problems(study(TEXT, arms=arms, search={"optim.encoder_lr": when})) == (
        "arm 'A': start: optim.encoder_lr: not searched in this arm, or not with its other values",
    )
