"""The accuracy section says what the targets were ranked against."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reports.page.sections.accuracy import tuned_references
from reports.study.summary import summarise
from reports.write import write_report
from tests.reports.made_up_studies import SMALL, FakeStudy, set_references
from tests.reports.pages import Page

LEFT_OUT = "items of the user’s history are left out"


def page_of(folder: Path, *evaluations: dict[str, Any]) -> str:
    """The page's words, of a study whose arms have these evaluations."""
    pairs = zip(SMALL, evaluations, strict=False)
    arms = tuple(replace(arm, evaluation=evaluation) for arm, evaluation in pairs)
    text = write_report(FakeStudy(arms=arms, searches=0).write(folder)).read_text(encoding="utf-8")
    return " ".join(Page(text).text.split())


@pytest.mark.parametrize(
    ("evaluations", "words"),
    [
        ([{}, {}], f"all items; {LEFT_OUT}, and a tie"),
        ([{"candidates": "trained"}] * 2, f"a train interaction; {LEFT_OUT}, and a tie"),
        (
            [{"mask_history": False}] * 2,
            "items of the user’s history are ranked too (evaluation.mask_history: false), and",
        ),
        (
            [{}, {"mask_history": False}],
            f"{LEFT_OUT} unless evaluation.mask_history is false, and a tie",
        ),
    ],
)
def test_the_note_above_the_table_says_what_becomes_of_the_history(
    evaluations: list[dict[str, Any]], words: str, tmp_path: Path
) -> None:
    assert words in page_of(tmp_path, *evaluations)


def test_what_was_chosen_for_a_reference_is_said(tmp_path: Path) -> None:
    study = FakeStudy(arms=SMALL[:2], datasets={"MIND": None, "HM": None}, searches=0)
    folder = study.write(tmp_path)
    references = list(summarise(folder).manifest.references)
    chosen = {"lambda": 100.0, "decay": 0.8}
    references[0] = references[0].model_copy(update={"name": "EASE", "chosen": chosen})
    set_references(folder, references)
    assert tuned_references(summarise(folder)) == ["EASE (lambda 100, decay 0.8) on MIND"]
    text = Page(write_report(folder).read_text(encoding="utf-8")).text
    assert "chosen on validation: EASE (lambda 100, decay 0.8) on MIND." in " ".join(text.split())


def test_without_a_choice_nothing_is_said_of_it(tmp_path: Path) -> None:
    assert "chosen on validation:" not in page_of(tmp_path, {}, {})
