"""The summary: what it reads from a ledger, arm by arm and data set by data set."""

import json
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev

import pytest

from morec.errors import DataError
from reports.study.places import NOWHERE, Place
from reports.study.summary import ArmSummary, StudySummary, summarise
from reports.study.trial import Trial
from tests.reports.made_up_studies import FUSION, SMALL, FakeStudy
from tune_space.ledger.records import Ledger


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> StudySummary:
    statuses = {("TS", "search", 1): "pruned", ("E2E", "search", 0): "collapsed"}
    return summarise(FakeStudy(statuses=statuses).write(tmp_path_factory.mktemp("small")))


def _raw(summary: StudySummary, folder: Path, arm: str) -> list[dict]:
    entry = next(one for one in summary.manifest.arms if one.name == arm)
    return [json.loads((folder / f"trials/{name}.json").read_text()) for name in entry.final]


def test_means_and_deviations_are_those_of_the_final_trials_test_metrics(tmp_path: Path) -> None:
    summary = summarise(FakeStudy().write(tmp_path))
    values = [trial["test"]["metrics"]["HR@10"] for trial in _raw(summary, tmp_path, "TS")]

    arm = summary.arm("TS")

    assert arm is not None
    assert arm.values("HR@10") == tuple(values)
    assert arm.mean("HR@10") == pytest.approx(mean(values))
    assert arm.sd("HR@10") == pytest.approx(stdev(values))


def test_improvement_is_the_best_other_arm_relative_to_the_baseline(small: StudySummary) -> None:
    means = {arm.name: arm.mean("NDCG@10") for arm in small.arms}
    best = max(("TS", "E2E"), key=lambda name: means[name] or 0)

    found = small.improvement("NDCG@10")

    assert found is not None and found.arm == best
    assert found.percent == pytest.approx(100 * ((means[best] or 0) / (means["ID"] or 1) - 1))


def test_best_validation_score_is_of_search_trials_that_have_one(small: StudySummary) -> None:
    for arm in small.arms:
        scored = [
            max(epoch.valid["HR@10"] for epoch in trial.result.epochs)
            for trial in arm.searches
            if trial.result and trial.status in ("completed", "pruned")
        ]
        assert arm.best_valid == max(scored)


def test_a_test_value_of_a_search_trial_is_no_value_of_its_arm(tmp_path: Path) -> None:
    before = summarise(FakeStudy(arms=SMALL[:1]).write(tmp_path)).arms[0]
    searched = before.searches[0].result
    assert searched is not None
    evaluation = searched.config.evaluation.model_copy(update={"test": True})
    config = searched.config.model_copy(update={"evaluation": evaluation})
    Ledger(tmp_path).write(searched.model_copy(update={"config": config, "test": searched.valid}))
    after = summarise(tmp_path).arms[0]
    assert after.searches[0].result is not None and after.searches[0].result.test is not None
    assert after.values("HR@10") == before.values("HR@10")


def test_every_trial_of_the_manifest_is_there_with_its_role(small: StudySummary) -> None:
    wanted = [
        (name, role)
        for arm in small.manifest.arms
        for role, names in (("search", [s.trial_id for s in arm.search]), ("final", arm.final))
        for name in names
    ]
    assert [(trial.trial_id, trial.role) for trial in small.trials] == wanted


def test_an_arm_is_its_entry_with_the_record_of_every_trial(tmp_path: Path) -> None:
    statuses = {("TS", "final", 1): "missing", ("TS", "search", 0): "missing"}
    study = FakeStudy(arms=SMALL[:2], seeds=(4, 5, 6), statuses=statuses)
    summary = summarise(study.write(tmp_path))
    ledger = Ledger(tmp_path)
    for entry, arm in zip(summary.manifest.arms, summary.arms, strict=True):
        assert entry.locked is not None and entry.locked.params != {}
        assert arm == ArmSummary(
            entry=entry,
            finals=tuple(
                Trial(name, entry.name, "final", seed, entry.locked.params, ledger.read(name))
                for name, seed in zip(entry.final, (4, 5, 6), strict=True)
            ),
            searches=tuple(
                Trial(one.trial_id, entry.name, "search", 0, one.params, ledger.read(one.trial_id))
                for one in entry.search
            ),
            seeds_wanted=3,
        )
        assert arm.trials == arm.searches + arm.finals
    assert [trial.status for trial in summary.arms[1].finals] == [
        "completed",
        "missing",
        "completed",
    ]
    assert (summary.place, summary.metrics) == (NOWHERE, ("HR@10", "NDCG@10", "MRR@10"))


