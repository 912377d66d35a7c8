"""Learning-rate grids: scores per pair of rates, broken pairs, which arms form a grid."""

from itertools import product
from pathlib import Path
from statistics import mean

import pytest

from reports.study.learning_rates import learning_rate_grids
from reports.study.summary import summarise
from tests.reports.made_up_studies import SMALL, TEXT, Arm, FakeStudy

GRID = tuple(product((1e-3, 1e-4), (1e-4, 1e-5)))
TRAINED = {"text": TEXT | {"trainable_layers": "all"}}
SET_BY_ARMS = tuple(
    Arm(
        f"lr={lr}, encoder_lr={encoder_lr}",
        TRAINED,
        1.0,
        9.0,
        optim={
            "lr": lr,
            "encoder_lr": encoder_lr,
        },
    )
    for lr, encoder_lr in GRID
)
CHOICES = {"choice": [1e-3, 1e-4]}, {"choice": [1e-4, 1e-5]}
SEARCHED = FakeStudy(
    arms=SMALL[2:],
    grid=GRID,
    seeds=(1,),
    overrides={"search": dict(zip(("optim.lr", "optim.encoder_lr"), CHOICES, strict=True))},
)


def _statuses(*troubles: tuple[int, str]) -> dict[tuple[str, str, int], str]:
    return {
        (SET_BY_ARMS[arm].name, "final", index): status
        for arm, status in troubles
        for index in range(3)
    }


def test_arms_that_differ_in_both_rates_form_one_grid_of_means_over_seeds(tmp_path: Path) -> None:
    summary = summarise(FakeStudy(arms=SET_BY_ARMS, searches=0).write(tmp_path))

    (found,) = learning_rate_grids(summary)

    assert found.rates == (1e-4, 1e-3)
    assert found.encoder_rates == (1e-4, 1e-5)
    assert found.arms == tuple(arm.name for arm in SET_BY_ARMS)
    for arm, pair in zip(summary.arms, GRID, strict=True):
        scores = [trial.valid_score for trial in arm.finals if trial.valid_score is not None]
        assert found.cells[pair].score == pytest.approx(mean(scores))
        assert found.cells[pair].trouble == ""


def test_collapsed_and_failed_pairs_say_so_and_have_no_score(tmp_path: Path) -> None:
    statuses = _statuses((0, "collapsed"), (1, "failed"), (2, "missing"))
    study = FakeStudy(arms=SET_BY_ARMS, searches=0, statuses=statuses)
    (found,) = learning_rate_grids(summarise(study.write(tmp_path)))
    cells = [found.cells[pair] for pair in GRID]
    assert [cell.score for cell in cells[:3]] == [None] * 3
    assert [cell.trouble for cell in cells] == ["collapsed", "failed", "missing", ""]


def test_a_collapsed_seed_is_named_next_to_the_score_of_the_others(tmp_path: Path) -> None:
    statuses = {(SET_BY_ARMS[0].name, "final", 1): "collapsed"}
    study = FakeStudy(arms=SET_BY_ARMS, searches=0, statuses=statuses)
    summary = summarise(study.write(tmp_path))
    cell = learning_rate_grids(summary)[0].cells[GRID[0]]
    scores = [trial.valid_score for trial in summary.arms[0].finals if trial.valid_score]
    assert cell.score == pytest.approx(mean(scores))
    assert (len(scores), cell.trouble) == (2, "1 of 3 collapsed")


def test_shades_run_from_the_lowest_score_to_the_highest(tmp_path: Path) -> None:
    study = FakeStudy(arms=SET_BY_ARMS, searches=0, statuses=_statuses((0, "collapsed")))
    (found,) = learning_rate_grids(summarise(study.write(tmp_path)))
    scored = sorted(
        (cell.score, cell.shade) for cell in found.cells.values() if cell.score is not None
    )
    assert (scored[0][1], scored[-1][1]) == (0, 1)
    assert [shade for _, shade in scored] == sorted(shade for _, shade in scored)


def test_an_arm_that_searched_choices_of_both_rates_is_a_grid(tmp_path: Path) -> None:
    summary = summarise(SEARCHED.write(tmp_path))
    (found,) = learning_rate_grids(summary)
    assert found.arms == ("E2E",)
    locked = summary.arms[0].entry.locked
    assert locked is not None
    for trial, pair in zip(summary.arms[0].searches, GRID, strict=True):
        if trial.params != locked.params:
            assert found.cells[pair].score == trial.valid_score


def test_searched_ranges_are_no_grid(tmp_path: Path) -> None:
    ranges = {path: {"loguniform": [1e-5, 1e-2]} for path in ("optim.lr", "optim.encoder_lr")}
    study = FakeStudy(arms=SMALL[2:], grid=GRID, seeds=(1,), overrides={"search": ranges})
    assert learning_rate_grids(summarise(study.write(tmp_path))) == ()


def test_every_data_set_has_a_grid_of_its_own(tmp_path: Path) -> None:
    study = FakeStudy(arms=SET_BY_ARMS, searches=0, seeds=(1,), datasets={"MIND": None, "HM": None})
    assert [one.key for one in learning_rate_grids(summarise(study.write(tmp_path)))] == [
        "MIND",
        "HM",
    ]


def test_one_rate_alone_is_no_grid(tmp_path: Path) -> None:
    assert learning_rate_grids(summarise(FakeStudy().write(tmp_path / "a"))) == ()
    same = tuple(arm for arm in SET_BY_ARMS if arm.optim["lr"] == 1e-3)
    study = FakeStudy(arms=same, searches=0, seeds=(1,))
    assert learning_rate_grids(summarise(study.write(tmp_path / "b"))) == ()
