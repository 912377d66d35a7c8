from dataclasses import replace
from pathlib import Path

import pytest

from reports.study import verdict
from reports.study.contrasts import Contrast, compare
from reports.study.statistics import Difference
from reports.study.summary import summarise
from tests.reports.made_up_studies import SMALL, FakeStudy
from tune_space.schedule.arm_plan import MAX_FAILURES

HARD = "\N{NO-BREAK SPACE}"


def _contrast(
    mean: float,
    half: float,
    *,
    p_holm: float = 0.004,
    seeds: int = 3,
    v: float = 1e-4,
    w: float = 1e-5,
    time_ratio: float | None = None,
) -> Contrast:
    return Contrast(
        "HR@10",
        "ID+TS CON",
        "ID",
        "named",
        difference=Difference(mean, mean - half, mean + half, p_holm, v, w, 0, seeds, 671),
        p_holm=p_holm,
        time_ratio=time_ratio,
    )


def _say(contrast: Contrast) -> str:
    return verdict.sentence(contrast).replace(HARD, " ")


def test_a_firm_difference_beats_with_all_its_numbers() -> None:
    assert _say(_contrast(0.031, 0.019, time_ratio=1.4)) == (
        "ID+TS CON beats ID by +3.1 points HR@10 [+1.2, +5.0] "
        "(3 seeds, 671 users, Holm p = .004) at 1.4× the training time."
    )


def test_a_firm_loss_is_worse_than() -> None:
    assert _say(_contrast(-0.031, 0.019, p_holm=0.0002)) == (
        "ID+TS CON is worse than ID: −3.1 points HR@10 [−5.0, −1.2] "
        "(3 seeds, 671 users, Holm p < .001)."
    )


def test_p_without_the_interval_is_better_on_these_seeds_only() -> None:
    assert _say(_contrast(0.031, 0.05)).startswith(
        "ID+TS CON is better, on these seeds, than ID by"
    )
    assert _say(_contrast(-0.031, 0.05)).startswith("ID+TS CON is worse, on these seeds, than ID:")


def test_one_seed_never_beats_and_says_that_seeds_are_not_measured() -> None:
    said = _say(_contrast(0.031, 0.019, seeds=1))
    assert said.startswith("ID+TS CON is better, on these seeds, than ID by +3.1 points")
    assert "(1 seed, 671 users, Holm p = .004, seed variation not measured)" in said


def test_an_open_question_says_how_many_users_or_seeds_would_settle_it() -> None:
    """The equation behind 867 users and 16 seeds is checked in test_statistics."""
    said = _say(_contrast(0.02, 0.03, p_holm=0.2, v=1e-4, w=2e-5))
    assert said.startswith(
        "ID+TS CON is not distinguishable from ID: +2.0 points HR@10 [−1.0, +5.0]"
    )
    assert said.endswith("it would take about 870 users (1.3× as many) or 16 seeds to show it.")


def test_an_open_question_nothing_can_settle_says_so() -> None:
    said = _say(_contrast(0.0001, 0.03, p_holm=1))
    assert said.endswith("neither more users nor more seeds alone would tell them apart.")


def test_users_alone_never_settle_what_was_run_on_one_seed() -> None:
    said = _say(_contrast(0.01, 0.03, p_holm=0.2, seeds=1, v=1e-4, w=0.0))
    assert said.endswith("about 2,600 users (3.9× as many) and 3 seeds to show it.")


def test_what_cannot_be_compared_says_why() -> None:
    one = Contrast("HR@10", "a", "b", "named", problem="no seed has finished in both arms")
    assert _say(one) == "a and b cannot be compared on HR@10: no seed has finished in both arms."


def test_headline_has_a_sentence_per_named_contrast_on_the_selected_metric(tmp_path: Path) -> None:
    named = [{"better": "E2E", "than": "ID"}, {"better": "TS", "than": "ID"}]
    summary = summarise(FakeStudy(overrides={"contrasts": named}).write(tmp_path))
    lines = verdict.headline(summary, compare(summary))
    assert [line.split()[0] for line in lines] == ["E2E", "TS"]
    assert all("HR@10" in line for line in lines)


def test_without_named_contrasts_the_best_arm_is_exploratory(tmp_path: Path) -> None:
    summary = summarise(FakeStudy().write(tmp_path))
    (line,) = verdict.headline(summary, compare(summary))
    assert line.startswith("No contrast was named beforehand. Exploratory: E2E ")


@pytest.mark.parametrize(
    ("study", "line"),
    [
        (FakeStudy(arms=()), "No arm yet."),
        (FakeStudy(arms=SMALL[:1]), "One arm alone has nothing to be compared with."),
        (
            FakeStudy(statuses={("ID", "final", index): "failed" for index in range(3)}),
            "No verdict yet: no seed has finished in two arms that are to be compared.",
        ),
    ],
)
def test_nothing_to_compare_is_no_verdict(tmp_path: Path, study: FakeStudy, line: str) -> None:
    summary = summarise(study.write(tmp_path))
    assert verdict.headline(summary, compare(summary)) == (line,)