def test_a_recorded_trial_keeps_its_own_seed(tmp_path: Path) -> None:
    FakeStudy(arms=SMALL[:1], seeds=(4, 5)).write(tmp_path)
    ledger = Ledger(tmp_path)
    manifest = ledger.manifest()
    study = manifest.study.model_copy(update={"seeds": (7, 8)})
    ledger.write_manifest(manifest.model_copy(update={"study": study}))
    assert list(summarise(tmp_path).arms[0].tested) == [4, 5]


def test_metrics_are_those_of_every_cutoff_of_any_arm_each_once(tmp_path: Path) -> None:
    arms = (
        replace(SMALL[0], evaluation={"ks": [10, 5]}),
        replace(SMALL[1], evaluation={"ks": [10, 20]}),
    )
    FakeStudy(arms=arms, searches=0, num_users=20).write(tmp_path)
    assert summarise(tmp_path).metrics == tuple(
        f"{name}@{k}" for k in (10, 5, 20) for name in ("HR", "NDCG", "MRR")
    )


def test_final_trials_without_a_record_are_missing_and_pending(tmp_path: Path) -> None:
    statuses = {("TS", "final", 0): "missing", ("E2E", "final", 2): "not asked"}
    summary = summarise(FakeStudy(statuses=statuses, state="running").write(tmp_path))
    assert [trial.arm for trial in summary.with_status("missing")] == ["TS"]
    assert summary.num_pending == 2
    arm = summary.arm("TS")
    assert arm is not None and list(arm.tested) == [2, 3]


def test_one_seed_has_a_mean_and_no_deviation(tmp_path: Path) -> None:
    arm = summarise(FakeStudy(arms=SMALL[:1], seeds=(7,)).write(tmp_path)).arms[0]
    assert arm.mean("HR@10") is not None
    assert arm.sd("HR@10") is None


def test_two_seeds_have_a_deviation(tmp_path: Path) -> None:
    arm = summarise(FakeStudy(arms=SMALL[:1], seeds=(7, 8)).write(tmp_path)).arms[0]
    first, second = arm.values("HR@10")
    assert arm.sd("HR@10") == pytest.approx(abs(first - second) / 2**0.5)
    assert first != second


def test_without_a_search_there_is_no_best_validation_score(tmp_path: Path) -> None:
    arm = summarise(FakeStudy(arms=SMALL[:1], searches=0).write(tmp_path)).arms[0]
    assert (arm.best_valid, arm.searches, arm.finals[0].params) == (None, (), {})


def test_learning_curves_are_those_of_final_trials_or_of_search_trials_before_them(
    tmp_path: Path,
) -> None:
    statuses = {("ID", "final", 0): "missing", ("TS", "search", 1): "missing"}
    statuses |= {("TS", "final", index): "not asked" for index in range(3)}
    id_arm, text_arm, _ = summarise(FakeStudy(statuses=statuses).write(tmp_path)).arms
    assert id_arm.curve_trials == id_arm.finals[1:]
    assert text_arm.curve_trials == (text_arm.searches[0], *text_arm.searches[2:])


def test_a_trial_without_an_epoch_has_no_learning_curve(tmp_path: Path) -> None:
    arm = summarise(FakeStudy(arms=SMALL[:1]).write(tmp_path)).arms[0]

    def without_epochs(trial: Trial) -> Trial:
        assert trial.result is not None
        return replace(trial, result=trial.result.model_copy(update={"epochs": ()}))

    first, *others = arm.finals
    assert replace(arm, finals=(without_epochs(first), *others)).curve_trials == tuple(others)
    none = tuple(map(without_epochs, arm.finals))
    assert replace(arm, finals=none).curve_trials == arm.searches
    empty = replace(arm, finals=none, searches=tuple(map(without_epochs, arm.searches)))
    assert empty.curve_trials == ()


