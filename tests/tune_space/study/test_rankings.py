"""Arms on one data set are ranked alike, and cut-offs above the catalogue are named."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from morec.config import TrialConfig
from morec.errors import SpecError
from tune_space.study.expand import expand
from tune_space.study.rankings import format_wide_cutoffs
from tune_space.study.spec import StudySpec

STUDY = {
    "name": "s",
    "question": "q",
    "baseline": "A",
    "base": {"dataset": {"kind": "synthetic"}, "item": {"id": True}},
    "arms": {"A": {}, "B": {"set": {"model.dim": 64}}},
}


def arms_of(**changes: Any) -> list[str]:
    """The names of the study's arms."""
    study = StudySpec.model_validate_json(json.dumps(STUDY | changes))
    return [arm.name for arm in expand(study)]


@pytest.mark.parametrize(
    ("option", "value", "other"),
    [("mask_history", "false", "true"), ("candidates", "trained", "all")],
)
def test_arms_that_are_ranked_differently_are_refused(option: str, value: str, other: str) -> None:
    setting = False if value == "false" else value
    arms = {"A": {}, "B": {"set": {f"evaluation.{option}": setting}}}
    with pytest.raises(SpecError) as error:
        arms_of(arms=arms)
    assert error.value.problems == (
        f"arm 'B': evaluation.{option} is {value}, arm 'A' has {other}: their metrics do not "
        "compare. Set it in base, or make two studies",
    )


def test_a_study_may_rank_every_arm_without_masking() -> None:
    base = STUDY["base"] | {"evaluation": {"mask_history": False}}
    assert arms_of(base=base) == ["A", "B"]


def test_data_sets_may_be_ranked_differently() -> None:
    sets = {"evaluation.mask_history": False, "dataset": {"kind": "synthetic", "seed": 1}}
    datasets = {"one": {"set": {"dataset": {"kind": "synthetic"}}}, "two": {"set": sets}}
    base = {"item": {"id": True}}
    names = arms_of(base=base, datasets=datasets)
    assert sorted(names) == ["one/A", "one/B", "two/A", "two/B"]


def test_the_ranking_cannot_be_searched() -> None:
    with pytest.raises(SpecError) as error:
        arms_of(search={"evaluation.mask_history": {"choice": [True, False]}})
    assert error.value.problems == tuple(
        f"arm {name!r}: search: evaluation.mask_history changes what is ranked, so the scores of "
        "trials do not compare. Set it in base"
        for name in ("A", "B")
    )


@dataclass(frozen=True)
class Entry:
    """An arm on a data set, under a condition."""

    dataset: str
    config: TrialConfig
    condition: str = ""


def entry(dataset: str, *ks: int, condition: str = "") -> Entry:
    evaluation = {"ks": ks, "select": f"HR@{ks[0]}"}
    fields = {"dataset": {"kind": "synthetic"}, "item": {"id": True}, "evaluation": evaluation}
    return Entry(dataset, TrialConfig.model_validate(fields), condition)


def test_cutoffs_from_the_number_of_items_on_are_named_once_per_data_set() -> None:
    arms = [entry("", 10, 20), entry("", 10, 12)]
    assert format_wide_cutoffs(arms, {"": 12}) == (
        "HR@12, HR@20 rank 12 candidates: every target that is ranked hits, so no arm can be "
        "better there. Set evaluation.ks well below 12.",
    )
    arms = [entry("HM", 10, 20), entry("MIND", 10, 20)]
    assert format_wide_cutoffs(arms, {"HM": 20, "MIND": 21}) == (
        "HR@20 ranks 20 candidates on HM: every target that is ranked hits, so no arm can be "
        "better there. Set evaluation.ks well below 20.",
    )


def test_cutoffs_name_the_conditions_that_do_not_agree() -> None:
    arms = [entry("HM", 10, 20, condition=name) for name in ("published", "by time", "warm")]
    rest = "every target that is ranked hits, so no arm can be better there. Set evaluation.ks well"
    assert format_wide_cutoffs(arms, {f"HM/{one.condition}": 20 for one in arms}) == (
        f"HR@20 ranks 20 candidates on HM: {rest} below 20.",
    )
    num_items = {"HM/published": 20, "HM/by time": 30, "HM/warm": 20}
    assert format_wide_cutoffs(arms, num_items) == (
        f"HR@20 ranks 20 candidates on HM under published, warm: {rest} below 20.",
    )
    del num_items["HM/by time"]
    assert format_wide_cutoffs(arms[:2], {"HM/published": 20, "HM/by time": 10}) == (
        f"HR@20 ranks 20 candidates on HM under published: {rest} below 20.",
        f"HR@10, HR@20 rank 10 candidates on HM under by time: {rest} below 10.",
    )


@pytest.mark.parametrize("num_items", [{"": 13}, {"": None}, {}])
def test_smaller_cutoffs_and_unknown_numbers_of_items_are_not_named(num_items: Any) -> None:
    assert format_wide_cutoffs([entry("", 10, 12)], num_items) == ()