def test_caveats_name_few_seeds_and_the_width_of_the_intervals(tmp_path: Path) -> None:
    summary = summarise(FakeStudy(arms=SMALL[:2], seeds=(1,), num_users=120).write(tmp_path))
    contrasts = compare(summary)
    seeds, users = verdict.caveats(summary, contrasts)[:2]
    (width,) = [
        (one.difference.high - one.difference.low) / 2
        for one in contrasts
        if one.difference and one.kind == "exploratory" and one.metric == "HR@10"
    ]
    assert seeds.startswith("Seed variation not measured: 1 seed per arm; 3 or more are needed")
    assert users.startswith(
        f"With 120 test users an interval on HR@10 is about ±{100 * width:.1f} points wide"
    )


def test_arms_not_above_popularity_are_named(tmp_path: Path) -> None:
    weak = tuple(type(arm)(arm.name, arm.item, -1.5, arm.epoch_s) for arm in SMALL[:2])
    summary = summarise(FakeStudy(arms=weak).write(tmp_path))
    lines = verdict.caveats(summary, compare(summary))
    assert (
        "Not shown to be better than recommending the most popular items (HR@10): ID, TS." in lines
    )


def test_unfinished_trials_are_counted_and_named(tmp_path: Path) -> None:
    statuses = {
        ("ID", "final", 0): "failed",
        ("TS", "final", 1): "collapsed",
        ("E2E", "final", 2): "missing",
        ("TS", "search", 0): "failed",
    }
    summary = summarise(FakeStudy(statuses=statuses, state="interrupted").write(tmp_path))
    named = {trial.status: trial.trial_id for trial in summary.trials if trial.role == "final"}
    lines = verdict.unfinished(summary)
    assert lines == (
        "The study is interrupted; numbers will change.",
        "1 of 9 final trials still to come.",
        f"1 final trial failed: {named['failed']} (ID).",
        f"1 final trial collapsed: {named['collapsed']} (TS).",
        f"1 trial without a record: {named['missing']} (E2E).",
    )
    assert any(line.startswith("1 search trial failed:") for line in verdict.caveats(summary, ()))


def test_of_many_trials_six_are_named_and_the_others_counted(tmp_path: Path) -> None:
    statuses = {("TS", "search", index): "missing" for index in range(9)}
    summary = summarise(FakeStudy(arms=SMALL[:2], searches=9, statuses=statuses).write(tmp_path))
    (line,) = verdict.unfinished(summary)
    lost = [trial.trial_id for trial in summary.trials if trial.status == "missing"]
    named = ", ".join(f"{name} (TS)" for name in lost[:6])
    assert line == f"9 trials without a record: {named}, and 3 more, see Trials."


def test_a_whole_study_has_nothing_unfinished(tmp_path: Path) -> None:
    assert verdict.unfinished(summarise(FakeStudy(arms=SMALL[:1]).write(tmp_path))) == ()


TWO = {"MIND": None, "HM": ("ID", "TS")}


def test_over_several_data_sets_each_sentence_names_its_own(tmp_path: Path) -> None:
    named = [{"better": "E2E", "than": "ID"}, {"better": "TS", "than": "ID"}]
    study = FakeStudy(datasets=TWO, searches=0, overrides={"contrasts": named})
    summary = summarise(study.write(tmp_path))
    lines = verdict.headline(summary, compare(summary))
    assert [" ".join(line.split()[:2]) for line in lines] == ["MIND: E2E", "MIND: TS", "HM: TS"]


def test_the_overview_says_where_a_contrast_holds(tmp_path: Path) -> None:
    named = [{"better": "E2E", "than": "ID"}]
    study = FakeStudy(
        datasets={"MIND": None, "HM": None, "Bili": None},
        searches=0,
        overrides={"contrasts": named},
    )
    summary = summarise(study.write(tmp_path))
    found = (("MIND", 0.031), ("HM", 0.0001), ("Bili", 0.031))
    contrasts = tuple(
        replace(_contrast(mean, 0.019, p_holm=0.001 if mean > 0.01 else 1), dataset=dataset)
        for dataset, mean in found
    )
    assert verdict.overview(summary, contrasts) == (
        "ID+TS CON beats ID on MIND and Bili; is not distinguishable from it on HM.",
    )


def test_one_data_set_needs_no_overview(tmp_path: Path) -> None:
    summary = summarise(FakeStudy(overrides={}).write(tmp_path))
    assert verdict.overview(summary, compare(summary)) == ()


def test_caveats_over_several_data_sets_are_one_line_each(tmp_path: Path) -> None:
    weak = tuple(type(arm)(arm.name, arm.item, -1.5, arm.epoch_s) for arm in SMALL)
    study = FakeStudy(arms=weak, datasets=TWO, searches=0)
    summary = summarise(study.write(tmp_path))
    users, popularity = verdict.caveats(summary, compare(summary))
    assert "points wide on MIND (300 test users), ±" in users
    assert "points wide on HM (300 test users): smaller" in users
    assert popularity.endswith("(HR@10): ID, TS, E2E on MIND; ID, TS on HM.")


def test_an_exhausted_search_and_an_arm_that_is_given_up_have_no_trials_to_come(
    tmp_path: Path,
) -> None:
    failed = {("TS", "search", index): "failed" for index in range(MAX_FAILURES)}
    nothing_more = {("TS", "final", index): "not asked" for index in range(3)}
    study = FakeStudy(
        arms=SMALL[:2],
        searches=MAX_FAILURES,
        state="running",
        statuses=failed | nothing_more,
        overrides={"budget": {"trials": 40}},
    )
    done = (MAX_FAILURES + 3) + MAX_FAILURES
    said = verdict.progress(summarise(study.write(tmp_path)))
    assert said.startswith(f"{done} of {done} trials have ended")