def test_a_late_fusion_has_no_learning_curves(small: StudySummary) -> None:
    first, second, _ = (arm.entry.config for arm in small.arms)
    fused = first.model_copy(update={"ensemble": (first, second)})
    entry = small.arms[0].entry.model_copy(update={"config": fused})
    assert small.arms[0].curve_trials != ()
    assert replace(small.arms[0], entry=entry).curve_trials == ()


def test_failed_trials_have_no_values_but_the_time_of_their_epochs(tmp_path: Path) -> None:
    statuses = {("ID", "final", index): "failed" for index in range(3)}
    summary = summarise(FakeStudy(statuses=statuses).write(tmp_path))
    arm = summary.arms[0]
    assert (arm.values("HR@10"), arm.mean("HR@10")) == ((), None)
    assert summary.improvement("HR@10") is None
    result = arm.finals[0].result
    assert result is not None
    spent = sum(epoch.train_s + epoch.eval_s for epoch in result.epochs)
    assert arm.finals[0].seconds == pytest.approx(spent)


def test_fourteen_arms_keep_the_order_of_the_study(tmp_path: Path) -> None:
    summary = summarise(FakeStudy(arms=FUSION, searches=0, num_users=40).write(tmp_path))
    assert [arm.name for arm in summary.arms] == [arm.name for arm in FUSION]


def test_arms_are_ranked_by_their_mean_and_those_without_a_value_are_left_out(
    tmp_path: Path,
) -> None:
    statuses = {("TS", "final", index): "failed" for index in range(3)}
    arms = tuple(
        replace(arm, strength=strength)
        for arm, strength in zip(SMALL, (1.0, -1.0, 3.0), strict=True)
    )
    study = FakeStudy(arms=arms, searches=0, num_users=60)
    whole = summarise(study.write(tmp_path / "whole"))
    assert [arm.name for arm in whole.ranked("HR@10")] == ["E2E", "ID", "TS"]
    part = summarise(replace(study, statuses=statuses).write(tmp_path / "part"))
    assert [arm.name for arm in part.ranked("HR@10")] == ["E2E", "ID"]


def test_a_baseline_alone_has_no_improvement(tmp_path: Path) -> None:
    alone = summarise(FakeStudy(arms=SMALL[:1]).write(tmp_path))
    assert alone.improvement("HR@10") is None
    other = alone.manifest.study.model_copy(update={"baseline": "another"})
    without = replace(alone, manifest=alone.manifest.model_copy(update={"study": other}))
    assert (without.baseline, without.improvement("HR@10")) == (None, None)


def test_names_that_no_arm_and_no_reference_has_are_none(small: StudySummary) -> None:
    assert (small.arm("E2F"), small.reference("chants")) == (None, None)
    assert [one and one.name for one in map(small.reference, ("popularity", "chance"))] == [
        "popularity",
        "chance",
    ]


def test_trials_are_found_by_their_status(small: StudySummary) -> None:
    found = {
        status: [(trial.arm, trial.role) for trial in small.with_status(status)]
        for status in ("pruned", "collapsed", "missing")
    }
    assert found == {"pruned": [("TS", "search")], "collapsed": [("E2E", "search")], "missing": []}
    assert len(small.with_status("completed")) == len(small.trials) - 2 == 3 * (4 + 3) - 2


def test_searched_paths_are_those_that_search_trials_were_given(tmp_path: Path) -> None:
    also = {"optim.weight_decay": (0.0, 0.1), "model.dropout": (0.0, 0.5)}
    study = FakeStudy(arms=SMALL[:1], num_users=20, also_searched=also)
    assert summarise(study.write(tmp_path / "three")).searched_paths == (
        "optim.lr",
        "optim.weight_decay",
        "model.dropout",
    )
    assert summarise(FakeStudy(searches=0).write(tmp_path / "none")).searched_paths == ()


@pytest.mark.parametrize("profile", ["full", "quick"])
def test_a_study_knows_whether_it_is_the_quick_one(profile: str, tmp_path: Path) -> None:
    study = FakeStudy(arms=SMALL[:1], searches=0, overrides={"profile": profile})
    assert summarise(study.write(tmp_path)).is_quick == (profile == "quick")


