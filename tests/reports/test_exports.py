import csv
import io

import pytest

from reports import exports
from reports.contrasts import compare
from reports.summary import StudySummary, summarise
from tests.reports.made_up_studies import FakeStudy


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> StudySummary:
    statuses = {("TS", "final", 1): "failed"}
    return summarise(FakeStudy(statuses=statuses).write(tmp_path_factory.mktemp("small")))


def _read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_accuracy_csv_keeps_full_precision_and_every_seed(small: StudySummary) -> None:
    row = next(
        row
        for row in _read(exports.accuracy_csv(small))
        if (row["arm"], row["metric"]) == ("TS", "NDCG@10")
    )
    arm = small.arm("TS")
    assert arm is not None
    assert float(row["mean"]) == arm.mean("NDCG@10")
    assert row["seed_2"] == ""
    assert [float(row["seed_1"]), float(row["seed_3"])] == list(arm.values("NDCG@10"))


def test_contrasts_csv_has_a_line_per_comparison(small: StudySummary) -> None:
    contrasts = compare(small)
    rows = _read(exports.contrasts_csv(small, contrasts))
    assert [(row["better"], row["than"]) for row in rows] == [(c.better, c.than) for c in contrasts]
    assert [row["finding"] for row in rows] == [str(one.finding) for one in contrasts]


def test_trials_csv_names_every_trial_and_keeps_the_splits_apart(small: StudySummary) -> None:
    rows = _read(exports.trials_csv(small))
    assert [row["trial_id"] for row in rows] == [trial.trial_id for trial in small.trials]
    assert {row["test HR@10"] for row in rows if row["role"] == "search"} == {""}
    failed = next(row for row in rows if row["status"] == "failed")
    assert failed["error"].endswith("TrialError: made to fail")


def test_cost_csv_holds_the_recorded_numbers(small: StudySummary) -> None:
    rows = {row["arm"]: row for row in _read(exports.cost_csv(small))}
    assert rows["ID"]["params_total"] == "1400000"
    assert rows["E2E"]["uncounted_ops"] == "aten::_softmax"
    arm = small.arm("ID")
    assert arm is not None
    assert float(rows["ID"]["search_s"]) == sum(trial.seconds or 0 for trial in arm.searches)
