"""The audit of small studies: everything that is said of them, in its order."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from morec.metrics import NEVER_FOUND, metrics_of
from morec.results import TrialResult, TrialStatus, pack_ranks
from tests.tune_space.commands.finished_studies import (
    NUM_USERS,
    arm,
    edit,
    ranked,
    record,
    result_of,
    run_all,
    set_at,
)
from tests.tune_space.made_up_trials import conductor_of, end, sources, study
from tune_space.commands.audit import PROMISES, Audit, audit
from tune_space.ledger.manifest import Reference
from tune_space.ledger.records import Ledger
from tune_space.schedule.jobs import Job
from tune_space.study.expand import configure, expand

SMALL: dict[str, Any] = {"arms": {"ID": {}}, "search": {}, "seeds": [1]}
"""One arm and one trial."""
DATA = {"name": "d", "sha256": "d0", "is_synthetic": True, "num_users": NUM_USERS}
DATA |= {"num_items": 30, "num_interactions": 400, "counts": {}}


@pytest.mark.parametrize(
    ("problems", "expected"),
    [
        ((), [f"audit: pass (3 records, 2 arms): {PROMISES}"]),
        (("a",), ["audit: 1 point off (3 records, 2 arms)"]),
        (("a", "b"), ["audit: 2 points off (3 records, 2 arms)"]),
    ],
)
def test_points_come_first_then_notes_then_the_sum(problems: Any, expected: list[str]) -> None:
    found = Audit(3, 2, problems, ("n", "m")).format_lines()
    off = [f"off: {problem}" for problem in problems]
    assert found == [*off, "note: n", "note: m", *expected]


def test_every_part_of_an_audit_adds_its_problems_to_those_before(tmp_path: Path) -> None:
    arms = {"ID": {}, "wide": {"set": {"model.dim": 1024}}, "gone": {"set": {"model.dim": 32}}}
    run_all(tmp_path, **SMALL | {"arms": arms, "seeds": [1, 2]})
    first, second = arm(tmp_path).final
    third, fourth = arm(tmp_path, "wide").final
    edit(record(tmp_path, first), set_at("best_epoch", 99))
    wrong = Ledger(tmp_path).read(second)
    assert wrong is not None and wrong.test is not None
    edit(record(tmp_path, second), set_at("test.metrics.HR@10", 1.0))
    fewer = ranked(0.5, np.random.default_rng(0)).model_dump()
    fewer |= {"num_users": 2, "packed_ranks": pack_ranks([3, 3])}
    fewer |= {"metrics": metrics_of(np.array([3, 3]), [10])}
    edit(record(tmp_path, third), set_at("test", fewer))
    reference = Reference(
        name="chance", valid={}, test={"HR@10": 0.9}, test_evaluation=wrong.test
    ).model_dump(mode="json")

    def forge(manifest: dict[str, Any]) -> None:
        manifest |= {"state": "interrupted", "references": [reference]}
        manifest["arms"][1]["final"].pop()
        manifest["arms"][2]["name"] = "other"

    edit(tmp_path / "manifest.json", forge)
    found = audit(tmp_path)
    assert (found.num_records, found.num_arms) == (5, 3)
    unreadable, *problems = found.problems
    assert unreadable.startswith(f"{record(tmp_path, first)}: not a TrialResult of this version")
    ten = wrong.test.metrics["HR@10"]
    assert problems == [
        "manifest: the study is interrupted, not finished",
        "manifest: chance: its test metrics are not those of its ranks",
        f"{second}: test: HR@10 is 1.0; the ranks give {ten}",
        f"{third}: users ranked in test: 2; other trials on the same data: 40",
        "arm 'gone': not in the manifest",
        "arm 'other': not in the study",
        f"arm 'ID': {first}: no record",
        "arm 'wide': 1 final trials for the seeds [1, 2]",
        f"{fourth}: has test metrics and is no final trial of a locked choice",
    ]


def test_a_study_that_this_code_cannot_build_has_no_arms_to_look_at(tmp_path: Path) -> None:
    run_all(tmp_path, **SMALL)
    edit(tmp_path / "manifest.json", set_at("study.arms.ID.set", {"model.num_blocks": 0}))
    said = "model.num_blocks: found 0; allowed: greater than or equal to 1."
    assert audit(tmp_path).problems == (f"manifest: study: arm 'ID': {said}",)


def test_arms_with_members_come_after_these_in_whatever_order_they_are_written(
    tmp_path: Path,
) -> None:
    arms = {"a late": {"ensemble": ["b", "c"]}, "b": {}, "c": {"set": {"model.dim": 1024}}}
    run_all(tmp_path, **SMALL | {"arms": arms, "baseline": "b"})
    (trial_id,) = arm(tmp_path, "a late").final
    assert audit(tmp_path).problems == (f"arm 'a late': {trial_id}: 4 weightings; the grid has 11",)


# ---- the same ranking for everyone


def against(folder: Path, *datasets: dict[str, Any], **changes: Any) -> tuple[str, ...]:
    """What is off in a study of one trial, where the manifest describes these data sets."""
    run_all(folder, **SMALL | changes)
    edit(folder / "manifest.json", set_at("datasets", [DATA | one for one in datasets]))
    return audit(folder).problems


def test_users_and_ranks_are_those_that_the_data_can_have(tmp_path: Path) -> None:
    assert against(tmp_path) == against(tmp_path, {}) == ()
    (trial_id,) = arm(tmp_path).final
    assert against(tmp_path, {"num_items": 29}) == (
        f"{trial_id}: valid: a rank beyond the data's 29 items",
        f"{trial_id}: test: a rank beyond the data's 29 items",
    )
    assert against(tmp_path, {"counts": {"test_targets": 8}}) == (
        f"{trial_id}: test: 40 users ranked, the data has 8",
    )
    several = [{"num_users": number} for number in (40, 15, 8, 33)]
    assert against(tmp_path, *several, {"num_items": 12}) == ()
    assert against(tmp_path, *several[1:]) == (
        f"{trial_id}: valid: 40 users ranked, the data has 8 or 15 or 33",
        f"{trial_id}: test: 40 users ranked, the data has 8 or 15 or 33",
    )


def test_data_of_the_same_bytes_are_told_apart_by_their_split_where_they_have_it(
    tmp_path: Path,
) -> None:
    by_time = {"split": {"by_time": {"test": 0.1, "valid": 0.1, "target": "last"}}, "num_users": 8}
    assert against(tmp_path, {}, by_time) == against(tmp_path, by_time, {}) == ()
    (trial_id,) = arm(tmp_path).final
    assert against(tmp_path, by_time) == (
        f"{trial_id}: valid: 40 users ranked, the data has 8",
        f"{trial_id}: test: 40 users ranked, the data has 8",
    )


def test_data_that_are_none_of_the_study_s_are_named(tmp_path: Path) -> None:
    problems = against(tmp_path, {"sha256": "d1"})
    (trial_id,) = arm(tmp_path).final
    assert problems == (f"{trial_id}: its data d0 is none of the study's",)
    edit(tmp_path / "manifest.json", set_at("orphaned", [trial_id]))
    assert audit(tmp_path).problems == ()


def test_a_split_where_every_target_is_a_forced_miss_has_no_worst_rank(tmp_path: Path) -> None:
    assert against(tmp_path, {}) == ()
    (trial_id,) = arm(tmp_path).final
    ranks_U = np.full(NUM_USERS, NEVER_FOUND)
    update = {"metrics": metrics_of(ranks_U, [10]), "packed_ranks": pack_ranks(ranks_U)}
    update |= {"num_forced_misses": NUM_USERS}
    edit(record(tmp_path, trial_id), lambda value: value["test"].update(update))
    assert audit(tmp_path).problems == ()


def test_a_single_trial_under_a_condition_and_one_left_over_are_sound(tmp_path: Path) -> None:
    conditions: dict[str, Any] = {"a": {}, "b": {"set": {"model.num_heads": 4}}}
    run_all(tmp_path, **SMALL | {"conditions": conditions})
    (left,) = arm(tmp_path, "b/ID").final
    run_all(tmp_path, **SMALL | {"conditions": {"a": {}}})
    found = audit(tmp_path)
    assert found.problems == ()
    assert found.notes == (f"1 records are not the study's (any more): {left}",)


# ---- who saw the test split


def write_trial(folder: Path, change: Callable[[TrialResult], TrialResult], **fields: Any) -> str:
    """Write the record of a final trial of another arm, which the study does not have."""
    (other,) = expand(study(**SMALL | {"arms": {"ID": {"set": fields}}}))
    config = configure(other, {}, seed=1, test=True)
    made = result_of(Job.of("ID", "final", config, sources))
    Ledger(folder).write(change(made))
    return str(made.trial_id)


def test_a_test_that_no_arm_asked_for_is_off_and_one_of_an_arm_that_is_gone_is_a_note(
    tmp_path: Path,
) -> None:
    run_all(tmp_path, **SMALL)
    names = [
        write_trial(tmp_path, lambda made: made, **{"model.num_blocks": number})
        for number in (1, 3, 4, 5, 6)
    ]
    said = "has test metrics and is no final trial of a locked choice"
    found = audit(tmp_path)
    assert found.problems == tuple(f"{name}: {said}" for name in sorted(names))
    note = f"5 records are not the study's (any more): {', '.join(sorted(names))}"
    assert found.notes == (note,)
    edit(tmp_path / "manifest.json", set_at("orphaned", names[1:]))
    assert audit(tmp_path).problems == (f"{names[0]}: {said}",)


def test_a_failed_test_of_other_values_was_a_look_at_the_test_split_too(tmp_path: Path) -> None:
    space = {"model.num_blocks": {"choice": [1, 2]}}
    run_all(tmp_path, **SMALL | {"search": space, "budget": {"trials": 3}})
    entry = arm(tmp_path)
    other = next(one.params for one in entry.search if one != entry.locked)
    (built,) = expand(study(**SMALL | {"search": space}))
    config = configure(built, other, seed=1, test=True)
    failed = end(Job.of("ID", "final", config, sources), TrialStatus.FAILED)
    Ledger(tmp_path).write(failed)
    edit(tmp_path / "manifest.json", set_at("orphaned", [failed.trial_id]))
    found = audit(tmp_path)
    assert found.problems == (
        f"{failed.trial_id}: arm 'ID' was tested with values it is not locked to: its test split "
        "was looked at more than once",
    )
    assert found.notes == (
        f"1 records are not the study's (any more): {failed.trial_id}",
        "arm 'ID': all 2 points of its search space were tried",
    )


# ---- notes on code


def test_trials_of_other_code_than_most_are_counted_and_of_equals_the_first_is_usual(
    tmp_path: Path,
) -> None:
    conductor = conductor_of(tmp_path, study(**SMALL | {"seeds": [1, 2, 3, 4]}))
    while (job := conductor.next_job()) is not None:
        conductor.finish(result_of(job).model_copy(update={"code": {"morec": "1"}}))
    conductor.write_manifest("finished")
    assert audit(tmp_path).notes == ()
    names = sorted(arm(tmp_path).final)
    told = "): they count as they are; --fresh trains everything anew"
    edit(record(tmp_path, names[0]), set_at("code", {"morec": "2"}))
    assert audit(tmp_path).notes == (f"1 record made by other code (morec 2, not 1{told}",)
    edit(record(tmp_path, names[3]), set_at("code", {"morec": "2"}))
    assert audit(tmp_path).notes == (f"2 records made by other code (morec 1, not 2{told}",)
    record(tmp_path, names[0]).unlink()
    assert audit(tmp_path).notes == (f"1 record made by other code (morec 2, not 1{told}",)


def test_trials_of_another_schema_are_a_note(tmp_path: Path) -> None:
    run_all(tmp_path, **SMALL)
    (trial_id,) = arm(tmp_path).final
    edit(record(tmp_path, trial_id), set_at("schema_version", 2))
    (note,) = audit(tmp_path).notes
    assert note.startswith("1 record of schema 2: configurations meant something else than today")
