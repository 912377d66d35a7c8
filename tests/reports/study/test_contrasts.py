"""Comparisons of arms with each other and with references, and the finding on each."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from morec.results import pack_ranks
from reports.study.contrasts import Contrast, Finding, compare
from reports.study.places import Place
from reports.study.statistics import Difference, holm
from reports.study.summary import summarise
from tests.reports.made_up_studies import SMALL, FakeStudy, set_references
from tune_space.ledger.records import Ledger

NAMED = {"contrasts": [{"better": "E2E", "than": "ID"}]}


def _difference(mean: float, half: float, seeds: int = 3) -> Difference:
    return Difference(mean, mean - half, mean + half, 0.0, 1e-4, 1e-5, 0, seeds, 500)


@pytest.mark.parametrize(
    ("mean", "half", "seeds", "p_holm", "finding"),
    [
        (0.03, 0.01, 3, 0.004, Finding.BETTER),
        (-0.03, 0.01, 3, 0.004, Finding.WORSE),
        (0.03, 0.05, 3, 0.004, Finding.BETTER_THESE_SEEDS),
        (-0.03, 0.05, 3, 0.004, Finding.WORSE_THESE_SEEDS),
        (0.03, 0.01, 2, 0.004, Finding.BETTER_THESE_SEEDS),
        (0.03, 0.01, 1, 0.004, Finding.BETTER_THESE_SEEDS),
        (0.03, 0.01, 3, 0.0499, Finding.BETTER),
        (0.03, 0.01, 3, 0.05, Finding.OPEN),
        (0.03, 0.03, 3, 0.004, Finding.BETTER_THESE_SEEDS),
        (-0.03, 0.03, 3, 0.004, Finding.WORSE_THESE_SEEDS),
        (0.03, 0.05, 3, 0.2, Finding.OPEN),
    ],
)
def test_a_finding_needs_interval_p_and_seeds_to_agree(
    mean: float, half: float, seeds: int, p_holm: float, finding: Finding
) -> None:
    difference = _difference(mean, half, seeds)
    one = Contrast("HR@10", "a", "b", "named", difference=difference, p_holm=p_holm)
    assert one.finding is finding


@pytest.mark.parametrize(
    ("p_t_holm", "finding"),
    [
        (None, Finding.BETTER),
        (0.0499, Finding.BETTER),
        (0.05, Finding.BETTER_THESE_SEEDS),
        (0.9, Finding.BETTER_THESE_SEEDS),
    ],
)
def test_over_conditions_users_and_seeds_together_must_agree_as_well(
    p_t_holm: float | None, finding: Finding
) -> None:
    one = Contrast("HR@10", "a", "b", "named", difference=_difference(0.03, 0.01), p_holm=0.004)
    assert replace(one, p_t_holm=p_t_holm).finding is finding
    two = replace(one, difference=_difference(0.03, 0.01, seeds=2), p_t_holm=p_t_holm)
    assert two.finding is Finding.BETTER_THESE_SEEDS


def test_named_contrasts_come_first_and_are_not_repeated_as_exploratory(tmp_path: Path) -> None:
    contrasts = compare(summarise(FakeStudy(overrides=NAMED).write(tmp_path)))
    of_metric = [(one.better, one.than, one.kind) for one in contrasts if one.metric == "HR@10"]
    assert of_metric == [
        ("E2E", "ID", "named"),
        ("TS", "ID", "exploratory"),
        ("ID", "popularity", "reference"),
        ("TS", "popularity", "reference"),
        ("E2E", "popularity", "reference"),
    ]


def test_a_contrast_named_the_other_way_round_is_not_repeated_as_exploratory(
    tmp_path: Path,
) -> None:
    named = {"contrasts": [{"better": "ID", "than": "E2E"}]}
    study = FakeStudy(searches=0, num_users=60, overrides=named)
    pairs = [
        (one.better, one.than, one.kind)
        for one in compare(summarise(study.write(tmp_path)))
        if one.metric == "MRR@10" and one.kind != "reference"
    ]
    assert pairs == [("ID", "E2E", "named"), ("TS", "ID", "exploratory")]


def test_differences_are_those_of_the_mean_test_metrics(tmp_path: Path) -> None:
    summary = summarise(FakeStudy(overrides=NAMED).write(tmp_path))
    better, than = summary.arm("E2E"), summary.arm("ID")
    assert better is not None and than is not None
    for one in compare(summary):
        if one.kind == "named":
            expected = (better.mean(one.metric) or 0) - (than.mean(one.metric) or 0)
            assert one.difference is not None
            assert one.difference.mean == pytest.approx(expected)
            assert one.seeds == (1, 2, 3)


def test_popularity_is_compared_user_by_user(tmp_path: Path) -> None:
    summary = summarise(FakeStudy().write(tmp_path))
    reference, arm = summary.reference("popularity"), summary.arm("TS")
    found = next(o for o in compare(summary) if (o.better, o.kind) == ("TS", "reference"))
    assert reference is not None and arm is not None and found.difference is not None
    expected = (arm.mean("HR@10") or 0) - reference.test["HR@10"]
    assert found.difference.mean == pytest.approx(expected)


def test_every_reference_with_recorded_ranks_is_compared(tmp_path: Path) -> None:
    folder = FakeStudy(searches=0).write(tmp_path)
    popularity, chance = summarise(folder).manifest.references
    third = popularity.model_copy(update={"name": "last item"})
    set_references(folder, (popularity, chance, third))
    found = [one for one in compare(summarise(folder)) if one.kind == "reference"]
    assert [one.than for one in found if (one.better, one.metric) == ("TS", "HR@10")] == [
        "popularity",
        "last item",
    ]
    by_name = {one.than: one.difference for one in found if one.better == "TS"}
    assert by_name["last item"] == by_name["popularity"] is not None


def families(contrasts: Iterable[Contrast]) -> list[list[Contrast]]:
    """Comparisons of arms, and comparisons with references."""
    ones = list(contrasts)
    return [[o for o in ones if (o.kind == "reference") is is_one] for is_one in (False, True)]


def test_holm_adjusts_over_all_comparisons_of_a_metric_between_arms_or_with_references(
    tmp_path: Path,
) -> None:
    contrasts = compare(summarise(FakeStudy(overrides=NAMED).write(tmp_path)))
    for family in families(one for one in contrasts if one.metric == "NDCG@10"):
        assert len(family) > 1
        expected = holm([one.difference.p for one in family if one.difference])
        assert tuple(one.p_holm for one in family) == expected


def test_more_references_change_no_finding_between_arms(tmp_path: Path) -> None:
    folder = FakeStudy(overrides=NAMED).write(tmp_path)
    before = families(compare(summarise(folder)))[0]
    popularity, chance = summarise(folder).manifest.references
    more = (popularity.model_copy(update={"name": str(number)}) for number in range(9))
    set_references(folder, (popularity, chance, *more))
    assert families(compare(summarise(folder)))[0] == before


def test_only_seeds_finished_in_both_arms_are_paired(tmp_path: Path) -> None:
    statuses = {("TS", "final", 0): "failed", ("ID", "final", 2): "missing"}
    contrasts = compare(summarise(FakeStudy(statuses=statuses).write(tmp_path)))
    found = next(one for one in contrasts if (one.better, one.than) == ("TS", "ID"))
    assert found.seeds == (2,)


def test_without_a_common_seed_the_contrast_says_why_there_is_no_difference(tmp_path: Path) -> None:
    statuses = {("TS", "final", index): "failed" for index in range(3)}
    contrasts = compare(summarise(FakeStudy(statuses=statuses).write(tmp_path)))
    problems = {(one.better, one.than): one.problem for one in contrasts}
    assert problems["TS", "ID"] == "no seed has finished in both arms"
    assert problems["TS", "popularity"] == "no final trial has finished"


def test_a_comparison_with_a_reference_names_its_place_and_the_seeds_of_the_arm(
    tmp_path: Path,
) -> None:
    study = FakeStudy(
        arms=SMALL[:2],
        searches=0,
        num_users=60,
        datasets={"MIND": None, "HM": None},
        statuses={("HM/TS", "final", 1): "failed"},
    )
    found = {
        (one.place, one.better): one.seeds
        for one in compare(summarise(study.write(tmp_path)))
        if one.kind == "reference" and one.metric == "HR@10"
    }
    assert found == {
        (Place("MIND"), "ID"): (1, 2, 3),
        (Place("MIND"), "TS"): (1, 2, 3),
        (Place("HM"), "ID"): (1, 2, 3),
        (Place("HM"), "TS"): (1, 3),
    }


def test_arms_with_different_test_users_are_not_compared(tmp_path: Path) -> None:
    FakeStudy(arms=SMALL[:2], num_users=300).write(tmp_path)
    ledger = Ledger(tmp_path)
    manifest = ledger.read_manifest()
    assert manifest is not None
    for name in manifest.arms[1].final:
        trial = ledger.read(name)
        assert trial is not None and trial.test is not None
        shorter = {"num_users": 299, "packed_ranks": pack_ranks(np.ones(299))}
        ledger.write(
            trial.model_copy(update={"test": trial.test.model_copy(update=shorter)}),
        )
    problems = {one.than: one.problem for one in compare(summarise(tmp_path)) if one.better == "TS"}
    assert problems["ID"] == "different test users (299 and 300)"
    assert problems["popularity"] == "different test users (299 and 300)"


@pytest.mark.parametrize(
    ("update", "problem"),
    [({"warm": 20}, "the two arms use different data"), ({"max_seq_len": 40}, "")],
)
def test_arms_on_different_data_are_not_paired_but_on_longer_windows_they_are(
    update: dict[str, int], problem: str, tmp_path: Path
) -> None:
    FakeStudy(arms=SMALL[:2], searches=0).write(tmp_path)
    ledger = Ledger(tmp_path)
    for trial in ledger.read_all().values():
        if trial.config.item.text:
            dataset = trial.config.dataset.model_copy(update=update)
            config = trial.config.model_copy(update={"dataset": dataset})
            ledger.write(trial.model_copy(update={"config": config}))
    (found,) = [
        one
        for one in compare(summarise(tmp_path))
        if (one.metric, one.kind) == ("HR@10", "exploratory")
    ]
    assert (found.problem, found.difference is None) == (problem, bool(problem))


def test_a_contrast_names_the_arm_that_does_not_exist(tmp_path: Path) -> None:
    overrides = {"contrasts": [{"better": "E2F", "than": "ID"}]}
    contrasts = compare(summarise(FakeStudy(overrides=overrides).write(tmp_path)))
    assert contrasts[0].problem == "E2F is not an arm of this study"


def test_training_time_ratio_counts_training_seconds_only(tmp_path: Path) -> None:
    summary = summarise(FakeStudy(overrides=NAMED).write(tmp_path))
    seconds = {
        arm.name: sum(epoch.train_s for r in arm.tested.values() for epoch in r.epochs)
        for arm in summary.arms
    }
    assert compare(summary)[0].time_ratio == pytest.approx(seconds["E2E"] / seconds["ID"])


def _changed_cost(folder: Path, arm: str, **update: object) -> None:
    """Give the second final trial of an arm another cost; None: of every update, no cost."""
    ledger = Ledger(folder)
    (entry,) = (one for one in ledger.manifest().arms if one.name == arm)
    trial = ledger.read(entry.final[1])
    assert trial is not None and trial.cost is not None
    cost = trial.cost.model_copy(update=update) if update else None
    ledger.write(trial.model_copy(update={"cost": cost}))


@pytest.mark.parametrize("arm", ["ID", "TS"])
@pytest.mark.parametrize("update", [{"device": "another device"}, {}])
def test_training_times_are_not_compared_where_a_trial_ran_elsewhere_or_says_no_device(
    arm: str, update: dict[str, str], tmp_path: Path
) -> None:
    folder = FakeStudy(arms=SMALL[:2], searches=0, num_users=60).write(tmp_path)
    before = [one for one in compare(summarise(folder)) if one.kind == "exploratory"]
    _changed_cost(folder, arm, **update)
    after = [one for one in compare(summarise(folder)) if one.kind == "exploratory"]
    assert all(one.time_ratio and one.time_ratio > 1 for one in before)
    assert after == [replace(one, time_ratio=None) for one in before]


def test_without_any_cost_or_any_training_time_there_is_no_time_ratio(tmp_path: Path) -> None:
    folder = FakeStudy(arms=SMALL[:2], searches=0, num_users=60).write(tmp_path)
    ledger = Ledger(folder)
    trials = ledger.read_all().values()
    for is_timed in (True, False):
        for trial in trials:
            still = tuple(one.model_copy(update={"train_s": 0.0}) for one in trial.epochs)
            update = {"cost": None} if is_timed else {"epochs": still}
            ledger.write(trial.model_copy(update=update))
        found = compare(summarise(folder))
        assert {one.time_ratio for one in found} == {None} and all(one.difference for one in found)


TWO = {"MIND": None, "HM": ("ID", "TS")}


def test_contrasts_are_made_on_every_data_set_that_has_both_arms(tmp_path: Path) -> None:
    named = [{"better": "E2E", "than": "ID"}, {"better": "TS", "than": "ID"}]
    study = FakeStudy(datasets=TWO, searches=0, overrides={"contrasts": named})
    contrasts = [one for one in compare(summarise(study.write(tmp_path))) if one.kind == "named"]
    on_hr = [
        (one.place.dataset, one.better, one.than) for one in contrasts if one.metric == "HR@10"
    ]
    assert on_hr == [("MIND", "E2E", "ID"), ("MIND", "TS", "ID"), ("HM", "TS", "ID")]
    assert all(one.difference for one in contrasts)


def test_differences_and_holm_stay_within_their_data_set(tmp_path: Path) -> None:
    summary = summarise(FakeStudy(datasets=TWO, searches=0).write(tmp_path))
    contrasts = compare(summary)
    for part in summary.parts:
        family = [o for o in contrasts if (o.place.dataset, o.metric) == (part.key, "HR@10")]
        better, than = (summary.arm(f"{part.key}/{name}") for name in ("TS", "ID"))
        assert better is not None and than is not None
        found = next(one.difference for one in family if (one.better, one.than) == ("TS", "ID"))
        assert found is not None
        assert found.mean == pytest.approx((better.mean("HR@10") or 0) - (than.mean("HR@10") or 0))
        for kind in families(family):
            expected = holm([one.difference.p for one in kind if one.difference])
            assert tuple(one.p_holm for one in kind) == expected


def test_a_contrast_without_a_common_data_set_says_so_on_each_data_set(tmp_path: Path) -> None:
    apart = {"MIND": ("ID", "TS"), "HM": ("ID", "E2E")}
    overrides = {"contrasts": [{"better": "E2E", "than": "TS"}]}
    study = FakeStudy(datasets=apart, searches=0, overrides=overrides)
    contrasts = compare(summarise(study.write(tmp_path)))
    problems = {one.place.dataset: one.problem for one in contrasts if one.kind == "named"}
    assert problems == {"MIND": "E2E does not run on MIND", "HM": "TS does not run on HM"}


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [("mask_history", False, "False and True"), ("candidates", "trained", "trained and all")],
)
def test_arms_that_are_ranked_differently_are_not_compared(
    option: str, value: object, words: str, tmp_path: Path
) -> None:
    arms = (*SMALL[:2], replace(SMALL[2], evaluation={option: value}))
    contrasts = compare(summarise(FakeStudy(arms=arms, searches=0).write(tmp_path)))
    unlike = {(one.better, one.than): one.problem for one in contrasts if "E2E" in one.better}
    assert unlike == {
        ("E2E", "ID"): f"the two arms are ranked differently: evaluation.{option} {words}",
        ("E2E", "popularity"): (
            f"the reference is ranked differently: evaluation.{option} {words}"
        ),
    }
    assert all(bool(one.difference) == ("E2E" not in one.better) for one in contrasts)


def test_every_option_in_which_rankings_differ_is_named_in_order(tmp_path: Path) -> None:
    by_time = {"by_time": {"test": 0.2, "valid": 0.2, "target": "last"}}
    unlike = {"mask_history": False, "candidates": "trained", "split": by_time}
    arms = (SMALL[0], replace(SMALL[1], evaluation=unlike))
    study = FakeStudy(arms=arms, searches=0, num_users=60)
    (problem,) = {
        one.problem for one in compare(summarise(study.write(tmp_path))) if one.than == "ID"
    }
    options = [word for word in problem.split() if word.startswith("evaluation.")]
    assert options == ["evaluation.candidates", "evaluation.mask_history", "evaluation.split"]
    assert problem.endswith(" and leave_one_out")


@pytest.mark.parametrize(("baseline", "unlike"), [("TS", ["ID"]), ("another", ["TS", "E2E"])])
def test_references_are_ranked_as_the_baseline_is_or_as_the_first_arm(
    baseline: str, unlike: list[str], tmp_path: Path
) -> None:
    arms = (replace(SMALL[0], evaluation={"mask_history": False}), *SMALL[1:])
    summary = summarise(FakeStudy(arms=arms, searches=0, num_users=60).write(tmp_path))
    study = summary.manifest.study.model_copy(update={"baseline": baseline})
    manifest = summary.manifest.model_copy(update={"study": study})
    problems = {
        one.better
        for one in compare(replace(summary, manifest=manifest))
        if one.kind == "reference" and one.problem
    }
    assert problems == set(unlike)
