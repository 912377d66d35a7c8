"""Whether a verdict holds: rows, families, trials that conditions share, and the error rate."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from reports.study import holds
from reports.study.contrasts import Contrast, Finding, compare
from reports.study.holds import ConditionRow, HeldContrast, adjusted, held_contrasts
from reports.study.holds_words import holds_sentence
from reports.study.places import Place
from reports.study.statistics import Difference, family_p, paired_difference
from reports.study.summary import StudySummary, summarise
from tests.reports.made_up_studies import FakeStudy

CONDITIONS = {
    "published": {},
    "strong ID": {"ID": 0.6},
    "same": {},
    "by time": {"ID": 0.1, "TS": 0.1, "E2E": 0.1},
}
NAMED = {"contrasts": [{"better": "TS", "than": "ID"}]}


def _summary(folder: Path, **fields: object) -> StudySummary:
    given = {"conditions": CONDITIONS, "searches": 0, "overrides": NAMED} | fields
    return summarise(FakeStudy(**given).write(folder))  # type: ignore[arg-type]


def _held(folder: Path, **fields: object) -> tuple[HeldContrast, ...]:
    summary = _summary(folder, **fields)
    return held_contrasts(summary, compare(summary))


def test_a_study_without_conditions_has_no_such_block(tmp_path: Path) -> None:
    assert _held(tmp_path, conditions={}) == ()


def test_each_contrast_has_a_row_per_condition_with_the_difference_there(tmp_path: Path) -> None:
    summary = _summary(tmp_path)
    (held,) = held_contrasts(summary, compare(summary))
    assert (held.better, held.than, held.kind) == ("TS", "ID", "named")
    assert [row.contrast.place.condition for row in held.rows] == list(CONDITIONS)
    for row in held.rows:
        better, than = (
            summary.arm(f"{row.contrast.place.condition}/{name}") for name in ("TS", "ID")
        )
        assert better is not None and than is not None and row.contrast.difference is not None
        expected = (better.mean("HR@10") or 0) - (than.mean("HR@10") or 0)
        assert row.contrast.difference.mean == pytest.approx(expected)


def test_without_named_contrasts_every_arm_is_held_against_the_baseline(tmp_path: Path) -> None:
    held = _held(tmp_path, overrides={})
    assert [(one.better, one.than, one.kind) for one in held] == [
        ("TS", "ID", "exploratory"),
        ("E2E", "ID", "exploratory"),
    ]


def test_holm_covers_the_rows_of_one_contrast_and_leaves_the_headline_as_it_is(
    tmp_path: Path,
) -> None:
    """By hand: sorted p times 3, 2, 1, never falling, at most 1."""
    summary = _summary(tmp_path, num_users=150)
    contrasts = compare(summary)
    (held,) = held_contrasts(summary, contrasts)
    raw = [row.contrast.difference.p for row in held.counted if row.contrast.difference]
    first, second, third = sorted(raw)
    steps = [3 * first, max(3 * first, 2 * second), max(3 * first, 2 * second, third)]
    by_p = dict(zip(sorted(raw), steps, strict=True))
    assert [row.contrast.p_holm for row in held.counted] == [
        pytest.approx(min(1, by_p[p])) for p in raw
    ]
    (headline,) = (
        one
        for one in contrasts
        if (one.kind, one.place, one.metric) == ("named", Place("", "published"), "HR@10")
    )
    assert headline.p_t_holm is None
    assert replace(held.rows[0].contrast, p_holm=headline.p_holm, p_t_holm=None) == headline


def test_a_row_whose_two_arms_do_not_change_is_not_counted(tmp_path: Path) -> None:
    (held,) = _held(tmp_path)
    same = held.rows[2]
    assert (same.same_as, same.notes) == ("published", ("not changed by this condition",))
    assert same.contrast.difference == held.rows[0].contrast.difference
    assert same.contrast.p_holm is None and same.contrast.finding is Finding.NONE
    assert [row.contrast.place.condition for row in held.counted] == [
        "published",
        "strong ID",
        "by time",
    ]
    assert held.rows[1].notes == ("TS: not changed by this condition",)
    assert held.rows[1].counts


def test_trials_of_another_condition_than_the_first_are_named_with_it(tmp_path: Path) -> None:
    summary = _summary(tmp_path)
    arms = list(summary.manifest.arms)
    changed = [arm for arm in arms if arm.condition == "by time"]
    copies = [
        arm.model_copy(update={"condition": "same", "name": f"same/{arm.own_name}"})
        for arm in changed
    ]
    manifest = summary.manifest.model_copy(
        update={"arms": tuple([a for a in arms if a.condition != "same"] + copies)}
    )
    own = {arm.name: arm for arm in summary.arms}
    rebuilt = tuple(
        replace(
            own[entry.name if entry.condition != "same" else f"by time/{entry.own_name}"],
            entry=entry,
        )
        for entry in manifest.arms
    )
    made = replace(summary, manifest=manifest, arms=rebuilt)
    (held,) = held_contrasts(made, compare(made))
    assert held.rows[3].notes == (
        "not changed by this condition (the same trials as under “same”)",
    )
    assert held.rows[3].same_as == "same"


def test_what_has_no_result_is_said_and_keeps_its_place_in_the_family(tmp_path: Path) -> None:
    statuses = {("strong ID/ID", "final", index): "not asked" for index in range(3)}
    statuses |= {("by time/TS", "final", index): "failed" for index in range(3)}
    summary = _summary(tmp_path, statuses=statuses, num_users=150)
    (held,) = held_contrasts(summary, compare(summary))
    published, strong, _, by_time = held.rows
    assert strong.is_pending and strong.notes[-1] == "not finished"
    assert not by_time.is_pending
    assert by_time.notes[-1] == "no seed has finished in both arms"
    assert published.contrast.difference is not None
    assert published.contrast.p_holm == pytest.approx(min(1, 3 * published.contrast.difference.p))
    assert {strong.contrast.finding, by_time.contrast.finding} == {Finding.NONE}


def test_a_condition_of_which_nothing_is_recorded_has_a_row(tmp_path: Path) -> None:
    summary = _summary(tmp_path)
    arms = tuple(arm for arm in summary.arms if arm.entry.condition != "by time")
    part = replace(summary, arms=arms)
    (held,) = held_contrasts(part, compare(part))
    assert held.rows[3].is_pending and held.rows[3].notes == ("not finished",)
    assert held.rows[3].contrast.place == Place("", "by time")


def test_seeds_that_are_missing_are_counted_in_the_row(tmp_path: Path) -> None:
    (held,) = _held(tmp_path, statuses={("by time/TS", "final", 1): "failed"})
    assert held.rows[3].notes == ("2 of 3 seeds",)
    assert held.rows[3].contrast.finding not in (Finding.BETTER, Finding.WORSE)


def test_several_data_sets_have_a_row_each(tmp_path: Path) -> None:
    (held,) = _held(tmp_path, datasets={"MIND": None, "HM": ("ID", "TS")}, num_users=50)
    assert [row.contrast.place.key for row in held.rows][:3] == [
        "MIND, published",
        "HM, published",
        "MIND, strong ID",
    ]
    assert len(held.rows) == 8 and len(held.counted) == 6 and held.is_several
    (only,) = _held(
        tmp_path / "mind",
        datasets={"MIND": None, "HM": ("ID", "TS")},
        overrides={"contrasts": [{"better": "E2E", "than": "ID"}]},
    )
    assert {row.contrast.place.dataset for row in only.rows if row.contrast.difference} == {"MIND"}


def _differences(*numbers: tuple[float, float, float]) -> list[Difference]:
    """Of means, v and w, on 3 seeds and 1,000 users, with p-values that never stand in the way."""
    return [Difference(m, m / 2, m, 1e-4, v, w, 3, 3, 1_000) for m, v, w in numbers]


def test_a_lucky_small_variation_over_seeds_does_not_make_a_row_firm() -> None:
    """Alone, the row is beyond doubt; beside rows whose seeds vary, it is not."""
    lucky = (0.01, 1e-6, 1e-8)
    alone, beside = _differences(lucky), _differences(lucky, *[(0.01, 1e-6, 1e-4)] * 5)
    found = [adjusted([_row(one) for one in given])[0] for given in (alone, beside)]
    assert [row.contrast.finding for row in found] == [
        Finding.BETTER,
        Finding.BETTER_THESE_SEEDS,
    ]


def _row(difference: Difference) -> ConditionRow:
    place = Place("", f"condition {difference.seed_variance}")
    seeds = (1, 2, 3)
    contrast = Contrast("HR@10", "TS", "ID", "named", place, seeds, difference)
    return ConditionRow(contrast)


NULLS = {
    "own users": (0.0, 0.0),
    "shared users": (0.9, 0.0),
    "seeds that vary little": (0.0, 0.1),
    "seeds that vary much": (0.0, 0.3),
}
"""Share of the users' effects that conditions have in common, and the sd of a seed's offset."""
NUM_STUDIES = 300


def _claims(null: str) -> tuple[float, float]:
    """Shares of null studies of 6 conditions whose sentence claims anything, and firmly."""
    claimed, firm = 0, 0
    for rows in _null_studies(null):
        text = holds_sentence(HeldContrast("TS", "ID", "named", adjusted(rows)))
        claimed += text != "TS is not distinguishable from ID under any of the 6 conditions."
        without = text.replace("worse, on these seeds,", "").replace("better, on these seeds,", "")
        firm += any(word in without for word in ("beats", "worse", "better"))
    return claimed / NUM_STUDIES, firm / NUM_STUDIES


@cache
def _null_studies(null: str) -> list[list[ConditionRow]]:
    """Rows of many studies, before any adjustment."""
    rng = np.random.default_rng(7)
    return [_null_study(rng, *NULLS[null]) for _ in range(NUM_STUDIES)]


def _null_study(rng: np.random.Generator, shared: float, offset: float) -> list[ConditionRow]:
    """Two equal arms under 6 conditions: 3 seeds, 250 users, hits where a score is high."""
    common_U = rng.normal(0, 1, (2, 1, 250))
    rows = []
    for number in range(6):
        own_U = rng.normal(0, 1, (2, 1, 250))
        tastes_U = np.sqrt(shared) * common_U + np.sqrt(1 - shared) * own_U
        noise_SU = rng.normal(0, 0.4, (2, 3, 250)) + rng.normal(0, offset, (2, 3, 1))
        hits_SU = (tastes_U + noise_SU > 0.8).astype(np.float64)
        difference = paired_difference(hits_SU[0], hits_SU[1], num_flips=999)
        place = Place("", str(number))
        contrast = Contrast("HR@10", "TS", "ID", "named", place, (1, 2, 3), difference)
        rows.append(ConditionRow(contrast))
    return rows


def test_where_no_condition_has_a_difference_one_in_twenty_sentences_claims_one() -> None:
    claimed, firm = _claims("own users")
    assert 0.02 <= claimed <= 0.08
    assert firm <= claimed


def test_conditions_that_share_their_users_make_holm_cautious() -> None:
    claimed, _ = _claims("shared users")
    assert claimed <= 0.06


@pytest.mark.parametrize("null", ["seeds that vary little", "seeds that vary much"])
def test_seeds_that_vary_make_no_firm_claims(null: str) -> None:
    """What is said of these seeds may be true of them; "beats" and "worse" are of other seeds."""
    claimed, firm = _claims(null)
    assert firm <= 0.08 < claimed


def test_without_holm_far_more_sentences_would_claim_a_difference(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(holds, "holm", tuple)
    claimed, _ = _claims("own users")
    assert claimed > 0.12


def test_the_p_of_a_family_is_that_of_a_t_test_with_the_pooled_variance() -> None:
    """By hand: w of the family is the mean of w here; 6 seeds in two rows leave 4 degrees."""
    low, high = _differences((0.01, 0.0, 1e-5), (0.01, 0.0, 3e-5))
    expected = [2 * stats.t.sf(0.01 / np.sqrt(w), 4) for w in (2e-5, 3e-5)]
    assert family_p([low, high]) == pytest.approx(expected)
    one_seed = replace(low, num_seeds=1, seed_variance=0.0, user_variance=4e-6)
    assert family_p([one_seed]) == pytest.approx([2 * stats.t.sf(5, 999)])
    still = replace(one_seed, user_variance=0.0)
    assert family_p([still, replace(still, mean=0.0)]) == (0.0, 1.0)
