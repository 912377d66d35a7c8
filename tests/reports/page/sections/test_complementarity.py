"""Do they find different users? On the page and in the exports."""

import csv
import json
from pathlib import Path

import pytest

from reports.export.frames import load_study
from reports.page.sections.complementarity import MAX_SENTENCES, SECTION
from reports.study.complementarity_words import complementarity_sentence
from reports.study.report import read_report
from reports.write import write_report
from tests.reports.made_up_studies import CONDITIONS, FUSION, SMALL, FakeStudy
from tests.reports.pages import Page


def test_page_json_and_markdown_have_the_sentence_and_the_row_of_every_pair(tmp_path: Path) -> None:
    write_report(FakeStudy(searches=0).write(tmp_path))
    pairs = read_report(tmp_path).pairs
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    markdown = (tmp_path / "report.md").read_text(encoding="utf-8")
    whole = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert "complementarity" in page.sections and "not all with all" in page.text
    assert whole["complementarity"] == [complementarity_sentence(pair) for pair in pairs]
    for pair, record in zip(pairs, whole["tables"]["complementarity"], strict=True):
        assert complementarity_sentence(pair) in page.text
        assert pair.overlap is not None
        assert f"| {pair.first} | {pair.second} | {100 * pair.overlap.both:.2f} |" in markdown
        assert record["neither"] == pytest.approx(1 - record["union"])
    assert "## Different users" in markdown


def test_csv_and_frames_hold_shares_that_add_up_and_the_excess(tmp_path: Path) -> None:
    write_report(FakeStudy(searches=0).write(tmp_path))
    with (tmp_path / "tables/complementarity.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["first"], row["second"]) for row in rows] == [("TS", "ID"), ("E2E", "ID")]
    for row in rows:
        parts = ("both", "only_first", "only_second", "neither")
        assert sum(float(row[name]) for name in parts) == pytest.approx(1)
        larger = max(float(row["two_seeds_first"]), float(row["two_seeds_second"]))
        assert float(row["excess"]) == pytest.approx(float(row["union"]) - larger)
        assert float(row["low"]) < float(row["excess"]) < float(row["high"])
    assert load_study(tmp_path).complementarity["union"].between(0, 1).all()


def test_latex_has_a_row_per_pair_and_place(tmp_path: Path) -> None:
    write_report(FakeStudy(searches=0, conditions=CONDITIONS).write(tmp_path))
    text = (tmp_path / "tables/complementarity.tex").read_text(encoding="utf-8")
    assert text.count("\nby time & ") == 2 and text.startswith("% TS and ID")
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len({line.count(" & ") for line in rows}) == 1 and len(rows) == 1 + 3 * 2


def test_one_arm_or_no_finished_trial_has_no_section_and_no_file(tmp_path: Path) -> None:
    for name, study in {
        "one": FakeStudy(arms=SMALL[:1], searches=0),
        "none": FakeStudy(
            searches=0,
            statuses={(arm.name, "final", i): "missing" for arm in SMALL for i in range(3)},
        ),
    }.items():
        write_report(study.write(tmp_path / name))
        page = Page((tmp_path / name / "report.html").read_text(encoding="utf-8"))
        assert "complementarity" not in page.sections
        assert not list((tmp_path / name / "tables").glob("complementarity.*"))
        assert "Different users" not in (tmp_path / name / "report.md").read_text()


def test_of_many_pairs_only_the_named_ones_have_a_sentence(tmp_path: Path) -> None:
    named = {"contrasts": [{"better": "TS", "than": "ID"}]}
    study = FakeStudy(arms=FUSION[: MAX_SENTENCES + 2], searches=0, overrides=named)
    context = SECTION.context(read_report(study.write(tmp_path)))
    assert context is not None
    (place,) = context["places"]
    assert len(place["rows"]) == MAX_SENTENCES + 1 and len(place["sentences"]) == 1
