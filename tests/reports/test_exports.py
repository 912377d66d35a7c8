import csv
import io
from pathlib import Path

import pytest

from reports import exports
from reports.contrasts import compare
from reports.slices import slice_tables
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


def test_every_table_carries_data_set_label_and_profile(tmp_path: Path) -> None:
    study = FakeStudy(
        datasets={"MIND": None, "HM": ("ID", "TS")},
        slices={"history": (150, 150)},
        searches=1,
        overrides={"profile": "quick"},
    )
    summary = summarise(study.write(tmp_path))
    arms = {("MIND", "ID"), ("MIND", "TS"), ("MIND", "E2E"), ("HM", "ID"), ("HM", "TS")}
    untrained = {(key, name) for key in ("MIND", "HM") for name in ("chance", "popularity")}
    written = {
        "arm": [
            (exports.accuracy_csv(summary), arms | untrained),
            (exports.cost_csv(summary), arms),
            (exports.trials_csv(summary), arms),
            (exports.slices_csv(summary, slice_tables(summary, "HR@10")), arms),
        ],
        "better": [(exports.contrasts_csv(summary, compare(summary)), arms)],
    }
    for column, texts in written.items():
        for text, wanted in texts:
            rows = _read(text)
            assert {(row["dataset"], row[column]) for row in rows} == wanted
            assert {row["profile"] for row in rows} == {"quick"}


def test_slices_csv_keeps_full_precision(tmp_path: Path) -> None:
    study = FakeStudy(slices={"history": (150, 150)}, searches=0)
    summary = summarise(study.write(tmp_path))
    tables = slice_tables(summary, "HR@10")
    row = _read(exports.slices_csv(summary, tables))[2]
    cell = tables[0].rows[1].cells[0]
    assert (row["arm"], row["label"], row["users"]) == ("TS", "new", "150")
    assert cell.difference is not None
    assert float(row["mean"]) == cell.mean
    assert float(row["low"]) == cell.difference.low
