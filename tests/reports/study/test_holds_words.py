"""The sentence of a contrast under every condition: what leads, counts and is left out."""

from collections.abc import Sequence

import pytest

from reports.study.contrasts import Contrast, Finding
from reports.study.holds import ConditionRow, HeldContrast
from reports.study.holds_words import format_family, format_row, holds_sentence
from reports.study.places import Place
from reports.study.statistics import Difference

B, W, OPEN = Finding.BETTER, Finding.WORSE, Finding.OPEN
BS, WS = Finding.BETTER_THESE_SEEDS, Finding.WORSE_THESE_SEEDS


def _row(label: str, finding: Finding | str, dataset: str = "") -> ConditionRow:
    """A row with this finding; ``pending``, ``impossible`` or ``same`` instead of one."""
    contrast = Contrast("HR@10", "TS", "ID", "named", Place(dataset, label), (1, 2, 3))
    if not isinstance(finding, Finding):
        same = "first" if finding == "same" else ""
        return ConditionRow(contrast, same, (finding,), is_pending=finding == "pending")
    sign = -1 if finding in (W, WS) else 1
    low, high = (0.01, 0.03) if sign > 0 else (-0.03, -0.01)
    difference = Difference(sign * 0.02, low, high, 0.001, 1e-5, 1e-5, 3, 3, 900)
    p = 1.0 if finding is OPEN else 0.001
    firm = 0.001 if finding in (B, W) else 1.0
    made = Contrast(
        *("HR@10", "TS", "ID", "named", Place(dataset, label), (1, 2, 3), difference, p, firm)
    )
    assert made.finding is finding
    return ConditionRow(made)


def _held(*findings: Finding | str) -> HeldContrast:
    rows = [_row(label, one) for label, one in zip("abcdef", findings, strict=False)]
    return HeldContrast("TS", "ID", "named", tuple(rows))


@pytest.mark.parametrize(
    ("findings", "sentence"),
    [
        ([B, B, B], "TS beats ID under all 3 conditions."),
        ([W, W], "TS is worse than ID under all 2 conditions."),
        ([OPEN, OPEN], "TS is not distinguishable from ID under any of the 2 conditions."),
        (
            [B, B, B, OPEN, OPEN, W],
            "TS beats ID under 3 of 6 conditions, “a”, “b” and “c”; it is worse under “f”; "
            "it is not distinguishable under “d” and “e”.",
        ),
        (
            [OPEN, BS, WS],
            "TS is better, on these seeds, than ID under 1 of 3 conditions, “b”; it is worse, "
            "on these seeds, under “c”; it is not distinguishable under “a”.",
        ),
        (
            [B, "pending", "pending"],
            "TS beats ID under 1 of 3 conditions, “a”; "
            "there is no result yet for TS and ID under “b” and “c”.",
        ),
        (
            ["pending", "impossible"],
            "There is no result yet for TS and ID under “a”; TS and ID cannot be compared "
            "under “b”.",
        ),
        (
            [B, "same", OPEN, "same"],
            "TS beats ID under 1 of 2 conditions, “a”; it is not distinguishable under “c”; "
            "“b” and “d” are not counted, as neither arm changes there.",
        ),
        (
            [B, "same"],
            "TS beats ID under “a”; “b” is not counted, as neither arm changes there.",
        ),
    ],
)
def test_the_sentence_counts_findings_and_names_the_other_conditions(
    findings: Sequence[Finding | str], sentence: str
) -> None:
    assert holds_sentence(_held(*findings)) == sentence


@pytest.mark.parametrize("finding", [W, BS, WS, OPEN, "pending", "impossible", "same"])
def test_no_sentence_says_beats_without_a_firm_finding(finding: Finding | str) -> None:
    assert "beats" not in holds_sentence(_held(finding, finding))


def test_on_several_data_sets_comparisons_are_counted_and_named_with_their_data() -> None:
    rows = [_row("a", B, "MIND"), _row("a", OPEN, "HM"), _row("b", B, "MIND"), _row("b", B, "HM")]
    held = HeldContrast("TS", "ID", "named", tuple(rows))
    assert holds_sentence(held) == (
        "TS beats ID in 3 of 4 comparisons; it is not distinguishable under “a” on HM."
    )


def test_what_was_not_named_beforehand_is_exploratory() -> None:
    held = HeldContrast("TS", "ID", "exploratory", _held(B, B).rows)
    assert holds_sentence(held) == "Exploratory: TS beats ID under all 2 conditions."


def test_the_family_is_said_and_leaves_repeated_trials_out() -> None:
    covers = "Holm’s adjustment covers the contrast’s 2 rows, finished or not"
    assert format_family(_held(B, "pending")).startswith(covers)
    assert "left out" not in format_family(_held(B, "pending"))
    assert format_family(_held(B, OPEN, "same")).startswith(covers)
    assert format_family(_held(B, OPEN, "same")).endswith("those of another is left out.")
    assert "nothing to adjust for" in format_family(_held(B, "same"))


def test_a_row_is_printed_with_its_numbers_or_with_what_is_missing() -> None:
    assert format_row(_row("a", B)) == ("+2.00", "+1.00 to +3.00", ".001", ".001", "better")
    assert format_row(_row("a", "pending")) == (*["n/a"] * 4, "pending")
