"""What it recommends, on the page and in the exports."""

import csv
from pathlib import Path

import pytest

from reports.export.frames import load_study
from reports.page.sections.recommended import _MEANINGS
from reports.write import write_report
from tests.reports.made_up_studies import FakeStudy
from tests.reports.pages import Page
from tests.reports.study.test_recommended import METRICS
from tune_space.ledger.records import Ledger

COLUMNS = ["coverage", "mean popularity", "tail share", "gini"]


def test_the_page_has_a_section_with_a_sentence_per_column(tmp_path: Path) -> None:
    study = FakeStudy(searches=0, has_lists=True)
    page = Page(write_report(study.write(tmp_path)).read_text(encoding="utf-8"))
    assert "recommended" in page.sections
    text = page.text[page.text.index("What does it recommend? What stands") :]
    for metric, name in zip(METRICS, COLUMNS, strict=True):
        assert metric in text
        assert f"{name} : {_MEANINGS[name]}" in text
    assert "n/a: the records are older" not in text


def test_a_study_without_lists_has_no_section_and_no_table(tmp_path: Path) -> None:
    page = Page(write_report(FakeStudy(searches=0).write(tmp_path)).read_text(encoding="utf-8"))
    assert "recommended" not in page.sections
    assert not (tmp_path / "tables/recommended.csv").exists()
    assert "What it recommends" not in (tmp_path / "report.md").read_text()
    assert load_study(tmp_path).recommended.empty


def test_an_arm_of_older_records_is_not_available_and_the_page_says_why(tmp_path: Path) -> None:
    FakeStudy(searches=0, has_lists=True).write(tmp_path)
    ledger = Ledger(tmp_path)
    for result in ledger.read_all().values():
        if result.config.item.text is None:
            test = result.test.model_copy(update={"lists": {}})
            ledger.write(result.model_copy(update={"test": test}))
    page = Page(write_report(tmp_path).read_text(encoding="utf-8")).text
    assert "n/a: the records are older than this table." in page
    (row,) = (
        line
        for line in (tmp_path / "report.md").read_text().splitlines()
        if line.startswith("| ID |") and line.count("n/a") == 4
    )
    assert row == "| ID | n/a | n/a | n/a | n/a |"


def test_csv_frames_and_markdown_hold_every_arm_metric_and_seed(tmp_path: Path) -> None:
    write_report(FakeStudy(searches=0, has_lists=True).write(tmp_path))
    records = Ledger(tmp_path).read_all().values()
    texts = [one for one in records if one.config.item.text is None]
    by_seed = {one.config.seed: one.test.lists for one in texts}
    with (tmp_path / "tables/recommended.csv").open() as stream:
        rows = [row for row in csv.DictReader(stream) if row["arm"] == "ID"]
    assert [row["metric"] for row in rows] == list(METRICS)
    for row in rows:
        values = [by_seed[seed][row["metric"]] for seed in (1, 2, 3)]
        assert [float(row[f"seed_{seed}"]) for seed in (1, 2, 3)] == values
        assert float(row["mean"]) == pytest.approx(sum(values) / 3)
        assert row["seeds_finished"] == "3"
    frame = load_study(tmp_path).recommended
    assert frame.pivot(index="arm", columns="metric", values="mean").shape == (3, 4)
    markdown = (tmp_path / "report.md").read_text()
    assert "| Method | coverage@10 | mean popularity@10 | tail share@10 | gini@10 |" in markdown
    first = [by_seed[seed]["coverage@10"] for seed in (1, 2, 3)]
    assert f"| ID | {100 * sum(first) / 3:.2f} ± " in markdown
