"""The forest plot: a row per comparison of arms, in percentage points."""

import pytest

from reports.plots.forest import forest
from reports.study.contrasts import compare
from reports.study.summary import StudySummary, summarise
from tests.reports.made_up_studies import FakeStudy


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> StudySummary:
    named = {"contrasts": [{"better": "E2E", "than": "ID"}]}
    return summarise(FakeStudy(overrides=named).write(tmp_path_factory.mktemp("small")))


def test_forest_has_a_row_per_comparison_of_arms_in_points(small: StudySummary) -> None:
    on_hr = [one for one in compare(small) if one.metric == "HR@10"]
    figure = forest(on_hr)
    assert figure is not None
    assert [trace["y"] for trace in figure["data"]] == [["E2E − ID"], ["TS − ID"]]
    difference = on_hr[0].difference
    assert difference is not None
    assert figure["data"][0]["x"] == [round(100 * difference.mean, 3)]


def test_forest_always_shows_zero_and_every_interval(small: StudySummary) -> None:
    shown = [one for one in compare(small) if one.metric == "HR@10" and one.better == "E2E"]
    figure = forest(shown)
    difference = shown[0].difference
    assert figure is not None and difference is not None
    low, high = figure["layout"]["xaxis"]["range"]
    assert low < min(0, 100 * difference.low)
    assert high > max(0, 100 * difference.high)
