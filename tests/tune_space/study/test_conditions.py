"""Conditions: what wins, which arms they leave as they are, and those that have no effect."""

from typing import Any

import pytest

from morec.errors import SpecError
from tune_space.study.arm import Arm
from tune_space.study.expand import expand
from tune_space.study.load import parse_study
from tune_space.study.quick import QUICK
from tune_space.study.spec import StudySpec, full_name, own_name

STUDY = """\
question: Does it hold?
baseline: ID
base:
  dataset: {kind: synthetic}
  item: {text: {name: tiny-random, pooling: mean}}
  model: {dim: 16, num_heads: 2}
conditions:
  published: {}
  strong ID: {training.loss: in_batch_ce}
  GRU4Rec: {model.kind: gru4rec}
  deep: {item.text.dnn_layers: 2}
arms:
  ID: {item.id: true, item.text: null}
  TS: {}
search:
  optim.lr: {choice: [1e-3, 5e-4]}
contrasts: [{better: TS, than: ID}]
expected: {published/TS: {HR@10: 17.71}}
"""


def arms_of(text: str, *overrides: str) -> dict[str, Arm]:
    return {arm.name: arm for arm in expand(parse_study(text, overrides=overrides))}


def problems(text: str, *overrides: str) -> tuple[str, ...]:
    with pytest.raises(SpecError) as caught:
        expand(parse_study(text, "s.yaml", overrides=overrides))
    return caught.value.problems


def study(conditions: dict[str, Any], **fields: Any) -> StudySpec:
    base = {"dataset": {"kind": "synthetic"}, "item": {"id": True}}
    plain = {"name": "s", "question": "?", "base": base, "baseline": "A", "arms": {"A": {}}}
    written = {label: {"set": paths} for label, paths in conditions.items()}
    return StudySpec.model_validate(plain | {"conditions": written} | fields)


def test_every_arm_is_built_under_every_condition() -> None:
    arms = arms_of(STUDY)
    assert list(arms) == [
        "published/ID", "published/TS", "strong ID/ID", "strong ID/TS",
        "GRU4Rec/ID", "GRU4Rec/TS", "deep/ID", "deep/TS",
    ]  # fmt: skip
    assert [arm.config.training.loss for arm in arms.values()] == 2 * ["bce"] + 2 * [
        "in_batch_ce"
    ] + 4 * ["bce"]
    assert [arm.config.model.kind for arm in arms.values()][4:6] == ["gru4rec", "gru4rec"]
    assert {(arm.condition, arm.own_name) for arm in arms.values()} == {
        (condition, name)
        for condition in ("published", "strong ID", "GRU4Rec", "deep")
        for name in ("ID", "TS")
    }


def test_a_condition_wins_over_the_arm_the_data_set_and_the_base() -> None:
    text = STUDY.replace("TS: {}", "TS: {optim.weight_decay: 0.3}").replace(
        "conditions:\n",
        "datasets: {A: {optim.weight_decay: 0.2}, B: {dataset.seed: 1}}\nconditions:\n"
        "  heavy: {optim.weight_decay: 0.4}\n",
    )
    text = text.replace("base:\n", "base:\n  optim: {weight_decay: 0.1}\n")
    arms = arms_of(text.replace("expected: {published", "expected: {A/published"))
    found = {name: arm.config.optim.weight_decay for name, arm in arms.items()}
    assert found["A/published/ID"] == 0.2
    assert found["A/published/TS"] == found["B/published/TS"] == 0.3
    assert found["B/published/ID"] == 0.1
    assert {value for name, value in found.items() if "/heavy/" in name} == {0.4}


def test_a_path_into_a_part_that_an_arm_lacks_leaves_the_arm_as_it_is() -> None:
    arms = arms_of(STUDY)
    assert arms["deep/ID"].identity == arms["published/ID"].identity
    assert arms["deep/ID"].config == arms["published/ID"].config
    assert arms["deep/TS"].config.item.text.dnn_layers == 2
    assert arms["deep/TS"].identity != arms["published/TS"].identity


def test_a_path_of_another_kind_of_model_leaves_an_arm_as_it_is() -> None:
    text = STUDY.replace("  deep:", "  heads: {model.num_heads: 4}\n  deep:")
    text = text.replace("  TS: {}", "  TS: {}\n  GRU: {model.kind: gru4rec}")
    arms = arms_of(text.replace("  GRU4Rec: {model.kind: gru4rec}\n", ""))
    assert arms["heads/GRU"].identity == arms["published/GRU"].identity
    assert arms["heads/TS"].config.model.num_heads == 4


def test_a_kind_that_the_condition_sets_comes_before_its_keys() -> None:
    conditions = "  GRU4Rec: {model.kernel_size: 5, model.kind: nextitnet}"
    arms = arms_of(STUDY.replace("  GRU4Rec: {model.kind: gru4rec}", conditions))
    assert arms["GRU4Rec/TS"].config.model.kernel_size == 5


