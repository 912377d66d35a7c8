"""Parallel coordinates: a line per trial through its values, coloured by score."""

from pathlib import Path

import pytest

from reports.plots.parallel_coordinates import SHADES, parallel_coordinates
from reports.study.summary import StudySummary, summarise
from tests.reports.made_up_studies import SMALL, FakeStudy

GRID = tuple((lr, encoder_lr) for lr in (1e-4, 1e-2) for encoder_lr in (1e-5, 1e-4))


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> StudySummary:
    study = FakeStudy(arms=SMALL[2:], grid=GRID)
    return summarise(study.write(tmp_path_factory.mktemp("study")))


def test_every_trial_is_a_line_from_value_to_value_up_to_its_score(summary: StudySummary) -> None:
    figure = parallel_coordinates(summary)
    assert figure is not None
    lines = [
        (trace["text"][at], trace["y"][at : at + 3])
        for trace in figure["data"]
        for at in range(0, len(trace["y"]), 4)
    ]
    assert len(lines) == 4
    scores = {
        one.trial_id: one.valid_score or 0.0 for one in summary.trials if one.role == "search"
    }
    low, high = min(scores.values()), max(scores.values())
    by_name = {name.split(":")[0]: heights for name, heights in lines}
    for trial in summary.arms[0].searches:
        first = 0.0 if trial.params["optim.lr"] == 1e-4 else 1.0
        second = 0.0 if trial.params["optim.encoder_lr"] == 1e-5 else 1.0
        third = (scores[trial.trial_id] - low) / (high - low)
        assert by_name[trial.trial_id] == pytest.approx([first, second, third], abs=1e-3)


@pytest.mark.parametrize(("number", "strong", "grey"), [(4, 1, 2), (10, 1, 5), (30, 3, 15)])
def test_the_best_tenth_has_the_strongest_colour_and_the_lower_half_is_grey(
    tmp_path: Path, number: int, strong: int, grey: int
) -> None:
    study = FakeStudy(
        arms=SMALL[:1], searches=number, num_users=40, also_searched={"model.dropout": (0.0, 0.5)}
    )
    made = summarise(study.write(tmp_path))
    figure = parallel_coordinates(made)
    assert figure is not None
    ranked = sorted(made.arms[0].searches, key=lambda one: one.valid_score or 0.0)
    lower, _, best = ({name.split(":")[0] for name in trace["text"]} for trace in figure["data"])
    assert [one["line"]["color"] for one in figure["data"]] == list(SHADES.values())
    assert best == {one.trial_id for one in ranked[-strong:]}
    assert lower == {one.trial_id for one in ranked[:grey]}


def test_one_parameter_or_one_trial_is_no_figure(tmp_path: Path) -> None:
    assert parallel_coordinates(summarise(FakeStudy().write(tmp_path / "one"))) is None
    none = FakeStudy(searches=0)
    assert parallel_coordinates(summarise(none.write(tmp_path / "none"))) is None