def test_the_main_metric_is_the_one_that_selects(tmp_path: Path) -> None:
    arms = (replace(SMALL[0], evaluation={"select": "MRR@10"}), *SMALL[1:])
    assert summarise(FakeStudy(arms=arms, searches=0).write(tmp_path)).main_metric == "MRR@10"
    assert summarise(FakeStudy(arms=()).write(tmp_path / "none")).main_metric == "HR@10"


def test_numbers_rest_on_generated_data_where_any_data_set_is_generated(tmp_path: Path) -> None:
    summary = summarise(TWO.write(tmp_path))
    first, second = summary.manifest.datasets
    real = {"is_synthetic": False}
    for datasets, is_synthetic in (
        ((first, second), True),
        ((first, second.model_copy(update=real)), True),
        ((first.model_copy(update=real), second.model_copy(update=real)), False),
    ):
        manifest = summary.manifest.model_copy(update={"datasets": datasets})
        assert replace(summary, manifest=manifest).is_synthetic == is_synthetic


def test_a_folder_without_a_manifest_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"{tmp_path}: no study has run here"):
        summarise(tmp_path)


def test_a_broken_record_is_named(tmp_path: Path) -> None:
    FakeStudy(arms=SMALL[:1]).write(tmp_path)
    broken = next((tmp_path / "trials").glob("*-s1-*.json"))
    broken.write_text("{")
    with pytest.raises(DataError, match=f"{broken.name}: not a TrialResult"):
        summarise(tmp_path)


TWO = FakeStudy(datasets={"HM": ("ID", "TS"), "MIND": None}, searches=1, num_users=60)


def test_the_parts_of_a_study_are_its_data_sets_in_the_order_of_the_file(tmp_path: Path) -> None:
    summary = summarise(TWO.write(tmp_path))
    assert [part.key for part in summary.parts] == ["HM", "MIND"]
    assert [[arm.name for arm in part.arms] for part in summary.parts] == [
        ["HM/ID", "HM/TS"],
        ["MIND/ID", "MIND/TS", "MIND/E2E"],
    ]
    for part in summary.parts:
        entries = (*part.manifest.datasets, *part.manifest.references)
        assert {entry.dataset for entry in entries} == {part.key}
        assert part.parts == (part,)


def test_a_part_has_the_arms_datasets_references_and_metrics_of_its_place(tmp_path: Path) -> None:
    arms = (SMALL[0], replace(SMALL[1], evaluation={"ks": [10, 20]}))
    study = FakeStudy(arms=arms, datasets={"HM": ("ID",), "MIND": None}, searches=0, num_users=20)
    summary = summarise(study.write(tmp_path))
    assert len(summary.parts) == 2 and summary.by_condition == (summary,)
    for part, dataset in zip(summary.parts, ("HM", "MIND"), strict=True):
        own = [
            tuple(one for one in some if one.dataset == dataset)
            for some in (
                summary.manifest.arms,
                summary.manifest.datasets,
                summary.manifest.references,
            )
        ]
        assert [len(some) for some in own] == [1 if dataset == "HM" else 2, 1, 2]
        assert (part.manifest.arms, part.manifest.datasets, part.manifest.references) == tuple(own)
        assert part.arms == tuple(arm for arm in summary.arms if arm.entry.dataset == dataset)
        assert part.place == Place(dataset)
        assert len(part.metrics) == (3 if dataset == "HM" else 6)
        assert part.is_several is False
    assert summary.is_several


CONDITIONED = FakeStudy(
    arms=SMALL[:2],
    conditions={"published": {}, "strong ID": {"ID": 0.6}},
    searches=1,
    num_users=60,
)


