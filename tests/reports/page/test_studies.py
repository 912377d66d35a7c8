"""The page of several studies."""

from pathlib import Path

from reports.page.studies import render_studies
from reports.study.holds_words import holds_sentences
from reports.study.report import Report
from reports.study.summary import summarise
from tests.reports.made_up_studies import CONDITIONS, SMALL, FakeStudy, set_test_metric
from tests.reports.pages import Page

EVIL = "</title><script>alert(1)</script>"


def _page(folder: Path, **studies: FakeStudy) -> Page:
    written = {name: summarise(study.write(folder / name)) for name, study in studies.items()}
    links = {f"{name}/report.html": Report(summary) for name, summary in written.items()}
    return Page(render_studies(links))


def test_each_study_has_a_row_with_its_best_arm_and_a_section(tmp_path: Path) -> None:
    page = _page(
        tmp_path,
        whole=FakeStudy(searches=0),
        half=FakeStudy(
            arms=SMALL[:2],
            searches=0,
            question="And without text?",
            state="running",
            statuses={("TS", "final", 2): "missing"},
        ),
    )
    assert page.open == []
    assert page.sections == ["studies", "study-1", "study-2"]
    summary = summarise(tmp_path / "whole")
    best = summary.ranked("HR@10")[0]
    mean = best.mean("HR@10")
    assert mean is not None
    assert f"{best.label}, HR@10 {100 * mean:.2f} ±" in page.text
    assert "running, 1 final trial to come" in page.text
    assert page.text.count("And without text?") == 2
    links = {value for name, value in page.attributes if name == "href"}
    assert links == {
        *("#studies", "#study-1", "#study-2"),
        *("whole/report.html", "half/report.html"),
    }


def test_each_data_set_of_a_study_names_its_best_arm(tmp_path: Path) -> None:
    page = _page(tmp_path, one=FakeStudy(datasets={"MIND": None, "HM": ("ID", "TS")}, searches=0))
    for part in summarise(tmp_path / "one").parts:
        assert f"{part.key}: {part.ranked('HR@10')[0].label}, HR@10" in page.text


def test_two_best_arms_are_both_named(tmp_path: Path) -> None:
    folder = FakeStudy(searches=0).write(tmp_path / "one")
    set_test_metric(folder, "HR@10", {"ID": 0.25, "TS": 0.25, "E2E": 0.125})
    page = Page(render_studies({"one/report.html": Report(summarise(folder))}))
    assert "ID, HR@10 25.00 ± 0.00; TS, HR@10 25.00 ± 0.00" in page.text
    assert "E2E, HR@10" not in page.text


def test_a_study_without_results_has_no_best_arm_yet(tmp_path: Path) -> None:
    page = _page(tmp_path, empty=FakeStudy(arms=()))
    assert "none yet" in page.text
    assert "No arm yet." in page.text


def test_nothing_a_user_wrote_becomes_markup(tmp_path: Path) -> None:
    page = _page(tmp_path, evil=FakeStudy(question=EVIL, searches=0))
    assert page.open == []
    assert page.scripts == []
    assert page.text.count(EVIL) == 2


def test_a_study_with_conditions_says_whether_its_verdict_holds(tmp_path: Path) -> None:
    page = _page(tmp_path, one=FakeStudy(conditions=CONDITIONS, searches=0))
    for sentence in holds_sentences(Report(summarise(tmp_path / "one")).held):
        assert sentence in page.text
    assert "by time: " not in page.text and "published: " in page.text
