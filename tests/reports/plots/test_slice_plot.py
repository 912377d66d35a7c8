"""The slice plot: points of search trials, and the kind of axis their values get."""

from pathlib import Path

import pytest

from reports.plots.slice_plot import is_logarithmic, slice_plot
from reports.study.summary import StudySummary, summarise
from tests.reports.made_up_studies import SMALL, FakeStudy

SEARCH = {
    "optim.lr": {"loguniform": [1e-4, 1e-2]},
    "model.dropout": {"uniform": [0.001, 0.5]},
    "model.dim": {"choice": [64, 128, 2048]},
    "training.batch_size": {"choice": [64, 128]},
    "training.patience": {"logint": [8, 64]},
    "optim.warmup_steps": {"int": [1, 64]},
}


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> StudySummary:
    study = FakeStudy(
        arms=SMALL,
        also_searched={"model.dropout": (0.001, 0.5)},
        overrides={"search": SEARCH},
        statuses={("TS", "search", 0): "failed"},
    )
    return summarise(study.write(tmp_path_factory.mktemp("study")))


@pytest.mark.parametrize(
    ("path", "numbers", "expected"),
    [
        ("optim.lr", [0.004, 0.005], True),
        ("model.dropout", [0.001, 0.5], False),
        ("model.dim", [64, 2048], True),
        ("training.batch_size", [64, 128], False),
        ("training.patience", [8, 9], True),
        ("optim.warmup_steps", [1, 64], False),
        ("not.in.the.file", [1e-5, 1e-2], True),
        ("not.in.the.file", [0, 1e-2], False),
    ],
)
def test_a_logarithmic_range_or_widely_spaced_choices_get_a_logarithmic_axis(
    summary: StudySummary, path: str, numbers: list[float], expected: bool
) -> None:
    assert is_logarithmic(summary, path, numbers) is expected


def test_every_search_trial_with_a_score_is_a_point(summary: StudySummary) -> None:
    figure = slice_plot(summary, "model.dropout", has_legend=False)
    assert figure is not None
    drawn = {
        (name, x, y)
        for trace in figure["data"]
        for name, x, y in zip(trace["text"], trace["x"], trace["y"], strict=True)
    }
    assert drawn == {
        (one.trial_id, one.params["model.dropout"], round(100 * one.valid_score, 3))
        for one in summary.trials
        if one.role == "search" and one.valid_score is not None
    }
    assert len(drawn) == 3 * 4 - 1
    assert figure["layout"]["xaxis"]["type"] == "linear"
    assert not figure["layout"]["showlegend"]


def test_words_get_an_axis_of_categories(tmp_path: Path) -> None:
    study = FakeStudy(searches=2)
    made = summarise(study.write(tmp_path))
    for trial in made.trials:
        trial.params["training.loss"] = ["bce", None, True][len(trial.trial_id) % 3]
    figure = slice_plot(made, "training.loss", has_legend=True)
    assert figure is not None
    assert figure["layout"]["xaxis"]["type"] == "category"
    assert figure["layout"]["showlegend"]


def test_a_parameter_that_no_arm_searched_is_no_figure(summary: StudySummary) -> None:
    assert slice_plot(summary, "model.num_blocks", has_legend=True) is None


def test_few_whole_numbers_have_a_tick_each(tmp_path: Path) -> None:
    made = summarise(FakeStudy(searches=4).write(tmp_path))
    for number, trial in enumerate(made.trials):
        trial.params["model.num_blocks"] = 1 + number % 3
    figure = slice_plot(made, "model.num_blocks", has_legend=True)
    assert figure is not None
    assert figure["layout"]["xaxis"]["dtick"] == 1
