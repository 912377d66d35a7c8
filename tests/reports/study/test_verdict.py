"""The sentences of the verdict, each with its numbers."""

from dataclasses import replace
from pathlib import Path

import pytest

from reports.study import verdict
from reports.study.contrasts import Contrast, compare
from reports.study.places import Place
from reports.study.statistics import Difference
from reports.study.summary import summarise
from tests.reports.made_up_studies import SMALL, FakeStudy

HARD = "\N{NO-BREAK SPACE}"


def _contrast(
    mean: float,
    half: float,
    *,
    p_holm: float = 0.004,
    seeds: int = 3,
    v: float = 1e-4,
    w: float = 1e-5,
) -> Contrast:
    return Contrast(
        "HR@10",
        "ID+TS CON",
        "ID",
        "named",
        difference=Difference(mean, mean - half, mean + half, p_holm, v, w, 0, seeds, 671),
        p_holm=p_holm,
    )


def _in_words(contrast: Contrast) -> str:
    return verdict.sentence(contrast).replace(HARD, " ")


def test_a_firm_difference_says_beats_and_gives_every_number() -> None:
    assert _in_words(replace(_contrast(0.031, 0.019), time_ratio=1.4)) == (
        "ID+TS CON beats ID by +3.1 points HR@10 [+1.2, +5.0] "
        "(3 seeds, 671 users, Holm p = .004) at 1.4× the training time."
    )


def test_a_firm_loss_says_worse_than() -> None:
    assert _in_words(_contrast(-0.031, 0.019, p_holm=0.0002)) == (
        "ID+TS CON is worse than ID: −3.1 points HR@10 [−5.0, −1.2] "
        "(3 seeds, 671 users, Holm p < .001)."
    )


def test_where_only_p_agrees_an_arm_is_better_on_these_seeds_only() -> None:
    assert _in_words(_contrast(0.031, 0.05)).startswith(
        "ID+TS CON is better, on these seeds, than ID by"
    )
    assert _in_words(_contrast(-0.031, 0.05)).startswith(
        "ID+TS CON is worse, on these seeds, than ID:"
    )


def test_with_one_seed_no_arm_beats_and_seed_variation_is_not_measured() -> None:
    said = _in_words(_contrast(0.031, 0.019, seeds=1))
    assert said.startswith("ID+TS CON is better, on these seeds, than ID by +3.1 points")
    assert "(1 seed, 671 users, Holm p = .004, seed variation not measured)" in said


def test_an_open_comparison_says_how_many_users_or_seeds_it_would_take() -> None:
    """The equation behind 867 users and 16 seeds is checked in test_statistics."""
    said = _in_words(_contrast(0.02, 0.03, p_holm=0.2, v=1e-4, w=2e-5))
    assert said.startswith(
        "ID+TS CON is not distinguishable from ID: +2.0 points HR@10 [−1.0, +5.0]"
    )
    assert said.endswith("it would take about 870 users (1.3× as many) or 16 seeds to show it.")


def test_two_seeds_and_an_interval_off_zero_say_what_it_would_take() -> None:
    """Two seeds measure no variation over seeds: it takes three, however many these promise."""
    two = _contrast(0.02, 0.03, p_holm=0.2, seeds=2, v=9e-5, w=2e-5)
    assert two.difference is not None and two.difference.seeds_needed() is not None
    assert _in_words(two).endswith(" as many) and 3 seeds to show it.")
    off_zero = _in_words(_contrast(0.02, 0.01, p_holm=0.2))
    assert off_zero.endswith(" points HR@10 [+1.0, +3.0] (3 seeds, 671 users, Holm p = .200).")


def test_numbers_and_their_signs_do_not_part_at_the_end_of_a_line() -> None:
    for p_holm, words in ((0.004, "= .004"), (0.0001, "< .001")):
        clause = f"Holm p {words}".replace(" ", HARD)
        assert clause in verdict.sentence(_contrast(0.031, 0.019, p_holm=p_holm))


def test_an_open_comparison_says_that_no_number_would_be_enough() -> None:
    said = _in_words(_contrast(0.0001, 0.03, p_holm=1))
    assert said.endswith(
        "Neither more users alone nor more seeds alone would show a difference this small."
    )


def test_with_one_seed_an_open_comparison_needs_three_seeds_as_well_as_users() -> None:
    said = _in_words(_contrast(0.01, 0.03, p_holm=0.2, seeds=1, v=1e-4, w=0.0))
    assert said.endswith("about 2,600 users (3.9× as many) and 3 seeds to show it.")


def test_arms_that_cannot_be_compared_have_a_sentence_that_says_why() -> None:
    one = Contrast("HR@10", "a", "b", "named", problem="no seed has finished in both arms")
    assert (
        _in_words(one) == "a and b cannot be compared on HR@10: no seed has finished in both arms."
    )


def test_headline_has_a_sentence_per_named_contrast_on_the_selected_metric(tmp_path: Path) -> None:
    named = [{"better": "E2E", "than": "ID"}, {"better": "TS", "than": "ID"}]
    summary = summarise(FakeStudy(overrides={"contrasts": named}).write(tmp_path))
    lines = verdict.headline(summary, compare(summary))
    assert [line.split()[0] for line in lines] == ["E2E", "TS"]
    assert all("HR@10" in line for line in lines)


def test_without_named_contrasts_the_best_arm_is_exploratory(tmp_path: Path) -> None:
    summary = summarise(FakeStudy().write(tmp_path))
    (line,) = verdict.headline(summary, compare(summary))
    assert line.startswith("The study file names no contrast between these arms. Exploratory: E2E ")


