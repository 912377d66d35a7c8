"""The caveats under the verdict: few seeds, few users, arms no better than a reference."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from morec.config import FilesSpec
from reports.study.caveats import caveats
from reports.study.contrasts import compare
from reports.study.summary import StudySummary, summarise
from tests.reports.made_up_studies import SMALL, Arm, FakeStudy, set_references
from tune_space.ledger.manifest import ArmEntry, Preparation
from tune_space.ledger.records import Ledger


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


@pytest.mark.parametrize(
    ("ties", "says"),
    [
        ("hash", "A hash of user and item orders them, so that no model can learn the order"),
        ("file", "The file's order decides which of them is the target"),
        ("item", "The order of items decides which is the target, and models of IDs can learn it"),
    ],
)
def test_ties_above_five_percent_stand_beside_the_verdict(tmp_path: Path, ties, says) -> None:
    summary = summarise(FakeStudy(arms=SMALL[:2], num_users=300).write(tmp_path))
    (entry,) = summary.manifest.datasets

    def lines(num_tied: int) -> list[str]:
        counts = {"tied_test_targets": num_tied}
        tied = entry.model_copy(update={"counts": counts, "ties": ties, "num_users": 300})
        manifest = summary.manifest.model_copy(update={"datasets": (tied,)})
        found = caveats(replace(summary, manifest=manifest), compare(summary))
        return [line for line in found if "of the test targets" in line]

    assert lines(15) == []
    assert lines(16) == [
        "5.3% of the test targets have the time of the interaction before them. "
        f"{says} (dataset.ties: {ties}); another order may move the verdict. The slice of untied "
        "targets shows the others."
    ]


def test_arms_below_a_reference_are_named_reference_by_reference(tmp_path: Path) -> None:
    weak = tuple(replace(arm, strength=-1.5) for arm in SMALL[:2])
    folder = FakeStudy(arms=weak).write(tmp_path)
    (popularity, _) = summarise(folder).manifest.references
    set_references(folder, (popularity, popularity.model_copy(update={"name": "last item"})))
    summary = summarise(folder)
    assert caveats(summary, compare(summary))[-3:] == (
        "Worse than the reference popularity (HR@10): ID, TS.",
        "Worse than the reference last item (HR@10): ID, TS.",
        "Neither side of TS against ID is shown to be better than popularity, last item: "
        "a comparison of two weak sides is not an answer.",
    )


def test_caveats_over_several_data_sets_are_one_line_each(tmp_path: Path) -> None:
    weak = tuple(replace(arm, strength=-1.5) for arm in SMALL)
    study = FakeStudy(arms=weak, datasets={"MIND": None, "HM": ("ID", "TS")}, searches=0)
    summary = summarise(study.write(tmp_path))
    users, popularity, on_mind, on_hm = caveats(summary, compare(summary))
    assert "points on MIND (300 test users), ±" in users
    assert "points on HM (300 test users): smaller" in users
    assert popularity.endswith("(HR@10): ID, TS, E2E on MIND; ID, TS on HM.")
    assert "Neither side of TS against ID; E2E against ID on MIND is shown" in on_mind
    assert "Neither side of TS against ID on HM is shown" in on_hm


def said_with_data(study: FakeStudy, folder: Path, **update: object) -> tuple[str, ...]:
    """The caveats of a study whose first data set has these fields."""
    ledger = Ledger(study.write(folder))
    manifest = ledger.read_manifest()
    assert manifest is not None
    first, *others = manifest.datasets
    entries = (first.model_copy(update=update), *others)
    ledger.write_manifest(manifest.model_copy(update={"datasets": entries}))
    summary = summarise(folder)
    return caveats(summary, compare(summary))


def test_what_must_be_known_of_the_data_stands_beside_the_verdict(tmp_path: Path) -> None:
    counts = {"ties_of_times_that_look_rounded": 1234}
    said = said_with_data(FakeStudy(arms=SMALL[:2]), tmp_path, notes=("No times.",), counts=counts)
    assert said[-2:] == (
        "No times.",
        "The times look rounded: 1,234 interactions have the time of the same user's interaction "
        "before them.",
    )
    several = FakeStudy(arms=SMALL, datasets={"MIND": None, "HM": ("ID", "TS")}, searches=0)
    assert said_with_data(several, tmp_path / "two", notes=("No times.",))[-1] == "MIND: No times."


def test_equal_titles_are_a_caveat_where_an_arm_reads_text(tmp_path: Path) -> None:
    study = FakeStudy(arms=SMALL[:2])
    line = "All titles are equal or empty: encoders of text cannot tell items apart."
    same = {"empty_titles": 2, "repeated_titles": study.num_items - 3}
    assert said_with_data(study, tmp_path / "same", counts=same)[-1] == line
    two = {**same, "empty_titles": 1}
    assert line not in said_with_data(study, tmp_path / "two", counts=two)
    no_text = FakeStudy(arms=SMALL[:1])
    assert line not in said_with_data(no_text, tmp_path / "id", counts=same)
    assert line not in said_with_data(study, tmp_path / "none", counts={})
    item = {"id": True, "id_init": {"text": {"name": "minilm"}}}
    started = FakeStudy(arms=(SMALL[0], Arm("ID from text", item, 1.0, 3.0)))
    assert said_with_data(started, tmp_path / "started", counts=same)[-1] == line


def test_equal_titles_are_none_where_arms_read_templates_of_columns(tmp_path: Path) -> None:
    study = FakeStudy(arms=SMALL[:2])
    same = {"empty_titles": 2, "repeated_titles": study.num_items - 3}
    summary = summarise(study.write(tmp_path))
    (entry,) = summary.manifest.datasets
    data = {"datasets": (entry.model_copy(update={"counts": same}),)}
    arms = tuple(replace(arm, entry=_with_template(arm.entry)) for arm in summary.arms)
    manifest = summary.manifest.model_copy(update=data)
    assert said(replace(summary, manifest=manifest), "All titles")
    assert not said(replace(summary, manifest=manifest, arms=arms), "All titles")


def _with_template(entry: ArmEntry) -> ArmEntry:
    if (text := entry.config.item.text) is None:
        return entry
    other = text.model_copy(update={"template": "{title}. {brand}"})
    item = entry.config.item.model_copy(update={"text": other})
    return entry.model_copy(update={"config": entry.config.model_copy(update={"item": item})})


def test_encoders_that_are_read_otherwise_than_meant_are_named_once(tmp_path: Path) -> None:
    summary = summarise(FakeStudy(arms=SMALL[:2]).write(tmp_path))
    line = "minilm is read with pooling cls; its authors mean pooling mean."
    made = {"name": "text", "key": "features-1", "seconds": 1.0, "num_bytes": 1}
    preparations = tuple(
        Preparation.model_validate({**made, "used_by": (name,), "caveats": (line,)})
        for name in ("TS", "TS", "gone")
    )

    def found(*used: Preparation) -> list[str]:
        update = {"preparations": used}
        manifest = summary.manifest.model_copy(update=update)
        return said(replace(summary, manifest=manifest), "is read with")

    assert found(*preparations) == [line]
    assert found(preparations[-1]) == []


def said(summary: StudySummary, words: str) -> list[str]:
    """The caveats with these words."""
    return [line for line in caveats(summary, compare(summary)) if words in line]


def with_data(summary: StudySummary, **changes: Any) -> StudySummary:
    """The same study with other numbers of its data."""
    datasets = tuple(one.model_copy(update=changes) for one in summary.manifest.datasets)
    return replace(summary, manifest=summary.manifest.model_copy(update={"datasets": datasets}))


def test_forced_misses_stand_beside_the_verdict_with_share_and_cure(tmp_path: Path) -> None:
    summary = summarise(FakeStudy(searches=0, num_forced_misses=168).write(tmp_path))
    assert said(summary, "forced misses") == [
        "synthetic: 168 of 300 test targets (56.0%) are forced misses. The user's history already "
        "holds the target, and the history is masked. So every arm misses them at every k: no HR "
        "exceeds 44.0%. evaluation.mask_history: false ranks them."
    ]


def test_forced_misses_are_named_per_data_set_and_before_the_first_final_trial(
    tmp_path: Path,
) -> None:
    study = FakeStudy(searches=0, num_forced_misses=3, datasets={"MIND": None, "HM": None})
    statuses = {
        (f"{key}/{arm.name}", "final", n): "not asked"
        for key in ("MIND", "HM")
        for arm in SMALL
        for n in range(3)
    }
    for case, one in {"ended": study, "begun": replace(study, statuses=statuses)}.items():
        found = said(summarise(one.write(tmp_path / case)), "forced misses")
        assert [line.split(" test targets")[0] for line in found] == [
            "MIND: 3 of 300",
            "HM: 3 of 300",
        ]


def test_kept_repeats_can_be_dropped_instead(tmp_path: Path) -> None:
    statuses = {(arm.name, "final", n): "not asked" for arm in SMALL for n in range(3)}
    study = FakeStudy(searches=0, num_forced_misses=3, statuses=statuses)
    summary = summarise(study.write(tmp_path))
    for repeats, cure in {"keep": ", and dataset.repeats: first drops them.", "first": "."}.items():
        data = FilesSpec.model_validate(
            {"kind": "files", "interactions": "rows.csv", "repeats": repeats}
        )
        configs = (arm.entry.config.model_copy(update={"dataset": data}) for arm in summary.arms)
        arms = tuple(
            replace(arm, entry=arm.entry.model_copy(update={"config": config}))
            for arm, config in zip(summary.arms, configs, strict=True)
        )
        (found,) = said(replace(summary, arms=arms), "forced misses")
        assert found.endswith(f"evaluation.mask_history: false ranks them{cure}")


def test_without_forced_misses_wide_cutoffs_and_repeats_nothing_is_said(tmp_path: Path) -> None:
    summary = summarise(FakeStudy(searches=0).write(tmp_path))
    for words in ("forced", "candidates", "repeat"):
        assert said(summary, words) == []


def test_a_cutoff_of_a_whole_catalogue_is_named(tmp_path: Path) -> None:
    summary = with_data(summarise(FakeStudy(searches=0).write(tmp_path)), num_items=10)
    assert said(summary, "candidates") == [
        "HR@10 ranks 10 candidates: every target that is ranked hits, so no arm can be better "
        "there. Set evaluation.ks well below 10."
    ]


@pytest.mark.parametrize(
    ("chance", "num_forced_misses", "numbers"),
    [
        (0.83, 0, "83.0% of at most 100.0%"),
        (0.5, 0, "50.0% of at most 100.0%"),
        (0.49, 0, None),
        (0.3, 210, "30.0% of at most 30.0%"),
        (0.14, 210, None),
    ],
)
def test_a_cutoff_of_which_chance_hits_half_of_what_can_be_hit_is_named(
    chance: float, num_forced_misses: int, numbers: str | None, tmp_path: Path
) -> None:
    folder = FakeStudy(searches=0, num_forced_misses=num_forced_misses).write(tmp_path)
    (_, reference) = summarise(folder).manifest.references
    set_references(
        folder, (reference.model_copy(update={"test": {"HR@10": chance, "NDCG@10": 0.9}}),)
    )
    expected = [
        f"A random order of the candidates already has HR@10 {numbers}: 10 is close to their "
        "number, so differences between arms are small there. Set a lower evaluation.ks."
    ]
    assert said(summarise(folder), "random order") == (expected if numbers else [])


@pytest.mark.parametrize(
    ("rule", "num", "expected"),
    [
        ("kept", 370, "37.0% of the rows repeat an earlier pair of user and item (370 rows): they "
         "are kept."),
        ("dropped", 100, "10.0% of the rows repeat an earlier pair of user and item (100 rows): "
         "only the first of each stays."),
        ("dropped", 99, None),
    ],
)  # fmt: skip
def test_many_repeated_pairs_are_said(
    rule: str, num: int, expected: str | None, tmp_path: Path
) -> None:
    counts = {"rows_read": 1_000, f"repeated_interactions_{rule}": num}
    summary = with_data(summarise(FakeStudy(searches=0).write(tmp_path)), counts=counts)
    assert said(summary, "repeat an earlier") == ([expected] if expected else [])


@pytest.mark.parametrize(
    ("lost", "users", "expected"),
    [
        (3, ("TS", "elsewhere"), "TS: the features (text) of the 40 train items differ in 37 of 40 "
         "directions; whiten and pca leave out the others."),
        (0, ("TS",), None),
        (3, ("elsewhere",), None),
    ],
)  # fmt: skip
def test_fewer_train_items_than_dimensions_of_processed_features_are_said(
    lost: int, users: tuple[str, ...], expected: str | None, tmp_path: Path
) -> None:
    counts = {"train_items_fitted": 40, "directions": 37, "directions_without_spread": lost}
    made = Preparation(
        name="text", key="f" * 16, seconds=1, num_bytes=1, used_by=users, counts=counts
    )
    summary = summarise(FakeStudy(arms=SMALL[:2], searches=0).write(tmp_path))
    manifest = summary.manifest.model_copy(update={"preparations": (made,)})
    found = said(replace(summary, manifest=manifest), "directions")
    assert found == ([expected] if expected else [])
