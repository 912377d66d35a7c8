"""The model card: a header the Hub reads, numbers of the record, the verdict, escaped names."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from huggingface_hub import ModelCard
from scipy import stats

from reports.export.model_card import CardFacts, model_card
from reports.study.report import read_report
from tests.reports.made_up_studies import SMALL, FakeStudy

CONTRAST = {"contrasts": [{"better": "E2E", "than": "ID"}]}


def card(folder: Path, arm: str = "E2E", study: FakeStudy | None = None, **facts: str) -> str:
    (study or FakeStudy(overrides=CONTRAST)).write(folder)
    report = read_report(folder)
    found = report.summary.arm(arm)
    assert found
    record = next(iter(found.tested.values()))
    return model_card(report, found.name, CardFacts(record, "Seed 1", "Ranks agree.", **facts))


def test_the_hub_reads_the_header(tmp_path) -> None:
    """``ModelCard`` is the Hub's own reader."""
    read = ModelCard(card(tmp_path))
    report = read_report(tmp_path)
    arm = report.summary.arm("E2E")
    assert read.data.library_name == "morec-studies"
    assert read.data.license == "unknown"
    assert read.data.datasets == ["synthetic"]
    results = {one.metric_type: one.metric_value for one in read.data.eval_results}
    record = next(iter(arm.tested.values()))
    assert results["HR@10"] == pytest.approx(record.test.value("HR@10"), abs=1e-6)
    assert {one.dataset_split for one in read.data.eval_results} == {"test"}


def test_a_licence_is_named_if_told(tmp_path) -> None:
    header = card(tmp_path, license="cc-by-4.0").split("---\n")[1]
    assert yaml.safe_load(header)["license"] == "cc-by-4.0"


def test_metrics_have_the_interval_of_a_t_test(tmp_path) -> None:
    """Of one trial: scipy's interval of the mean over users."""
    text = card(tmp_path)
    arm = read_report(tmp_path).summary.arm("E2E")
    record = next(iter(arm.tested.values()))
    hits_U = (record.test.ranks <= 10).astype(float)
    low, high = stats.t.interval(0.95, len(hits_U) - 1, hits_U.mean(), stats.sem(hits_U))
    mean, low, high = (f"{100 * value:.2f}" for value in (np.mean(hits_U), low, high))
    assert f"| HR@10 | {mean} [{low}, {high}] | {100 * arm.mean('HR@10'):.2f} [" in text


def test_it_says_data_protocol_verdict_cost_and_limits(tmp_path) -> None:
    text = card(tmp_path)
    order = ["# E2E of made", "> Synthetic data", "## How to load", "## Verdict", "- E2E beats ID"]
    order += ["## Test metrics", "| Metric |", "## Data", "hash ", "## Protocol", "leave-one-out"]
    order += ["## Cost", "- Parameters: ", "## Limits", "- It recommends items of its catalogue"]
    places = [text.index(part) for part in order]
    assert places == sorted(places)


def test_no_sentence_is_said_twice(tmp_path) -> None:
    lines = [line for line in card(tmp_path).splitlines() if line.startswith("- ")]
    assert len(lines) == len(set(lines))
    about = [line for line in lines if line.startswith("- E2E ") or " than E2E" in line]
    assert sum("ID" in line and "HR@10" in line for line in about) == 1


def test_only_a_model_with_id_vectors_says_that_it_has_no_others(tmp_path) -> None:
    sentence = "It has vectors of item IDs"
    assert sentence in card(tmp_path / "a", "ID")
    assert sentence not in card(tmp_path / "b", "E2E")


def test_names_are_escaped(tmp_path) -> None:
    named = replace(SMALL[1], name="<b>*T*</b>")
    text = card(tmp_path, named.name, FakeStudy(arms=(SMALL[0], named)))
    body = text.split("---\n", 2)[2]
    assert "<b>" not in body
    assert "&lt;b&gt;\\*T\\*&lt;/b&gt;" in body


def test_an_arm_of_several_data_sets_speaks_of_its_own(tmp_path) -> None:
    text = card(tmp_path, "HM/ID", FakeStudy(datasets={"MIND": None, "HM": None}))
    assert ModelCard(text).data.datasets == ["HM"]
    assert text.count("hash ") == 1