@pytest.mark.parametrize("datasets", [{}, {"HM": None, "MIND": None}])
def test_conditions_have_parts_of_their_own(datasets: dict[str, None], tmp_path: Path) -> None:
    summary = summarise(replace(CONDITIONED, datasets=datasets).write(tmp_path))
    places = [
        Place(dataset, condition)
        for condition in ("published", "strong ID")
        for dataset in datasets or ("",)
    ]
    assert [part.place for part in summary.parts] == places
    for number, (part, condition) in enumerate(
        zip(summary.by_condition, ("published", "strong ID"), strict=True)
    ):
        assert part.place == Place("", condition)
        assert {arm.entry.condition for arm in part.arms} == {condition}
        assert [one.place for one in part.parts] == [
            place for place in places if place.condition == condition
        ]
        assert (part.by_condition, number) == ((part,), number)
    num_datasets = max(len(datasets), 1)
    assert summary.num_users == 60 * num_datasets
    # Both arms under the first condition, and ID again under the second: 1 + 3 trials each.
    assert len(summary.trials) == 3 * (1 + 3) * num_datasets
    assert [trial.arm.split("/")[-1] for trial in summary.trials].count("TS") == 4 * num_datasets


def test_of_arms_with_the_same_trials_the_one_with_the_fewest_to_come_is_distinct(
    tmp_path: Path,
) -> None:
    summary = summarise(CONDITIONED.write(tmp_path))
    first, text, strong, again = summary.arms
    assert text.entry.identity == again.entry.identity and text.num_pending == 0
    assert [arm.name for arm in summary.distinct_arms] == [first.name, text.name, strong.name]
    behind = replace(text, finals=text.finals[:1])
    fewer = replace(summary, arms=(first, behind, strong, again))
    assert [arm.name for arm in fewer.distinct_arms] == [first.name, strong.name, again.name]
    assert fewer.num_pending == 0
    both = replace(summary, arms=(first, behind, strong, replace(again, finals=())))
    assert both.num_pending == 2


def test_before_the_first_final_trial_the_users_are_those_of_the_data(tmp_path: Path) -> None:
    statuses = {("HM/ID", "final", index): "missing" for index in range(3)}
    study = FakeStudy(arms=SMALL[:1], datasets={"HM": None, "MIND": None}, searches=0, num_users=60)
    summary = summarise(replace(study, statuses=statuses).write(tmp_path / "two"))
    counts = {"test_targets": 41}
    manifest = summary.manifest
    datasets = tuple(one.model_copy(update={"counts": counts}) for one in manifest.datasets)
    summary = replace(summary, manifest=manifest.model_copy(update={"datasets": datasets}))
    assert [part.num_users for part in summary.parts] == [41, 60]
    assert summary.num_users == 41 + 60
    without = replace(summary, manifest=manifest.model_copy(update={"datasets": ()}))
    assert [part.num_users for part in without.parts] == [None, 60]
    assert without.num_users == 60


def test_the_data_are_named(tmp_path: Path, small: StudySummary) -> None:
    summary = summarise(TWO.write(tmp_path))
    assert summary.dataset == "HM, MIND"
    assert [part.dataset for part in summary.parts] == ["HM", "MIND"]
    assert small.dataset == "synthetic"
    nothing = small.manifest.model_copy(update={"datasets": ()})
    assert replace(small, manifest=nothing).dataset == "no dataset"


def test_one_data_set_is_the_study_itself(small: StudySummary) -> None:
    assert small.parts == (small,)
    assert (small.key, small.is_several) == ("", False)


def test_a_label_is_resolved_within_its_data_set(tmp_path: Path) -> None:
    summary = summarise(TWO.write(tmp_path))
    for part in summary.parts:
        assert part.baseline is not None and part.baseline.name == f"{part.key}/ID"
    found = summary.arm("MIND/TS")
    assert found is not None and (found.label, found.name) == ("TS", "MIND/TS")


def test_improvement_is_within_the_data_set(tmp_path: Path) -> None:
    for part in summarise(TWO.write(tmp_path)).parts:
        found = part.improvement("HR@10")
        means = {arm.label: arm.mean("HR@10") or 0 for arm in part.arms}
        best = max(value for label, value in means.items() if label != "ID")
        assert found is not None
        assert found.percent == pytest.approx(100 * (best / means["ID"] - 1))


def test_test_users_are_counted_over_all_data_sets(tmp_path: Path) -> None:
    summary = summarise(TWO.write(tmp_path))
    assert (summary.num_users, [part.num_users for part in summary.parts]) == (120, [60, 60])
    assert summary.num_pending == 0