def test_a_key_of_the_base_applies_under_the_conditions_whose_kind_has_it() -> None:
    text = STUDY.replace("num_heads: 2}", "num_heads: 2, kernel_size: 7}")
    arms = arms_of(text.replace("  deep:", "  conv: {model.kind: nextitnet}\n  deep:"))
    assert arms["conv/ID"].config.model.kernel_size == 7
    assert "kernel_size" not in arms["published/ID"].settings["model"]


def test_an_arms_keys_of_the_kind_that_a_condition_takes_away_go_with_it() -> None:
    text = STUDY.replace(
        "TS: {}", "TS: {search: {model.num_heads: {choice: [2, 4]}}, "
        "start: {model.num_heads: 4}}",
    )  # fmt: skip
    arms = arms_of(text)
    assert list(arms["published/TS"].space) == ["optim.lr", "model.num_heads"]
    assert dict(arms["published/TS"].start) == {"model.num_heads": 4}
    assert list(arms["GRU4Rec/TS"].space) == ["optim.lr"]
    assert dict(arms["GRU4Rec/TS"].start) == {}


def test_what_an_arm_sets_for_the_kind_that_a_condition_takes_away_goes_with_it() -> None:
    arms = arms_of(STUDY.replace("TS: {}", "TS: {model.num_heads: 4}"))
    assert arms["published/TS"].config.model.num_heads == 4
    assert "num_heads" not in arms["GRU4Rec/TS"].settings["model"]


def test_a_key_of_no_kind_that_an_arm_has_stays_a_mistake_under_other_conditions() -> None:
    found = problems(STUDY.replace("TS: {}", "TS: {model.kernel_size: 5}"))
    assert found[0].startswith(
        "arms 'published/TS', 'strong ID/TS', 'deep/TS': model.kernel_size: unknown key"
    )


def test_arms_are_ranked_alike_within_a_condition_only() -> None:
    text = STUDY.replace("  deep:", "  trained: {evaluation.candidates: trained}\n  deep:")
    assert arms_of(text)["trained/ID"].config.evaluation.candidates == "trained"
    text = STUDY.replace("TS: {}", "TS: {evaluation.candidates: trained}")
    assert problems(text)[0].startswith(
        "arm 'published/TS': evaluation.candidates is trained, arm 'published/ID' has all"
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("  deep: {item.text.dnn_layers: 2}", "  deep: {item.image.dnn_layers: 2}",
         "conditions: 'deep': item.image.dnn_layers has no effect: no arm has the part that it "
         "leads into"),
        ("training.loss: in_batch_ce", "training.loss: bce",
         "conditions: 'strong ID' changes no arm; leave it out, or write strong ID: {}"),
        ("training.loss: in_batch_ce", "training.loss: bce",
         "conditions: 'published', 'strong ID' are the same in every arm"),
        ("  strong ID: {training.loss: in_batch_ce}", "  strong ID: {}",
         "conditions: 'published', 'strong ID' are the same in every arm"),
        ("training.loss: in_batch_ce", "training.los: in_batch_ce",
         "s.yaml:9: conditions.strong ID.training.los: unknown key 'los'. Did you mean "
         "'training.loss'? Allowed in training: "),
        ("training.loss: in_batch_ce", "optim.lr: 1e-3",
         "s.yaml:9: conditions.strong ID.optim.lr: optim.lr is searched, which would hide this "
         "value; set it or search it"),
        ("training.loss: in_batch_ce", "optim: {lr: 1e-3}",
         "s.yaml:9: conditions.strong ID.optim: optim.lr is searched, which would hide this value"),
        ("training.loss: in_batch_ce", "seed: 1",
         "s.yaml:9: conditions.strong ID.seed: seed is set by the study"),
        ("training.loss: in_batch_ce", "training.loss: cee",
         "s.yaml:9: conditions.strong ID.training.loss: found 'cee'; allowed: "),
        ("training.loss: in_batch_ce", "training.loss: in_batch_ce, training: {loss: bce}",
         "s.yaml:9: conditions.strong ID.training: training.loss and training write the same"),
        ("  strong ID:", "  ID:",
         "s.yaml:9: conditions.ID: is also an arm's name; arms and conditions differ"),
        ("  strong ID:", "  strong/ID:",
         "s.yaml:9: conditions.strong/ID: a condition's name has no '/' in it"),
        ("TS: {}", "TS: {conditions: [depe]}",
         "s.yaml:14: arms.TS.conditions[0]: unknown condition 'depe'. Did you mean 'deep'? "
         "Allowed: published, strong ID, GRU4Rec, deep"),
        ("TS: {}", "TS: {conditions: []}",
         "s.yaml:14: arms.TS.conditions: names no condition; leave it out to run on all of them"),
        ("ID: {item.id", "ID: {conditions: [published], item.id",
         "s.yaml:2: baseline: 'ID' does not run on strong ID, GRU4Rec, deep, where other arms"),
        ("expected: {published/TS", "expected: {TS",
         "s.yaml:18: expected.TS: unknown arm 'TS'."),
        ("contrasts:", f"{QUICK}: {{conditions: {{depe: {{}}}}}}\ncontrasts:",
         "s.yaml:17: quick.conditions.depe: unknown condition 'depe'. Did you mean 'deep'?"),
    ],
)  # fmt: skip
def test_a_mistake_about_conditions_is_named(old: str, new: str, expected: str) -> None:
    assert STUDY.count(old) == 1
    assert any(expected in line for line in problems(STUDY.replace(old, new)))


