"""Learning curves: median over seeds, names at the edge, collapsed trials."""

from pathlib import Path

import pytest

from reports.plots.learning_curves import learning_curves
from reports.study.summary import StudySummary, summarise
from tests.reports.made_up_studies import FakeStudy


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> StudySummary:
    study = FakeStudy(statuses={("E2E", "search", 0): "collapsed"})
    return summarise(study.write(tmp_path_factory.mktemp("small")))


def test_learning_curve_is_the_median_over_seeds(small: StudySummary) -> None:
    figure = learning_curves(small, "HR@10")
    assert figure is not None
    line = next(trace for trace in figure["data"] if trace.get("name") == "ID")
    third = sorted(
        100 * trial.result.epochs[2].valid["HR@10"]
        for trial in small.arms[0].finals
        if trial.result
    )
    assert line["y"][2] == pytest.approx(third[1], abs=0.001)


def test_every_line_is_named_at_the_edge(small: StudySummary) -> None:
    figure = learning_curves(small, "HR@10")
    assert figure is not None
    assert {note["text"] for note in figure["layout"]["annotations"]} == {"ID", "TS", "E2E"}


def test_collapsed_trials_are_drawn_with_a_cross(small: StudySummary) -> None:
    figure = learning_curves(small, "HR@10")
    assert figure is not None
    (crossed,) = [t for t in figure["data"] if t.get("marker", {}).get("symbol") == "x"]
    assert crossed["name"] == "E2E seed 0 (search)"


def test_an_arm_whose_every_trial_collapsed_is_named_as_such(tmp_path: Path) -> None:
    statuses = {("TS", "final", index): "collapsed" for index in range(3)}
    summary = summarise(FakeStudy(searches=0, statuses=statuses).write(tmp_path))
    figure = learning_curves(summary, "HR@10")
    assert figure is not None
    texts = {note["text"] for note in figure["layout"]["annotations"]}
    assert texts == {"ID", "TS (collapsed)", "E2E"}


def test_the_highest_name_is_below_the_top_of_its_axis(small: StudySummary) -> None:
    figure = learning_curves(small, "HR@10")
    assert figure is not None
    top = figure["layout"]["yaxis"]["range"][1]
    assert max(one["y"] for one in figure["layout"]["annotations"]) < 0.995 * top
