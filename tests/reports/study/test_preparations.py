"""Shared artefacts: seconds per trial, and after how many trials they pay."""

import math
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import pytest

from reports.study.costs import arm_costs
from reports.study.preparations import preparation_costs
from reports.study.summary import StudySummary, summarise
from tests.reports.made_up_studies import SMALL, FakeStudy


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> StudySummary:
    """TS shares frozen features (48.2 s); E2E does not use them and starts from a second round."""
    study = FakeStudy(searches=2, losses={"train": (3.0, 2.5)})
    return summarise(study.write(tmp_path_factory.mktemp("study")))


def test_the_seconds_of_an_artefact_are_divided_by_the_trials_that_use_it(
    summary: StudySummary,
) -> None:
    features, second_round = preparation_costs(summary)
    assert (features.num_trials, features.per_trial_s) == (5, 48.2 / 5)
    assert (second_round.num_trials, second_round.per_trial_s) == (5, 312.0 / 5)


def test_an_artefact_is_named_by_its_name_its_kind_and_its_hash(
    summary: StudySummary,
) -> None:
    cost = preparation_costs(summary)[0]
    assert (cost.kind, cost.hash) == ("frozen features of minilm", "4f4f4f4f")
    real = cost.made.model_copy(update={"name": "text", "key": "features-9604b0537ef81334"})
    assert (replace(cost, made=real).kind, replace(cost, made=real).hash) == (
        "text features",
        "9604b053",
    )


def test_features_pay_once_the_trials_have_saved_the_seconds_of_making_them(
    summary: StudySummary,
) -> None:
    seconds = {cost.arm: cost.total_s for cost in arm_costs(summary)}
    found = preparation_costs(summary)[0].alternative
    assert found is not None
    assert (found.arm, found.trial_s) == ("E2E", seconds["E2E"])
    n = found.pays_after
    assert 48.2 + n * seconds["TS"] <= n * seconds["E2E"]
    assert n == math.ceil(48.2 / (seconds["E2E"] - fmean([seconds["TS"]])))


def test_a_second_round_has_no_alternative_as_its_purpose_is_accuracy(
    summary: StudySummary,
) -> None:
    assert preparation_costs(summary)[1].alternative is None


def test_item_ids_are_no_alternative_to_an_encoder(tmp_path: Path) -> None:
    summary = summarise(FakeStudy(arms=SMALL[:2], searches=0).write(tmp_path))
    assert preparation_costs(summary)[0].alternative is None


def test_an_artefact_has_no_seconds_per_trial_before_a_trial_has_ended(tmp_path: Path) -> None:
    statuses = {("TS", "final", index): "missing" for index in range(3)}
    summary = summarise(FakeStudy(searches=0, statuses=statuses).write(tmp_path))
    features = preparation_costs(summary)[0]
    assert (features.num_trials, features.per_trial_s, features.alternative) == (0, None, None)
