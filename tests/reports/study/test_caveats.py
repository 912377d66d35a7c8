"""The caveats under the verdict: few seeds, few users, arms no better than a reference."""

from dataclasses import replace
from pathlib import Path

from reports.study.caveats import caveats
from reports.study.contrasts import compare
from reports.study.summary import summarise
from tests.reports.made_up_studies import SMALL, FakeStudy, set_references


def test_caveats_name_few_seeds_and_the_width_of_the_intervals(tmp_path: Path) -> None:
    summary = summarise(FakeStudy(arms=SMALL[:2], seeds=(1,), num_users=120).write(tmp_path))
    contrasts = compare(summary)
    seeds, users = caveats(summary, contrasts)[:2]
    (width,) = [
        (one.difference.high - one.difference.low) / 2
        for one in contrasts
        if one.difference and one.kind == "exploratory" and one.metric == "HR@10"
    ]
    assert seeds == (
        "Seed variation is not measured: 1 seed per arm. "
        "With fewer than 3 seeds, the verdict holds for these training runs only."
    )
    assert users == (
        f"With 120 test users, a 95% interval on HR@10 is about ±{100 * width:.1f} points: "
        "smaller differences cannot be detected."
    )


def test_arms_not_above_a_reference_are_named_reference_by_reference(tmp_path: Path) -> None:
    weak = tuple(replace(arm, strength=-1.5) for arm in SMALL[:2])
    folder = FakeStudy(arms=weak).write(tmp_path)
    (popularity, _) = summarise(folder).manifest.references
    set_references(folder, (popularity, popularity.model_copy(update={"name": "last item"})))
    summary = summarise(folder)
    assert caveats(summary, compare(summary))[-2:] == (
        "Not shown to be better than the reference popularity (HR@10): ID, TS.",
        "Not shown to be better than the reference last item (HR@10): ID, TS.",
    )


def test_caveats_over_several_data_sets_are_one_line_each(tmp_path: Path) -> None:
    weak = tuple(replace(arm, strength=-1.5) for arm in SMALL)
    study = FakeStudy(arms=weak, datasets={"MIND": None, "HM": ("ID", "TS")}, searches=0)
    summary = summarise(study.write(tmp_path))
    users, popularity = caveats(summary, compare(summary))
    assert "points on MIND (300 test users), ±" in users
    assert "points on HM (300 test users): smaller" in users
    assert popularity.endswith("(HR@10): ID, TS, E2E on MIND; ID, TS on HM.")
