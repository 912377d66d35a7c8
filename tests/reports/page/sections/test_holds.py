"""The section "Does it hold?": shown where there are conditions, with a row for each."""

from pathlib import Path

from reports.page.sections.holds import SECTION
from reports.study.report import Report, read_report
from reports.write import write_report
from tests.reports.made_up_studies import FakeStudy
from tests.reports.pages import Page

CONDITIONS = {"published": {}, "strong ID": {"ID": 0.6}, "<i>same</i>": {}, "by time": {"TS": 0.2}}
NAMED = {"contrasts": [{"better": "TS", "than": "ID"}, {"better": "E2E", "than": "ID"}]}


def _report(folder: Path, **fields: object) -> Report:
    given = {"conditions": CONDITIONS, "searches": 0, "overrides": NAMED} | fields
    return read_report(FakeStudy(**given).write(folder))  # type: ignore[arg-type]


def test_a_study_without_conditions_has_no_such_section(tmp_path: Path) -> None:
    assert SECTION.context(_report(tmp_path, conditions={})) is None


def test_the_page_has_sentences_rows_family_and_a_figure_per_contrast(tmp_path: Path) -> None:
    report = _report(tmp_path)
    context = SECTION.context(report)
    assert context is not None and list(context["tabs"]) == ["TS − ID", "E2E − ID"]
    figure = context["tabs"]["TS − ID"]["drawing"].figure
    assert [mark["y"] for mark in figure["data"]] == [["published"], ["strong ID"], ["by time"]]
    write_report(tmp_path, ["html"])
    source = (tmp_path / "report.html").read_text(encoding="utf-8")
    section = source.split('<section id="holds">')[1].split("</section>")[0]
    page = Page(section)
    for sentence in context["sentences"]:
        assert sentence in page.text
    assert "published headline" in page.text
    assert page.text.count("not changed by this condition") == 3 + 3
    assert "Holm’s adjustment covers the contrast’s 3 rows" in page.text
    assert "&lt;i&gt;same" in section and "<i>same" not in section


def test_the_headline_speaks_of_the_first_condition_and_leads_to_the_block(tmp_path: Path) -> None:
    _report(tmp_path)
    write_report(tmp_path, ["html"])
    source = (tmp_path / "report.html").read_text(encoding="utf-8")
    summary = source.split('<section id="summary">')[1].split("</section>")[0]
    assert summary.count("Under “published”: ") == 2
    assert "strong ID" not in summary and 'href="#holds"' in summary


def test_tables_of_other_conditions_are_folded(tmp_path: Path) -> None:
    report = _report(tmp_path, slices={"popularity": (100, 200)}, searches=1)
    write_report(tmp_path, ["html"])
    source = (tmp_path / "report.html").read_text(encoding="utf-8")
    metrics = len(report.summary.metrics)
    for section, times in (("accuracy", 1), ("significance", metrics), ("slices", 1)):
        text = source.split(f'<section id="{section}">')[1].split("</section>")[0]
        folds = text.count('<details class="condition"><summary>')
        assert folds == times * (len(CONDITIONS) - 1)
        assert '<details class="condition"><summary>published' not in text


def test_caveats_of_other_conditions_stand_in_the_block_and_not_beside_the_verdict(
    tmp_path: Path,
) -> None:
    weak = {"published": {}, "weak TS": {"TS": -3.0}}
    report = _report(tmp_path, conditions=weak)
    context = SECTION.context(report)
    assert context is not None
    assert [line for line in context["further_caveats"] if "popularity" in line] == [
        "Under “weak TS”: Worse than the reference popularity (HR@10): TS."
    ]
    beside = report.summary.by_condition[0]
    assert beside.place.condition == "published"
    write_report(tmp_path, ["html"])
    source = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Not shown" not in source.split('<section id="holds">')[0]
