import json
import re
from dataclasses import replace
from pathlib import Path

import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.plots import figures
from reports.plots.slice_plot import searched
from reports.study.contrasts import compare
from reports.study.costs import arm_costs
from reports.study.slices import slice_tables
from reports.study.summary import StudySummary, summarise
from tests.reports.made_up_studies import FUSION, SMALL, FakeStudy


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> StudySummary:
    named = {"contrasts": [{"better": "E2E", "than": "ID"}]}
    statuses = {("E2E", "search", 0): "collapsed"}
    study = FakeStudy(statuses=statuses, overrides=named)
    return summarise(study.write(tmp_path_factory.mktemp("small")))


def _made(summary: StudySummary) -> dict[str, figures.Figure | None]:
    on_hr = [one for one in compare(summary) if one.metric == "HR@10"]
    return {
        "curves": figures.learning_curves(summary, "HR@10"),
        "forest": figures.forest(on_hr),
        "pareto": figures.pareto(summary, arm_costs(summary), "HR@10"),
        "searched": searched(summary, "optim.lr", has_legend=True),
    }


def test_plotly_knows_every_property_of_every_figure(small: StudySummary, tmp_path: Path) -> None:
    fusion = summarise(FakeStudy(arms=FUSION, num_users=50, searches=1).write(tmp_path))
    for summary in (small, fusion):
        for figure in _made(summary).values():
            text = re.sub(r'"@\w+(/[\d.]+)?"', '"#112233"', json.dumps(figure))
            go.Figure(json.loads(text))


def test_learning_curve_is_the_median_over_seeds(small: StudySummary) -> None:
    figure = _made(small)["curves"]
    assert figure is not None
    line = next(trace for trace in figure["data"] if trace.get("name") == "ID")
    third = sorted(
        100 * trial.result.epochs[2].valid["HR@10"]
        for trial in small.arms[0].finals
        if trial.result
    )
    assert line["y"][2] == pytest.approx(third[1], abs=0.001)


def test_every_line_is_named_at_the_edge(small: StudySummary) -> None:
    figure = _made(small)["curves"]
    assert figure is not None
    assert {note["text"] for note in figure["layout"]["annotations"]} == {"ID", "TS", "E2E"}


def test_collapsed_trials_are_drawn_apart_with_a_cross(small: StudySummary) -> None:
    figure = _made(small)["curves"]
    assert figure is not None
    (crossed,) = [t for t in figure["data"] if t.get("marker", {}).get("symbol") == "x"]
    assert crossed["name"] == "E2E seed 0 (search)"


def test_the_highest_name_is_below_the_top_of_its_axis(small: StudySummary) -> None:
    figure = figures.learning_curves(small, "HR@10")
    assert figure is not None
    top = figure["layout"]["yaxis"]["range"][1]
    assert max(one["y"] for one in figure["layout"]["annotations"]) < 0.995 * top


def test_forest_has_a_row_per_comparison_of_arms_in_points(small: StudySummary) -> None:
    on_hr = [one for one in compare(small) if one.metric == "HR@10"]
    figure = figures.forest(on_hr)
    assert figure is not None
    assert [trace["y"] for trace in figure["data"]] == [["E2E − ID"], ["TS − ID"]]
    difference = on_hr[0].difference
    assert difference is not None
    assert figure["data"][0]["x"] == [round(100 * difference.mean, 3)]


@given(st.lists(st.tuples(st.floats(1, 1e4), st.floats(0, 100)), min_size=1))
def test_pareto_front_is_what_no_other_point_beats(points: list[tuple[float, float]]) -> None:
    front = figures.pareto_front(points)
    for cost, accuracy in points:
        beaten = any(c <= cost and a >= accuracy and (c, a) != (cost, accuracy) for c, a in points)
        assert beaten == ((cost, accuracy) not in front)


def test_more_arms_than_hues_share_a_hue_by_group_and_differ_in_dash(tmp_path: Path) -> None:
    summary = summarise(FakeStudy(arms=FUSION, searches=0, num_users=40).write(tmp_path))
    looks = figures.styles(summary.arms)
    assert len(set(looks.values())) == len(FUSION)
    assert looks["TS"].hue == looks["E2E"].hue != looks["ID"].hue


@pytest.mark.parametrize("study", [FakeStudy(arms=()), FakeStudy(arms=SMALL[:1], searches=0)])
def test_nothing_to_draw_is_no_figure(tmp_path: Path, study: FakeStudy) -> None:
    made = _made(summarise(study.write(tmp_path)))
    assert made["forest"] is made["pareto"] is made["searched"] is None


def test_names_cannot_carry_markup_into_a_figure(tmp_path: Path) -> None:
    arms = (type(SMALL[0])("<b>x</b>", {"id": True}, 1.0, 1.0),)
    figure = _made(summarise(FakeStudy(arms=arms).write(tmp_path)))["curves"]
    assert figure is not None
    assert figure["layout"]["annotations"][0]["text"] == "&lt;b&gt;x&lt;/b&gt;"


def test_forest_always_shows_zero_and_every_interval(small: StudySummary) -> None:
    shown = [one for one in compare(small) if one.metric == "HR@10" and one.better == "E2E"]
    figure = figures.forest(shown)
    difference = shown[0].difference
    assert figure is not None and difference is not None
    low, high = figure["layout"]["xaxis"]["range"]
    assert low < min(0, 100 * difference.low)
    assert high > max(0, 100 * difference.high)


SLICED = FakeStudy(
    arms=FUSION[:9],
    slices={"popularity": (10, 90, 200)},
    losses={"train": (3.0, 2.5), "valid": (4.0, 2.9, 2.6)},
    searches=0,
)


def test_slices_draw_the_best_six_arms_and_leave_small_labels_out(tmp_path: Path) -> None:
    summary = summarise(SLICED.write(tmp_path))
    (table,) = slice_tables(summary, "HR@10")

    figure = figures.slices(summary, table)

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
    assert figures.slices(summary, table) is None


def test_validation_loss_begins_before_the_first_epoch() -> None:
    train, valid = figures.losses(SLICED.losses)["data"]
    assert (train["name"], train["x"], train["y"]) == ("train", [1, 2], [3.0, 2.5])
    assert (valid["name"], valid["x"]) == ("valid", [0, 1, 2])


def test_plotly_knows_the_figures_of_slices_and_losses(tmp_path: Path) -> None:
    summary = summarise(SLICED.write(tmp_path))
    drawn = figures.slices(summary, slice_tables(summary, "HR@10")[0])
    for figure in (drawn, figures.losses(SLICED.losses)):
        text = re.sub(r'"@\w+(/[\d.]+)?"', '"#112233"', json.dumps(figure))
        go.Figure(json.loads(text))


def test_an_arm_whose_every_trial_collapsed_is_named_as_such(tmp_path: Path) -> None:
    statuses = {("TS", "final", index): "collapsed" for index in range(3)}
    summary = summarise(FakeStudy(searches=0, statuses=statuses).write(tmp_path))
    figure = figures.learning_curves(summary, "HR@10")
    assert figure is not None
    texts = {note["text"] for note in figure["layout"]["annotations"]}
    assert texts == {"ID", "TS (collapsed)", "E2E"}


def test_many_arms_without_groups_take_every_hue_before_another_dash(tmp_path: Path) -> None:
    arms = tuple(replace(arm, group=None) for arm in FUSION[:9])
    looks = figures.styles(summarise(FakeStudy(arms=arms, searches=0).write(tmp_path)).arms)
    assert [look.variant for look in looks.values()] == [0] * figures.NUM_HUES + [1, 1]
    assert len(set(looks.values())) == 9
