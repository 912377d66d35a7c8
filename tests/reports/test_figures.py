import json
import re
from pathlib import Path

import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports import figures
from reports.contrasts import compare
from reports.spending import arm_costs
from reports.summary import StudySummary, summarise
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
        "searched": figures.searched(summary, "optim.lr"),
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
