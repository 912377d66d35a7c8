"""The CSV and JSON tables: full precision, every trial, arm and data set."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from reports.export import sheets as exports
from reports.export.sheet import Sheet
from reports.export.trial_sheets import epochs_sheet, trials_sheet
from reports.study.contrasts import compare
from reports.study.report import Report
from reports.study.slices import slice_tables
from reports.study.summary import StudySummary, summarise
from tests.reports.made_up_profile import PROFILE
from tests.reports.made_up_studies import SMALL, FakeStudy


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> StudySummary:
    statuses = {("TS", "final", 1): "failed"}
    return summarise(FakeStudy(statuses=statuses).write(tmp_path_factory.mktemp("small")))


def _read(sheet: Sheet) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(exports.csv_text(sheet))))


def test_accuracy_csv_keeps_full_precision_and_every_seed(small: StudySummary) -> None:
    row = next(
        row
        for row in _read(exports.accuracy_sheet(small))
        if (row["arm"], row["metric"]) == ("TS", "NDCG@10")
    )
    arm = small.arm("TS")
    assert arm is not None
    assert float(row["mean"]) == arm.mean("NDCG@10")
    assert row["seed_2"] == ""
    assert [float(row["seed_1"]), float(row["seed_3"])] == list(arm.values("NDCG@10"))


def test_contrasts_csv_has_a_line_per_comparison(small: StudySummary) -> None:
    contrasts = compare(small)
    rows = _read(exports.contrasts_sheet(Report(small)))
    assert [(row["better"], row["than"]) for row in rows] == [(c.better, c.than) for c in contrasts]
    assert [row["finding"] for row in rows] == [str(one.finding) for one in contrasts]


def test_trials_csv_names_every_trial_and_keeps_the_splits_apart(small: StudySummary) -> None:
    rows = _read(trials_sheet(small))
    assert [row["trial_id"] for row in rows] == [trial.trial_id for trial in small.trials]
    assert {row["test HR@10"] for row in rows if row["role"] == "search"} == {""}
    failed = next(row for row in rows if row["status"] == "failed")
    assert failed["error"].endswith("TrialError: made to fail")


def test_importance_csv_has_a_row_per_arm_and_searched_value(tmp_path: Path) -> None:
    study = FakeStudy(importance={"optim.lr": 0.7, "model.dim": 0.3}, searches=3)
    rows = _read(exports.sheets(Report(summarise(study.write(tmp_path))))["importance"])
    assert [(row["arm"], row["path"], row["share"], row["trials"]) for row in rows[:2]] == [
        ("ID", "optim.lr", "0.7", "3"),
        ("ID", "model.dim", "0.3", "3"),
    ]
    assert len(rows) == 3 * 2


def test_cost_csv_holds_the_recorded_numbers(small: StudySummary) -> None:
    rows = {row["arm"]: row for row in _read(exports.cost_sheet(small))}
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
    references = {(key, name) for key in ("MIND", "HM") for name in ("chance", "popularity")}
    written = {
        "arm": [
            (exports.accuracy_sheet(summary), arms | references),
            (exports.cost_sheet(summary), arms),
            (trials_sheet(summary), arms),
            (exports.slices_sheet(Report(summary)), arms),
        ],
        "better": [(exports.contrasts_sheet(Report(summary)), arms)],
    }
    for column, sheets in written.items():
        for sheet, wanted in sheets:
            rows = _read(sheet)
            assert {(row["dataset"], row[column]) for row in rows} == wanted
            assert {row["profile"] for row in rows} == {"quick"}


def test_slices_csv_keeps_full_precision(tmp_path: Path) -> None:
    study = FakeStudy(slices={"history": (150, 150)}, searches=0)
    summary = summarise(study.write(tmp_path))
    tables = slice_tables(summary, "HR@10")
    row = _read(exports.slices_sheet(Report(summary)))[2]
    cell = tables[0].rows[1].cells[0]
    assert (row["arm"], row["label"], row["users"]) == ("TS", "new", "150")
    assert cell.difference is not None
    assert float(row["mean"]) == cell.mean
    assert float(row["low"]) == cell.difference.low


def test_every_searched_value_has_a_column_of_its_own(small: StudySummary) -> None:
    rows = _read(trials_sheet(small))
    for row, trial in zip(rows, small.trials, strict=True):
        assert float(row["optim.lr"]) == trial.params["optim.lr"]


def test_epochs_have_a_row_for_each_epoch_of_each_trial(small: StudySummary) -> None:
    rows = _read(epochs_sheet(small))
    assert len(rows) == sum(len(trial.result.epochs) for trial in small.trials if trial.result)
    first = small.trials[0]
    assert first.result is not None
    own = [row for row in rows if row["trial_id"] == first.trial_id]
    assert [float(row["valid HR@10"]) for row in own] == [
        epoch.valid["HR@10"] for epoch in first.result.epochs
    ]


def test_data_have_a_row_per_measure(small: StudySummary) -> None:
    rows = _read(exports.data_sheet(small))
    assert {(row["dataset"], row["name"]) for row in rows} == {("synthetic", "synthetic")}
    values = {row["measure"]: float(row["value"]) for row in rows}
    assert len(values) == len(rows) == 3 + 3 + 5 + 2 + 5 + 5 * 7 + 2
    assert (values["users"], values["read users"]) == (small.num_users, PROFILE.num_users)
    assert values["ties"] == PROFILE.ties
    assert values["interactions per user median"] == PROFILE.per_user.median
    assert values["image height max"] == PROFILE.images.heights.highest
    assert values["test targets cold"] == PROFILE.test_targets["cold"]
    assert values["rule users dropped: fewer than 5 interactions"] == 12


def test_data_without_a_profile_have_sizes_and_rules_alone(tmp_path: Path) -> None:
    rows = exports.data_sheet(summarise(FakeStudy(profile=None).write(tmp_path))).rows
    assert [row[3] for row in rows][:3] == ["users", "items", "interactions"]
    assert len(rows) == 3 + 2


@pytest.mark.parametrize(
    "text",
    ["=1+2", "+1+2", "-1+2", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "=", "-", "--5", "-A1", "\uff1d1"],
)
def test_text_that_a_spreadsheet_would_run_gets_an_apostrophe(text: str) -> None:
    sheet = Sheet(("arm", text), ((text, 1.5),))
    header, row = csv.reader(io.StringIO(exports.csv_text(sheet), newline=""))
    written = text.replace("\r", "\n")
    assert header == ["arm", f"'{written}"]
    assert row == [f"'{written}", "1.5"]
    assert sheet.records() == [{"arm": text, text: 1.5}]


def test_numbers_and_other_text_stay_as_they_are_in_csv() -> None:
    cells = (-0.25, -3, +2, 1e-9, "-0.25", "+3", "-1e-05", "-.5", "TS-DNN", "a=b", "", None, True)
    sheet = Sheet(tuple("abcdefghijklm"), (cells,))
    _, row = csv.reader(io.StringIO(exports.csv_text(sheet)))
    assert row == ["" if cell is None else str(cell) for cell in cells]


def test_every_csv_table_is_without_formulas(tmp_path: Path) -> None:
    arms = tuple(replace(arm, name=f"={arm.name}", group="@g") for arm in SMALL)
    study = FakeStudy(arms=arms, slices={"history": (150, 150)}, importance={"optim.lr": 1.0})
    report = Report(summarise(study.write(tmp_path)))
    for name, sheet in exports.sheets(report).items():
        rows = list(csv.reader(io.StringIO(exports.csv_text(sheet), newline="")))
        assert len(rows) == 1 + len(sheet.rows), name
        cells = [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@"))]
        assert all(float(cell) < 0 for cell in cells), name
    cost = exports.cost_sheet(report.summary)
    assert [row["arm"] for row in _read(cost)] == ["'=ID", "'=TS", "'=E2E"]
    assert [row["arm"] for row in cost.records()] == ["=ID", "=TS", "=E2E"]


def test_a_carriage_return_in_a_name_ends_no_row(tmp_path: Path) -> None:
    arms = (replace(SMALL[0], name="A\rB\r\nC"), *SMALL[1:])
    summary = summarise(FakeStudy(arms=arms, searches=0).write(tmp_path))
    assert [row["arm"] for row in _read(exports.cost_sheet(summary))] == ["A\nB\nC", "TS", "E2E"]


def test_accuracy_names_the_share_of_forced_misses_and_the_cure(tmp_path: Path) -> None:
    summary = summarise(FakeStudy(searches=0, num_forced_misses=75).write(tmp_path))
    rows = exports.accuracy_sheet(summary).records()
    assert {(row["arm"], row["forced_misses"]) for row in rows} == {
        ("popularity", 0.25),
        ("chance", None),
        ("ID", 0.25),
        ("TS", 0.25),
        ("E2E", 0.25),
    }
    for row in rows:
        assert ("evaluation.mask_history: false" in str(row["note"])) == (row["arm"] != "chance")
    without = exports.accuracy_sheet(summarise(FakeStudy(searches=0).write(tmp_path / "w")))
    assert {(row["forced_misses"], row["note"]) for row in without.records()} == {
        (None, None),
        (0.0, None),
    }


def test_json_holds_the_sentences_and_every_table_with_its_numbers(small: StudySummary) -> None:
    report = Report(small)
    whole = json.loads(exports.json_text(report))
    assert (whole["study"], whole["state"], whole["is_synthetic"]) == ("made_up", "finished", True)
    assert sorted(whole["tables"]) == [
        "accuracy", "complementarity", "contrasts", "cost", "data", "preparations", "trials",
    ]  # fmt: skip
    first = report.contrasts[0]
    row = whole["tables"]["contrasts"][0]
    assert first.difference is not None
    assert (row["low"], row["p_holm"]) == (first.difference.low, first.p_holm)
    assert len(whole["tables"]["trials"]) == len(small.trials)
    assert any("TS" in line for line in whole["unfinished"])
