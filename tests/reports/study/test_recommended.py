"""What lists hold, per arm: means over seeds, records without lists, references with them."""

from pathlib import Path
from statistics import mean, stdev

import pytest

from reports.study.recommended import ListValue, format_value, recommended_tables
from reports.study.summary import StudySummary, summarise
from tests.reports.made_up_studies import FakeStudy, set_references
from tune_space.ledger.records import Ledger

METRICS = ("coverage@10", "mean popularity@10", "tail share@10", "gini@10")


@pytest.fixture
def summary(tmp_path: Path) -> StudySummary:
    return summarise(FakeStudy(searches=1, has_lists=True).write(tmp_path))


def test_a_row_is_the_mean_and_deviation_over_the_final_trials(summary: StudySummary) -> None:
    (table,) = recommended_tables(summary)
    assert (table.dataset, table.metrics) == ("synthetic", METRICS)
    assert [(row.name, row.is_baseline) for row in table.rows] == [
        ("ID", True),
        ("TS", False),
        ("E2E", False),
    ]
    tests = [trial.result.test for trial in summary.arms[1].finals]
    for metric, value in zip(METRICS, table.rows[1].values, strict=True):
        by_hand = [test.lists[metric] for test in tests]
        assert value.by_seed == dict(zip((1, 2, 3), by_hand, strict=True))
        assert value.mean == pytest.approx(mean(by_hand))
        assert value.sd == pytest.approx(stdev(by_hand))


def test_several_data_sets_have_a_table_each(tmp_path: Path) -> None:
    study = FakeStudy(searches=0, has_lists=True, datasets={"MIND": None, "HM": ("ID", "TS")})
    tables = recommended_tables(summarise(study.write(tmp_path)))
    found = {table.dataset: [row.name for row in table.rows] for table in tables}
    assert found == {"MIND": ["ID", "TS", "E2E"], "HM": ["ID", "TS"]}


def test_without_a_record_of_lists_there_is_no_table(tmp_path: Path) -> None:
    assert recommended_tables(summarise(FakeStudy(searches=0).write(tmp_path))) == ()


def test_seeds_and_arms_that_are_older_than_the_lists_have_no_value(tmp_path: Path) -> None:
    before = summarise(FakeStudy(searches=0, has_lists=True).write(tmp_path))
    ledger = Ledger(tmp_path)
    older = [before.arms[0].finals[0], *before.arms[1].finals]
    for trial in older:
        test = trial.result.test.model_copy(update={"lists": {}})
        ledger.write(trial.result.model_copy(update={"test": test}))
    (table,) = recommended_tables(summarise(tmp_path))
    first, second, third = (row.values[0] for row in table.rows)
    assert list(first.by_seed) == [2, 3] and list(third.by_seed) == [1, 2, 3]
    assert (second.mean, second.sd) == (None, None)
    assert format_value("coverage@10", second) == ("n/a", "")


def test_a_reference_that_recorded_lists_stands_above_the_arms(tmp_path: Path) -> None:
    summary = summarise(FakeStudy(searches=0, has_lists=True).write(tmp_path))
    popularity, chance = summary.manifest.references
    lists = {"coverage@10": 0.05, "mean popularity@10": 321.0}
    test = popularity.test_evaluation.model_copy(update={"lists": lists})
    set_references(tmp_path, (popularity.model_copy(update={"test_evaluation": test}), chance))
    (table,) = recommended_tables(summarise(tmp_path))
    first = table.rows[0]
    assert (first.name, first.is_reference) == ("popularity", True)
    assert [one.mean for one in first.values] == [0.05, 321.0, None, None]
    assert [row.name for row in table.rows[1:]] == ["ID", "TS", "E2E"]


@pytest.mark.parametrize(
    ("metric", "values", "text"),
    [
        ("coverage@10", (0.25, 0.35), ("30.00", "7.07")),
        ("tail share@20", (0.5,), ("50.00", "")),
        ("mean popularity@10", (123.0, 125.0), ("124", "1.4")),
        ("gini@10", (0.5, 0.7), ("0.600", "0.14")),
    ],
)
def test_shares_are_printed_in_percent_and_other_values_as_they_are(
    metric: str, values: tuple[float, ...], text: tuple[str, str]
) -> None:
    assert format_value(metric, ListValue(dict(enumerate(values)))) == text
