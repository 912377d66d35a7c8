from pathlib import Path

import pytest

from reports.accuracy import AccuracyTable, accuracy_tables
from reports.summary import StudySummary, summarise
from tests.reports.made_up_studies import FUSION, SMALL, FakeStudy


def accuracy_table(summary: StudySummary) -> AccuracyTable:
    (table,) = accuracy_tables(summary)
    return table


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
    assert [line.improvement for line in table.lines] == ["n/a", "n/a"]


def test_improvement_is_printed_as_the_paper_prints_it(tmp_path: Path) -> None:
    """Table 2, MIND: 18.68 against 17.71 is +5.48%."""
    summary = summarise(FakeStudy().write(tmp_path))
    found = summary.improvement("HR@10")
    assert found is not None
    assert accuracy_table(summary).lines[0].improvement == f"{found.percent:+.1f}%"
    assert pytest.approx(5.48, abs=0.005) == 100 * (18.68 / 17.71 - 1)


def test_more_than_eight_arms_stand_in_rows_grouped_by_heading(tmp_path: Path) -> None:
    table = accuracy_table(summarise(FakeStudy(arms=FUSION, searches=0).write(tmp_path)))
    assert table.has_arms_as_rows
    assert [(group.name, len(group.rows)) for group in table.groups] == [
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