def test_the_exploratory_sentence_is_about_the_best_arm_on_the_main_metric(
    tmp_path: Path,
) -> None:
    summary = summarise(FakeStudy(searches=0, num_users=60).write(tmp_path))
    low, high, other, reference, missing = (
        replace(_contrast(mean, 0.5, p_holm=0.9), better=better, kind="exploratory")
        for mean, better in ((0.01, "low"), (0.02, "high"), (0.3, "o"), (0.4, "r"), (0.5, "m"))
    )
    contrasts = (
        low,
        replace(other, metric="NDCG@10"),
        replace(reference, kind="reference"),
        replace(missing, difference=None),
        high,
    )
    start = "The study file names no contrast between these arms. Exploratory: "
    assert verdict.headline(summary, contrasts) == (start + verdict.sentence(high),)
    named = replace(low, kind="named")
    assert verdict.headline(summary, (*contrasts, named)) == (verdict.sentence(named),)


@pytest.mark.parametrize(
    ("study", "line"),
    [
        (FakeStudy(arms=()), "No arm yet."),
        (FakeStudy(arms=SMALL[:1]), "The study has one arm: there is nothing to compare."),
        (
            FakeStudy(
                arms=SMALL[:2], statuses={("ID", "final", index): "failed" for index in range(3)}
            ),
            "No verdict yet: no seed has finished in both arms of a comparison.",
        ),
    ],
)
def test_without_two_finished_arms_there_is_no_verdict(
    tmp_path: Path, study: FakeStudy, line: str
) -> None:
    summary = summarise(study.write(tmp_path))
    assert verdict.headline(summary, compare(summary)) == (line,)


TWO = {"MIND": None, "HM": ("ID", "TS")}


def test_over_several_data_sets_each_sentence_names_its_own(tmp_path: Path) -> None:
    named = [{"better": "E2E", "than": "ID"}, {"better": "TS", "than": "ID"}]
    study = FakeStudy(datasets=TWO, searches=0, overrides={"contrasts": named})
    summary = summarise(study.write(tmp_path))
    lines = verdict.headline(summary, compare(summary))
    assert [" ".join(line.split()[:2]) for line in lines] == ["MIND: E2E", "MIND: TS", "HM: TS"]


def test_the_overview_says_on_which_data_sets_a_contrast_holds(tmp_path: Path) -> None:
    named = [{"better": "E2E", "than": "ID"}]
    study = FakeStudy(
        datasets={"MIND": None, "HM": None, "Bili": None},
        searches=0,
        overrides={"contrasts": named},
    )
    summary = summarise(study.write(tmp_path))
    found = (("MIND", 0.031), ("HM", 0.0001), ("Bili", 0.031))
    contrasts = tuple(
        replace(_contrast(mean, 0.019, p_holm=0.001 if mean > 0.01 else 1), place=Place(dataset))
        for dataset, mean in found
    )
    assert verdict.overview(summary, contrasts) == (
        "ID+TS CON beats ID on MIND and Bili; is not distinguishable from it on HM.",
    )


def test_the_overview_is_about_named_contrasts_on_the_main_metric_the_firmest_finding_first(
    tmp_path: Path,
) -> None:
    datasets = ("a", "b", "c", "d", "e", "f")
    study = FakeStudy(
        arms=SMALL[:2], seeds=(1,), datasets=dict.fromkeys(datasets), searches=0, num_users=20
    )
    summary = summarise(study.write(tmp_path))
    none = replace(_contrast(0.0, 1.0), difference=None)
    by_dataset = (
        none,
        _contrast(0.001, 0.019, p_holm=1),
        _contrast(-0.031, 0.05),
        _contrast(0.031, 0.05),
        _contrast(-0.031, 0.019),
        _contrast(0.031, 0.019),
    )
    contrasts = tuple(
        replace(one, place=Place(dataset))
        for one, dataset in zip(by_dataset, datasets, strict=True)
    )
    others = (
        replace(contrasts[0], metric="NDCG@10"),
        replace(contrasts[0], kind="exploratory"),
        replace(contrasts[0], place=Place("a", "another condition")),
    )
    assert verdict.overview(summary, (*others, *contrasts)) == (
        "ID+TS CON beats ID on f; is worse than it on e; is better, on these seeds, than it on d; "
        "is worse, on these seeds, than it on c; is not distinguishable from it on b; "
        "cannot be compared with it on a.",
    )


def test_a_study_with_one_data_set_has_no_overview(tmp_path: Path) -> None:
    summary = summarise(FakeStudy(overrides={}).write(tmp_path))
    assert verdict.overview(summary, compare(summary)) == ()


def test_the_headline_speaks_of_the_first_condition_alone(tmp_path: Path) -> None:
    named = {"contrasts": [{"better": "TS", "than": "ID"}]}
    given = {
        "conditions": {
            "published": {},
            "strong ID": {"ID": 0.6},
            "by time": {"ID": 0.1, "TS": 0.1, "E2E": 0.1},
        },
        "searches": 0,
        "overrides": named,
        "num_users": 60,
    }
    one = summarise(FakeStudy(**given).write(tmp_path / "one"))  # type: ignore[arg-type]
    (line,) = verdict.headline(one, compare(one))
    assert line.startswith("Under “published”: TS ") and verdict.overview(one, compare(one)) == ()
    study = FakeStudy(datasets={"MIND": None, "HM": None}, **given)  # type: ignore[arg-type]
    two = summarise(study.write(tmp_path / "two"))
    lines = verdict.headline(two, compare(two))
    wanted = ["Under “published”, MIND: TS ", "Under “published”, HM: TS "]
    assert [line[: len(start)] for line, start in zip(lines, wanted, strict=True)] == wanted
    (over,) = verdict.overview(two, compare(two))
    assert over.startswith("Under “published”: TS ")
    assert (over.count("MIND"), over.count("HM")) == (1, 1)
