"""Sentences on pairs of arms: what each says, and never more than the finding."""

from dataclasses import replace

import pytest

from reports.study.complementarity import Overlap, Pair
from reports.study.complementarity_words import (
    COLUMNS,
    CONTROL_COLUMNS,
    complementarity_sentence,
    complementarity_sentences,
    format_pair,
)
from reports.study.places import NOWHERE, Place
from reports.study.statistics import Difference

OVERLAP = Overlap(0.10, 0.088, 0.124, two_first=0.25, two_second=0.26)


def _over(mean: float, half: float, seeds: int = 3) -> Difference:
    return Difference(mean, mean - half, mean + half, 0.001, 1e-4, 1e-4, 3, seeds, 300)


FIRM = (_over(0.062, 0.01), _over(0.052, 0.02))
PAIR = Pair(
    "HR@10", "TS", "ID", "named", NOWHERE, (1, 2, 3), overlap=OVERLAP, over=FIRM, p_holm=0.003
)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (
            {},
            "TS and ID find different users: together 31.2% against 22.4% (ID alone); two seeds "
            "of ID find 26.0%.",
        ),
        (
            {"over": (FIRM[0], _over(0.052, 0.06))},
            "TS and ID find, on these seeds, different users: together 31.2% against 22.4% (ID "
            "alone); two seeds of ID find 26.0%.",
        ),
        (
            {"over": (_over(0.062, 0.01, seeds=2), _over(0.052, 0.01, seeds=2))},
            "TS and ID find, on these seeds, different users: together 31.2% against 22.4% (ID "
            "alone); two seeds of ID find 26.0%.",
        ),
        (
            {"p_holm": 0.06},
            "TS and ID are not shown to find different users: together 31.2% against 22.4% (ID "
            "alone); two seeds of ID find 26.0%.",
        ),
        (
            {"over": (FIRM[0], _over(-0.01, 0.001))},
            "TS and ID are not shown to find different users: together 31.2% against 22.4% (ID "
            "alone); two seeds of ID find 26.0%.",
        ),
        (
            {"overlap": replace(OVERLAP, two_first=0.27), "place": Place("MIND", "by time")},
            "TS and ID find different users on MIND under “by time”: together 31.2% against 18.8% "
            "(TS alone); two seeds of TS find 27.0%.",
        ),
        (
            {"over": None, "p_holm": None, "problem": "one seed: no second one"},
            "TS and ID: together 31.2% against 22.4% (ID alone); one seed: no second one.",
        ),
        (
            {"overlap": None, "over": None, "problem": "no seed has finished in both arms"},
            "TS and ID cannot be compared: no seed has finished in both arms.",
        ),
    ],
)
def test_a_sentence_says_what_is_found(changed: dict[str, object], sentence: str) -> None:
    assert complementarity_sentence(replace(PAIR, **changed)) == sentence  # type: ignore[arg-type]


def test_pairs_without_a_finished_trial_have_no_sentence() -> None:
    unfinished = replace(PAIR, overlap=None, over=None, problem="no seed")
    assert complementarity_sentences([unfinished, PAIR]) == (complementarity_sentence(PAIR),)


def test_a_row_has_a_cell_per_column() -> None:
    number = len(COLUMNS) + len(CONTROL_COLUMNS)
    without = replace(PAIR, over=None, p_holm=None, problem="one seed")
    nothing = replace(without, overlap=None, problem="no seed")
    cells = [format_pair(one) for one in (PAIR, without, nothing)]
    assert [len(one) for one in cells] == [number] * 3
    assert cells[0] == (
        *("TS", "ID", "10.00", "8.80", "12.40", "68.80", "31.20", "25.00", "26.00"),
        *("+5.20", "+3.20 to +7.20", "more than two seeds of either"),
    )
    assert cells[1][-3:] == ("n/a", "n/a", "one seed") and cells[2][-1] == "no seed"
