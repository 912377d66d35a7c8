"""Arms that max_epochs ended stand under the verdict."""

from dataclasses import replace
from pathlib import Path

import pytest

from reports.study.caveats import caveats
from reports.study.contrasts import compare
from reports.study.summary import StudySummary, summarise
from reports.study.training_length import about_length
from tests.reports.made_up_studies import SMALL, FakeStudy
from tune_space.ledger.records import Ledger

SAYS = (
    "most final trials were ended by max_epochs, not by patience. Longer training may move the "
    "verdict."
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return FakeStudy(arms=SMALL, seeds=(1, 2, 3, 4)).write(tmp_path)


def with_cap(folder: Path, num_cut: dict[str, int]) -> StudySummary:
    """So many final trials of each arm have as many epochs as they may have, the others one less.

    No trial was ended by patience where its arm is not named.
    """
    ledger = Ledger(folder)
    for arm in ledger.manifest().arms:
        for index, name in enumerate(arm.final if arm.name in num_cut else ()):
            trial = ledger.read(name)
            assert trial is not None
            left = 0 if index < num_cut[arm.name] else 1
            training = trial.config.training.model_copy(
                update={"max_epochs": len(trial.epochs) + left}
            )
            config = trial.config.model_copy(update={"training": training})
            ledger.write(trial.model_copy(update={"config": config}))
    return summarise(folder)


@pytest.mark.parametrize(
    ("num_cut", "names"),
    [
        ({"ID": 0, "TS": 2}, None),
        ({"ID": 0, "TS": 3}, "TS"),
        ({"ID": 4, "E2E": 4}, "ID and E2E"),
        ({"ID": 3, "TS": 4, "E2E": 3}, "All trained arms"),
    ],
)
def test_arms_are_named_of_which_most_final_trials_had_no_epoch_left(
    num_cut: dict[str, int], names: str | None, folder: Path
) -> None:
    summary = with_cap(folder, num_cut)
    expected = [f"{names}: {SAYS}"] if names else []
    assert list(about_length(summary)) == expected
    assert [line for line in caveats(summary, compare(summary)) if SAYS in line] == expected


def test_a_quick_form_and_a_study_without_tested_trials_say_nothing(folder: Path) -> None:
    summary = with_cap(folder, {"ID": 4})
    study = summary.manifest.study.model_copy(update={"profile": "quick"})
    manifest = summary.manifest.model_copy(update={"study": study})
    assert list(about_length(replace(summary, manifest=manifest))) == []
    untested = tuple(replace(arm, finals=()) for arm in summary.arms)
    assert list(about_length(replace(summary, arms=untested))) == []


def test_the_only_arm_is_named(folder: Path) -> None:
    summary = with_cap(folder, {"ID": 4})
    assert list(about_length(replace(summary, arms=summary.arms[:1]))) == [f"ID: {SAYS}"]