def test_a_contrast_needs_a_condition_with_both_arms() -> None:
    text = STUDY.replace("  TS: {}", "  TS: {conditions: [deep]}\n  E: {conditions: [GRU4Rec]}")
    text = text.replace("than: ID", "than: E").replace("published/TS", "deep/TS")
    assert problems(text) == ("s.yaml:18: contrasts[0]: no data set and condition have both arms",)


def test_a_data_set_and_a_condition_have_different_names() -> None:
    text = STUDY.replace("conditions:\n", "datasets: {deep: {}}\nconditions:\n")
    assert (
        "s.yaml:12: conditions.deep: is also a data set's name; data sets and conditions differ"
        in problems(text)
    )


def test_an_arm_without_a_condition_has_no_conditions_to_choose_from() -> None:
    text = "question: q\nbaseline: ID\nbase: {dataset: {kind: synthetic}, item: {id: true}}\n"
    text += "arms: {ID: {conditions: [x]}}\n"
    assert problems(text) == (
        "s.yaml:4: arms.ID.conditions: the study has no conditions: to choose from",
    )


def test_an_impossible_arm_is_named_with_its_condition() -> None:
    text = STUDY.replace("  deep:", "  odd: {model.num_heads: 3}\n  deep:")
    assert any(line.startswith("arms 'odd/ID', 'odd/TS': model: ") for line in problems(text))


def test_set_and_quick_reach_into_a_condition() -> None:
    arms = arms_of(STUDY, "conditions.strong ID.optim.weight_decay=0.7")
    assert arms["strong ID/ID"].config.optim.weight_decay == 0.7
    assert arms["strong ID/ID"].config.training.loss == "in_batch_ce"
    quick = f"{QUICK}: {{conditions: {{deep: {{item.text.dnn_layers: 1}}}}}}\n"
    arms = arms_of(STUDY + quick, "profile=quick")
    assert arms["deep/TS"].config.item.text.dnn_layers == 1


def test_two_arms_that_a_condition_makes_the_same_are_refused() -> None:
    found = problems(STUDY.replace("  TS: {}", "  TS: {}\n  TS-CE: {training.loss: in_batch_ce}"))
    assert found == ("arms 'strong ID/TS', 'strong ID/TS-CE': the same configuration and search",)


def test_a_condition_may_give_what_the_base_leaves_open() -> None:
    spec = study(
        {"a": {"dataset": {"kind": "synthetic"}}, "b": {"dataset": {"kind": "movielens"}}},
        base={"item": {"id": True}},
    )
    assert [arm.config.dataset.kind for arm in expand(spec)] == ["synthetic", "movielens"]


def test_a_condition_that_no_arm_runs_under_is_refused() -> None:
    spec = study({"a": {}, "b": {"optim.lr": 0.5}}, arms={"A": {"conditions": ("a",)}})
    with pytest.raises(SpecError) as caught:
        expand(spec)
    assert caught.value.problems == ("conditions: 'b': no arm runs under it",)


@pytest.mark.parametrize(("dataset", "condition"), [("", ""), ("M", ""), ("", "c d"), ("M", "c")])
def test_an_arms_own_name_is_its_full_name_without_its_place(dataset: str, condition: str) -> None:
    for name in ("ID", "M/c/x", "/"):
        place = {"dataset": dataset, "condition": condition}
        assert own_name(full_name(name, **place), **place) == name


def test_a_condition_on_vectors_leaves_arms_without_them_as_they_are() -> None:
    own = {"file": "v.parquet", "ids": "item"}
    conditions = {"plain": {}, "whitened": {"item.vectors.own.whiten": True}}
    arms = {
        "A": {"set": {"item.id": True}},
        "B": {"set": {"item": {"id": False, "vectors": {"own": own}}}},
    }
    found = {arm.name: arm for arm in expand(study(conditions, arms=arms))}
    assert found["plain/A"].identity == found["whitened/A"].identity
    assert found["whitened/A"].config.item.vectors == {}
    assert found["whitened/B"].config.item.vectors["own"].whiten
    assert not found["plain/B"].config.item.vectors["own"].whiten
