from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from reports.accuracy import accuracy_table, expected_rows
from reports.rank_metrics import per_user
from reports.summary import summarise
from tests.reports.made_up_studies import FUSION, SMALL, FakeStudy


def test_best_arm_and_runner_up_are_marked_per_metric(tmp_path: Path) -> None:
    summary = summarise(FakeStudy().write(tmp_path))
    table = accuracy_table(summary)
    for index, metric in enumerate(summary.metrics):
        marked = {row.cells[index].standing: row.name for row in table.arms}
        ranked = sorted(summary.arms, key=lambda arm: -(arm.mean(metric) or 0))
        assert (marked["best"], marked["second"]) == (ranked[0].name, ranked[1].name)


def test_untrained_references_are_always_there_even_without_numbers(tmp_path: Path) -> None:
    folder = FakeStudy(arms=()).write(tmp_path)
    names = [row.name for row in accuracy_table(summarise(folder)).untrained]
    assert names == ["chance", "popularity"]


def test_a_single_arm_is_neither_best_nor_second(tmp_path: Path) -> None:
    table = accuracy_table(summarise(FakeStudy(arms=SMALL[:1]).write(tmp_path)))
    assert [cell.standing for cell in table.arms[0].cells] == ["", ""]
    assert table.improvements == ("n/a", "n/a")


def test_improvement_is_printed_as_the_paper_prints_it(tmp_path: Path) -> None:
    """Table 2, MIND: 18.68 against 17.71 is +5.48%."""
    summary = summarise(FakeStudy().write(tmp_path))
    found = summary.improvement("HR@10")
    assert found is not None
    assert accuracy_table(summary).improvements[0] == f"{found.percent:+.1f}%"
    assert pytest.approx(5.48, abs=0.005) == 100 * (18.68 / 17.71 - 1)


def test_more_than_eight_arms_stand_in_rows_grouped_by_heading(tmp_path: Path) -> None:
    table = accuracy_table(summarise(FakeStudy(arms=FUSION, searches=0).write(tmp_path)))
    assert table.has_arms_as_rows
    assert [(group, len(rows)) for group, rows in table.groups] == [
        ("ID", 1),
        ("Text alone", 3),
        ("ID + TS", 4),
        ("ID + TS-DNN", 4),
        ("ID + E2E", 2),
    ]


def test_arms_with_fewer_seeds_than_wanted_are_marked_and_named(tmp_path: Path) -> None:
    statuses = {("TS", "final", 0): "failed"}
    table = accuracy_table(summarise(FakeStudy(statuses=statuses).write(tmp_path)))
    assert table.partial == ("TS 2 of 3",)
    assert [row.cells[0].is_partial for row in table.arms] == [False, True, False]


def test_expected_numbers_stand_beside_our_interval(tmp_path: Path) -> None:
    base = summarise(FakeStudy(seeds=(1,)).write(tmp_path / "first"))
    arm = base.arm("TS")
    assert arm is not None
    (result,) = arm.tested.values()
    assert result.test is not None
    hits_U = per_user("HR@10", result.test.ranks)
    interval = stats.ttest_1samp(hits_U, 0).confidence_interval(0.95)
    mean = 100 * float(np.mean(hits_U))
    expected = {"TS": {"HR@10": round(mean + 0.1, 2)}, "ID": {"HR@10": 90.0}, "X": {"HR@10": 1.0}}
    study = FakeStudy(seeds=(1,), overrides={"expected": expected})

    inside, outside, absent = expected_rows(summarise(study.write(tmp_path / "second")))

    assert inside.judgement == "within interval"
    assert inside.interval == f"{100 * interval.low:.2f} to {100 * interval.high:.2f}"
    assert inside.papers == f"{mean + 0.1:.2f}"
    assert outside.judgement.startswith("off by −")
    assert absent.judgement == "no value of ours yet"
