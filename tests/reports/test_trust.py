"""The page names the reason and last output of a failed trial, and the code behind the numbers."""

from pathlib import Path
from typing import Any

from morec.results import Reason
from reports.write import write_report
from tests.reports.made_up_studies import SMALL, FakeStudy
from tests.reports.pages import Page
from tune_space.ledger.records import Ledger

STUDY = FakeStudy(arms=SMALL[:2], searches=1, statuses={("TS", "search", 0): "failed"})
CODE = {"morec": "0a1b2c3d", "torch": "2.13.0"}


def page_of(folder: Path, *updates: dict[str, Any]) -> Page:
    """The page of a study whose first records, in order, have these further fields."""
    ledger = Ledger(STUDY.write(folder))
    records = list(ledger.read_all().values())
    for record, update in zip(records, updates, strict=False):
        ledger.write(record.model_copy(update=update))
    return Page(write_report(folder).read_text(encoding="utf-8"))


def test_a_failed_trial_has_its_reason_and_the_last_lines_it_printed(tmp_path: Path) -> None:
    failed = {"reason": Reason.HOST_MEMORY, "log_tail": "epoch 3\n<b>terminate</b>"}
    page = page_of(tmp_path, *[failed] * 20)
    assert "Out of memory: morec.errors.TrialError: made to fail" in page.text
    assert "The last lines it printed: epoch 3 <b>terminate</b>" in page.text


def test_one_version_of_the_code_is_named_and_two_are_a_warning(tmp_path: Path) -> None:
    one = page_of(tmp_path / "one", *[{"code": CODE}] * 20)
    num_trials = len(Ledger(tmp_path / "one").read_all())
    assert f"{num_trials} trials: morec 0a1b2c3d, torch 2.13.0" in one.text
    assert "versions of the code" not in one.text
    other = CODE | {"torch": "2.14.0"}
    two = page_of(tmp_path / "two", *[{"code": CODE}] * 2, *[{"code": other}] * 20)
    assert "The trials were made by 2 versions of the code." in two.text
    assert "2 trials: morec 0a1b2c3d, torch 2.13.0" in two.text
    assert f"{num_trials - 2} trials: morec 0a1b2c3d, torch 2.14.0" in two.text
