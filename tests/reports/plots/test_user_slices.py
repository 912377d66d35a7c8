"""The chart of a slice table: which arms and which labels it draws."""

from pathlib import Path

import pytest

from reports.plots.user_slices import slices
from reports.study.slices import slice_tables
from reports.study.summary import summarise
from tests.reports.made_up_studies import FUSION, SMALL, FakeStudy


def test_slices_draw_the_best_six_arms_and_leave_small_labels_out(tmp_path: Path) -> None:
    study = FakeStudy(arms=FUSION[:9], slices={"popularity": (10, 90, 200)}, searches=0)
    summary = summarise(study.write(tmp_path))
    (table,) = slice_tables(summary, "HR@10")

    figure = slices(summary, table)

    assert figure is not None
    ranked = sorted(summary.arms[1:], key=lambda arm: -(arm.mean("HR@10") or 0))
    assert {trace["name"] for trace in figure["data"]} == {arm.name for arm in ranked[:6]}
    assert figure["layout"]["xaxis"]["ticktext"] == ["new", "cold", "tail"]
    for trace in figure["data"]:
        row = next(row for row in table.rows if row.arm == trace["name"])
        known = [cell.difference.mean for cell in row.cells if cell.difference]
        assert trace["y"] == pytest.approx([100 * mean for mean in known], abs=0.001)
        assert [round(x) for x in trace["x"]] == [1, 2]


def test_a_slice_without_any_difference_is_no_figure(tmp_path: Path) -> None:
    study = FakeStudy(arms=SMALL[:1], slices={"history": (150, 150)}, searches=0)
    summary = summarise(study.write(tmp_path))
    (table,) = slice_tables(summary, "HR@10")
    assert slices(summary, table) is None
