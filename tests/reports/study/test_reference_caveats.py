"""What is said of arms that are not above a reference, never stronger than the statistics."""

from dataclasses import replace
from pathlib import Path

import pytest

from reports.study.contrasts import Contrast, Finding, Kind
from reports.study.places import Place
from reports.study.reference_caveats import about_references
from reports.study.statistics import Difference
from reports.study.summary import StudySummary, summarise
from tests.reports.made_up_studies import SMALL, FakeStudy, set_references
from tune_space.ledger.manifest import Reference

WEAK = "a comparison of two weak sides is not an answer."
MEANS = {
    Finding.BETTER: (0.05, 0.01, 3, 0.001),
    Finding.WORSE: (-0.05, 0.01, 3, 0.001),
    Finding.BETTER_THESE_SEEDS: (0.05, 0.01, 1, 0.001),
    Finding.WORSE_THESE_SEEDS: (-0.05, 0.01, 1, 0.001),
    Finding.OPEN: (-0.01, 0.05, 3, 0.7),
}
"""Mean, half of the interval, seeds and adjusted p that lead to each finding."""


def contrast(
    better: str, than: str, finding: Finding, kind: Kind = "reference", dataset: str = ""
) -> Contrast:
    mean, half, seeds, p = MEANS[finding]
    difference = Difference(mean, mean - half, mean + half, p, 1e-4, 1e-5, 0, seeds, 500)
    one = Contrast("HR@10", better, than, kind, Place(dataset), difference=difference, p_holm=p)
    assert one.finding is finding
    return one


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> StudySummary:
    return summarise(FakeStudy(arms=SMALL[:2]).write(tmp_path_factory.mktemp("study")))


def said(summary: StudySummary, *contrasts: Contrast) -> list[str]:
    return list(about_references(summary, contrasts))


def test_an_arm_above_a_reference_is_not_named(summary: StudySummary) -> None:
    above = (Finding.BETTER, Finding.BETTER_THESE_SEEDS)
    assert said(summary, *(contrast("ID", "EASE", finding) for finding in above)) == []


def test_each_finding_is_said_as_strongly_as_it_is(summary: StudySummary) -> None:
    assert said(
        summary,
        contrast("A", "EASE", Finding.WORSE),
        contrast("B", "EASE", Finding.OPEN),
        contrast("C", "EASE", Finding.WORSE_THESE_SEEDS),
        contrast("D", "EASE", Finding.BETTER),
        contrast("E", "EASE", Finding.WORSE),
        contrast("B", "content kNN (minilm)", Finding.OPEN),
    ) == [
        "Worse than the reference EASE (HR@10): A, E. "
        "Worse than the reference EASE with these seeds (HR@10): C. "
        "Not shown to be better than the reference EASE (HR@10): B.",
        "Not shown to be better than the reference content kNN (minilm) (HR@10): B.",
    ]


def test_a_comparison_of_two_weak_sides_is_named_with_what_is_above_both(
    summary: StudySummary,
) -> None:
    one_weak = [
        contrast("TS", "ID", Finding.BETTER, "named"),
        contrast("TS", "EASE", Finding.WORSE),
        contrast("ID", "EASE", Finding.BETTER),
        contrast("TS", "ItemKNN", Finding.WORSE),
        contrast("ID", "ItemKNN", Finding.OPEN),
    ]
    assert said(summary, *one_weak)[-1] == (
        f"Neither side of TS against ID is shown to be better than ItemKNN: {WEAK}"
    )
    one_weak[2] = contrast("ID", "EASE", Finding.WORSE)
    assert said(summary, *one_weak)[-1] == (
        f"Neither side of TS against ID is shown to be better than EASE, ItemKNN: {WEAK}"
    )
    strong = [one for one in one_weak if (one.better, one.than) != ("TS", "EASE")][:-1]
    assert not any(WEAK in line for line in said(summary, *strong))


def test_comparisons_that_nobody_named_are_looked_at_only_where_none_is_named(
    summary: StudySummary,
) -> None:
    weak = [contrast(arm, "EASE", Finding.WORSE) for arm in ("ID", "TS", "E2E")]
    unnamed = contrast("E2E", "ID", Finding.OPEN, "exploratory")
    named = contrast("TS", "ID", Finding.OPEN, "named")
    assert "of E2E against ID is" in said(summary, unnamed, *weak)[-1]
    assert "of TS against ID is" in said(summary, named, unnamed, *weak)[-1]
    assert not any("E2E against" in line for line in said(summary, named, unnamed, *weak))


def test_a_comparison_without_a_difference_says_nothing(summary: StudySummary) -> None:
    unlike = replace(contrast("TS", "EASE", Finding.WORSE), difference=None, problem="why")
    assert said(summary, contrast("TS", "ID", Finding.OPEN, "named"), unlike) == []


def test_a_reference_that_is_left_out_says_why(tmp_path: Path) -> None:
    folder = FakeStudy(arms=SMALL[:2]).write(tmp_path)
    reason = "9,000 items, and it takes at most 8,000"
    references = summarise(folder).manifest.references
    missing = Reference(name="EASE", valid={}, test={}, left_out=reason)
    set_references(folder, (*references, missing))
    assert said(summarise(folder)) == [f"The reference EASE is left out: {reason}."]


def test_on_several_data_sets_it_says_on_which(tmp_path: Path) -> None:
    datasets = {"MIND": None, "HM": None}
    folder = FakeStudy(arms=SMALL[:2], datasets=datasets, searches=0).write(tmp_path)
    missing = Reference(name="EASE", dataset="HM", valid={}, test={}, left_out="why")
    set_references(folder, (*summarise(folder).manifest.references, missing))
    found = said(
        summarise(folder),
        contrast("TS", "ItemKNN", Finding.WORSE, dataset="MIND"),
        contrast("TS", "ItemKNN", Finding.WORSE, dataset="HM"),
        contrast("ID", "ItemKNN", Finding.WORSE, dataset="HM"),
        contrast("TS", "ID", Finding.OPEN, "exploratory", "MIND"),
        contrast("TS", "ID", Finding.OPEN, "exploratory", "HM"),
    )
    assert found == [
        "Worse than the reference ItemKNN (HR@10): TS on MIND; TS, ID on HM.",
        f"Neither side of TS against ID on HM is shown to be better than ItemKNN: {WEAK}",
        "The reference EASE is left out on HM: why.",
    ]
