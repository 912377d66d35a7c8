"""The page of a running study: what it says of progress, and when it is written again."""

import time
from pathlib import Path

import pytest

from reports.live_page import LivePage
from reports.write import write_report
from tests.reports.made_up_studies import SMALL, FakeStudy
from tests.reports.pages import Page

HALF = {("TS", "final", 1): "missing", ("TS", "final", 2): "not asked"}


def _study(state: str) -> FakeStudy:
    statuses = HALF if state == "running" else {}
    return FakeStudy(arms=SMALL[:2], searches=1, state=state, statuses=statuses)


def test_the_page_of_a_running_study_shows_progress_and_reloads(tmp_path: Path) -> None:
    path = write_report(_study("running").write(tmp_path))
    page = Page(path.read_text(encoding="utf-8"))
    assert "Running. 6 of 8 trials have ended; last update 2026-01-01T01:00:00Z." in page.text
    assert ("http-equiv", "refresh") in page.attributes
    assert ("data-seconds", "30") in page.attributes


@pytest.mark.parametrize("state", ["finished", "interrupted"])
def test_the_page_of_a_study_that_does_not_run_never_reloads(state: str, tmp_path: Path) -> None:
    page = Page(write_report(_study(state).write(tmp_path)).read_text(encoding="utf-8"))
    assert "Running." not in page.text
    assert ("http-equiv", "refresh") not in page.attributes
    assert ("id", "reload") not in page.attributes


def test_arms_with_nothing_to_search_count_their_seeds_only(tmp_path: Path) -> None:
    study = FakeStudy(arms=SMALL[:2], searches=0, state="running", overrides={"budget": {}})
    page = Page(write_report(study.write(tmp_path)).read_text(encoding="utf-8"))
    assert "6 of 6 trials have ended" in page.text


def test_the_page_is_not_written_again_within_the_interval(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    live = LivePage(_study("running").write(tmp_path), every_s=3600)
    live.refresh()
    assert page.exists()
    assert not (tmp_path / "report.json").exists()
    page.unlink()
    live.refresh()
    assert not page.exists()


def test_the_page_is_written_again_after_the_interval(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    live = LivePage(_study("running").write(tmp_path), every_s=0)
    live.refresh()
    page.unlink()
    end = time.monotonic() + 300
    while not page.exists() and time.monotonic() < end:
        live.refresh()
        time.sleep(0.05)
    assert page.exists()


def test_a_page_that_cannot_be_written_does_not_stop_the_study(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    LivePage(tmp_path).refresh()
    message = capsys.readouterr().err
    assert message.startswith(f"{tmp_path / 'report.html'}: not written: DataError(")
    assert "no study has run here" in message
