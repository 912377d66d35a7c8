"""The summary: what it reads from a ledger, arm by arm and data set by data set."""

import json
from pathlib import Path
from statistics import mean, stdev

import pytest

from morec.errors import DataError
from reports.study.summary import StudySummary, summarise
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
