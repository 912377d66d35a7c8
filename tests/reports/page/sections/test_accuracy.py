"""The accuracy section says what the targets were ranked against."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reports.write import write_report
from tests.reports.made_up_studies import SMALL, FakeStudy
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
