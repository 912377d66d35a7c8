"""Seeing why: the section of the page, its table as CSV and Markdown, escaped everywhere."""

import csv
from pathlib import Path

from reports.write import write_report
from tests.reports.made_up_examples import PICTURE, add_examples
from tests.reports.made_up_studies import FakeStudy
from tests.reports.pages import Page

EVIL = "</script><script>alert(1)</script><b onclick=alert(1)>&amp;"
STUDY = FakeStudy(searches=0, overrides={"contrasts": [{"better": "E2E", "than": "ID"}]})


def page_of(folder: Path, **options: str) -> Page:
    add_examples(STUDY.write(folder), **options)
    return Page(write_report(folder).read_text(encoding="utf-8"))


def test_the_page_shows_both_sides_with_their_lists(tmp_path: Path) -> None:
    page = page_of(tmp_path)
    assert "examples" in page.sections and page.open == []
    text = page.text[page.text.index("Seeing why Test users with") :]
    assert "E2E and ID: the first comparison that the study names." in text
    assert "E2E ranks the target higher 6 drawn by chance from 30" in text
    assert "ID ranks the target higher 6 drawn by chance from 30" in text
    assert text.count("Target at rank") == 2 * 12
    assert "no user’s id is in this page" in text
    assert not any(name == "src" for name, _ in page.attributes)


def test_pictures_are_in_the_page_and_say_nothing_to_a_screen_reader(tmp_path: Path) -> None:
    page = page_of(tmp_path, picture=PICTURE)
    sources = [value for name, value in page.attributes if name == "src"]
    assert set(sources) == {f"data:image/jpeg;base64,{PICTURE}"}
    # Twelve users with five last items, a target and two lists of five.
    assert len(sources) == 12 * (5 + 1 + 2 * 5)
    assert sum((name, value) == ("alt", "") for name, value in page.attributes) == len(sources)


def test_a_title_is_text_in_every_form(tmp_path: Path) -> None:
    page = page_of(tmp_path, title=EVIL)
    assert page.open == []
    assert not any(name == "onclick" for name, _ in page.attributes)
    assert not any("alert(1)" in script for script in page.scripts if "</" in script)
    assert EVIL in page.text
    assert "<script>" not in (tmp_path / "report.md").read_text()


def test_the_table_has_a_row_per_user_and_item(tmp_path: Path) -> None:
    page_of(tmp_path)
    with (tmp_path / "tables/examples.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 12 * (5 + 1 + 2 * 5)
    assert [row["higher"] for row in rows] == ["E2E"] * 96 + ["ID"] * 96
    first = [row for row in rows if (row["higher"], row["user"]) == ("E2E", "1")]
    assert [row["part"] for row in first] == ["history"] * 5 + ["target"] + ["list"] * 10
    assert {row["arm"] for row in first if row["part"] == "list"} == {"E2E", "ID"}
    for row in first:
        if row["part"] == "list" and row["is_target"] == "True":
            assert row["place"] == row["rank_of_target"]
            assert row["item"] == first[5]["item"]


def test_markdown_has_a_line_per_user(tmp_path: Path) -> None:
    page_of(tmp_path)
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    table = text[text.index("## Seeing why") : text.index("## Cost")]
    lines = [line for line in table.splitlines() if line.startswith(("| E2E", "| ID"))]
    assert len(lines) == 12
    assert "| Ranked higher by | Last items | Target | Rank, E2E | Rank, ID |" in table


def test_a_study_without_examples_says_nothing(tmp_path: Path) -> None:
    page = Page(write_report(STUDY.write(tmp_path)).read_text(encoding="utf-8"))
    assert "examples" not in page.sections
    assert not (tmp_path / "tables/examples.csv").exists()
    assert "Seeing why" not in (tmp_path / "report.md").read_text()
