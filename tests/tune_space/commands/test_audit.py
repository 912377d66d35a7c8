"""The audit passes what the conductor wrote, and names every way to tamper with it."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from morec.errors import DataError
from morec.metrics import NEVER_FOUND, metrics_of
from morec.results import Evaluation, TrialStatus, pack_ranks
from studies.run import main
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
from tests.tune_space.made_up_trials import STUDY, conductor_of, end, play
from tune_space.commands.audit import audit
from tune_space.ledger.records import Ledger


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_all(tmp_path_factory.mktemp("finished"))


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished study for the test to change."""
    return Path(shutil.copytree(finished, tmp_path, dirs_exist_ok=True))


def test_what_the_conductor_wrote_passes(folder) -> None:
    found = audit(folder)
    assert found.problems == ()
    assert found.format_lines()[-1].startswith(
        "audit: pass (15 records, 3 arms): choices by validation"
    )


def test_a_poisoned_test_split_moves_no_choice(folder) -> None:
    """Every test number is replaced by the opposite; choices recomputed are those locked."""
    for name in ("ID", "wide", "fixed"):
        for place, trial_id in enumerate(arm(folder, name).final):
            ranks_U = np.full(NUM_USERS, 1 if place else 41)

            def poison(value: dict[str, Any], ranks_U=ranks_U) -> None:
                value["test"] |= {
                    "packed_ranks": pack_ranks(ranks_U),
                    "metrics": metrics_of(ranks_U, [10]),
                }

            edit(record(folder, trial_id), poison)
    assert audit(folder).problems == ()
    before = [entry.locked for entry in Ledger(folder).read_manifest().arms]
    assert play(conductor_of(folder)) == []
    assert [entry.locked for entry in Ledger(folder).read_manifest().arms] == before


def test_a_choice_that_validation_does_not_make_is_off(folder) -> None:
    entry = arm(folder)
    other = next(trial for trial in entry.search if trial != entry.locked)

    def change(manifest: dict[str, Any]) -> None:
        next(a for a in manifest["arms"] if a["name"] == "ID")["locked"] = other.model_dump()

    edit(folder / "manifest.json", change)
    problems = audit(folder).problems
    assert any(
        f"arm 'ID': locked to {other.trial_id}" in problem
        and f"validation alone chooses {entry.locked.trial_id}" in problem
        for problem in problems
    )


@pytest.mark.parametrize(
    ("path", "new", "expected"),
    [
        ("config.optim.lr", 0.5, r"\w+: its configuration and sources are those of sasrec-id-"),
        ("sources.data", "d1", r"\w+: its configuration and sources are those of sasrec-id-"),
        ("valid.metrics", {"HR@10": 1.0, "NDCG@10": 1.0}, "valid: HR@10 is 1.0; the ranks give"),
        ("valid.metrics", {"HR@10": 0.5}, "NDCG@10 is None; the ranks give"),
        ("valid.metrics", {"HR@10": 0.5, "Luck@10": 0.5}, "Luck@10 is 0.5; the ranks give None"),
        ("valid.metrics", {"HR@10": 0.5, "HR@20": 0.5}, "HR@20 is 0.5; the ranks give None"),
        ("valid.metrics", {"HR@10": 0.5, "HR": 0.5}, "HR is 0.5; the ranks give None"),
        ("test.metrics", {"HR@10": 1.0, "NDCG@10": 1.0}, "test: NDCG@10 is 1.0; the ranks give"),
        ("test.packed_ranks", pack_ranks([1]), "test: its ranks are 1 numbers, not 40"),
        ("test.packed_ranks", "no", "test: its ranks cannot be unpacked"),
        ("test.packed_ranks", pack_ranks([0] * NUM_USERS), "test: a rank of 0"),
        ("best_epoch", 1, "best epoch 1; by validation HR@10 it is"),
        ("trial_id", "other", "holds the record of other"),
        ("best_epoch", 99, "not a TrialResult of this version"),
    ],
)
def test_a_record_that_contradicts_itself_is_off(folder, path, new, expected) -> None:
    trial_id = next(i for i in arm(folder).final if Ledger(folder).read(i).best_epoch != 1)
    edit(record(folder, trial_id), set_at(path, new))
    problems = audit(folder).problems
    assert any(problem for problem in problems if _matches(expected, trial_id, problem)), problems


def _matches(expected: str, trial_id: str, problem: str) -> bool:
    return trial_id in problem and re.search(expected, problem) is not None


def test_fewer_users_in_one_trial_are_off(folder) -> None:
    trial_id = arm(folder).final[0]
    fewer = ranked(0.5, np.random.default_rng(0)).model_dump()
    fewer |= {"num_users": 1, "packed_ranks": pack_ranks([3]), "metrics": metrics_of(_one(), [10])}
    edit(record(folder, trial_id), set_at("test", fewer))
    expected = f"{trial_id}: users ranked in test: 1; other trials on the same data: 40"
    assert expected in audit(folder).problems


def _one() -> Any:
    return np.array([3])


def with_worst_rank(folder: Path, rank: int, *, num_forced_misses: int) -> tuple[str, ...]:
    """What is off where the data has 30 items and a target of one final trial has this rank."""
    trial_id, ranks_U = arm(folder).final[0], np.array([rank, *[30] * (NUM_USERS - 1)])
    update = {"metrics": metrics_of(ranks_U, [10]), "packed_ranks": pack_ranks(ranks_U)}
    update |= {"num_forced_misses": num_forced_misses}
    edit(record(folder, trial_id), lambda value: value["test"].update(update))
    data = {"name": "d", "sha256": "d0", "is_synthetic": True, "num_users": NUM_USERS}
    data |= {"num_items": 30, "num_interactions": 400, "counts": {}}
    edit(folder / "manifest.json", set_at("datasets", [data]))
    return tuple(problem.removeprefix(f"{trial_id}: ") for problem in audit(folder).problems)


@pytest.mark.parametrize(
    ("rank", "num_forced_misses", "expected"),
    [
        (30, 0, ()),
        (31, 0, ("test: a rank beyond the data's 30 items",)),
        (31, 1, ()),
        (NEVER_FOUND, 1, ()),
        (NEVER_FOUND, 0, ("test: 0 forced misses are counted; the ranks have 1",)),
    ],
)
def test_only_a_forced_miss_is_behind_all_items(folder, rank, num_forced_misses, expected) -> None:
    assert with_worst_rank(folder, rank, num_forced_misses=num_forced_misses) == expected


@pytest.mark.parametrize(
    ("option", "value", "usual"),
    [("mask_history", False, "True"), ("candidates", "trained", "'all'")],
)
def test_a_trial_that_was_ranked_differently_is_off(folder, option, value, usual) -> None:
    ledger = Ledger(folder)
    first = ledger.read(arm(folder).final[0])
    evaluation = first.config.evaluation.model_copy(update={option: value})
    config = first.config.model_copy(update={"evaluation": evaluation})
    name = config.trial_id(first.sources)
    ledger.write(first.model_copy(update={"config": config, "trial_id": name}))
    expected = f"{name}: {option}: {value!r}; other trials on the same data: {usual}"
    assert expected in audit(folder).problems


def test_a_forced_miss_where_no_history_is_masked_is_off(tmp_path) -> None:
    run_all(tmp_path, base=STUDY["base"] | {"evaluation": {"mask_history": False}})
    assert audit(tmp_path).problems == ()
    assert with_worst_rank(tmp_path, NEVER_FOUND, num_forced_misses=1) == (
        "test: 1 forced misses although no history is masked",
    )


@pytest.mark.parametrize("num_hits", [0, 20])
def test_of_equal_scores_the_earliest_is_the_choice_also_where_nobody_hits(
    tmp_path, num_hits
) -> None:
    ranks_U = np.array([3] * num_hits + [30] * (NUM_USERS - num_hits))
    equal = ranked(0.5, np.random.default_rng(0)).model_copy(
        update={"metrics": metrics_of(ranks_U, [10]), "packed_ranks": pack_ranks(ranks_U)}
    )
    conductor = conductor_of(tmp_path)
    while (job := conductor.next_job()) is not None:
        made = end(job)
        epochs = [one.model_copy(update={"valid": equal.metrics}) for one in made.epochs]
        fields = {"epochs": tuple(epochs), "best_epoch": 1, "valid": equal}
        fields |= {"test": equal if made.test else None}
        conductor.finish(made.model_copy(update=fields))
    conductor.write_manifest("finished")
    assert arm(tmp_path).locked == arm(tmp_path).search[0]
    assert audit(tmp_path).problems == ()


def test_a_missing_search_trial_is_unequal_effort(folder) -> None:
    def change(manifest: dict[str, Any]) -> None:
        entry = next(a for a in manifest["arms"] if a["name"] == "ID")
        entry["search"] = [t for t in entry["search"] if t == entry["locked"]]

    edit(folder / "manifest.json", change)
    expected = "arm 'ID': unequal tuning effort: 1 search trials, the budget is 3"
    assert expected in audit(folder).problems


def test_trying_every_point_of_a_small_search_space_is_equal_effort(tmp_path) -> None:
    run_all(tmp_path, search={"model.num_blocks": {"choice": [1, 2]}})
    found = audit(tmp_path)
    assert found.problems == ()
    assert "arm 'ID': all 2 points of its search space were tried" in found.notes


FINITE = {
    "training.loss": {"choice": ["bce", "in_batch_ce"]},
    "optim.lr": {"uniform": [0.1, 0.3], "step": 0.1},
    "model.num_blocks": {"int": [1, 5], "step": 4, "when": {"training.loss": "bce"}},
    "optim.warmup_steps": {"logint": [8, 9], "when": {"training.loss": "in_batch_ce"}},
}
NUM_POINTS = 3 * (2 + 2)
ALONE: dict[str, Any] = {"arms": {"ID": {}}}
"""One arm: its search is what is audited."""


@pytest.fixture(scope="module")
def tried_whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study whose budget exceeds its finite space."""
    folder = tmp_path_factory.mktemp("finite")
    return run_all(folder, search=FINITE, budget={"trials": 20}, **ALONE)


def test_a_conditional_space_smaller_than_the_budget_passes_once_every_point_was_tried(
    tried_whole,
) -> None:
    found = audit(tried_whole)
    assert found.problems == ()
    assert f"arm 'ID': all {NUM_POINTS} points of its search space were tried" in found.notes


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            lambda search: search[:-1],
            f"unequal tuning effort: {NUM_POINTS - 1} search trials, the budget is 20, its space "
            f"has {NUM_POINTS} points",
        ),
        (
            lambda search: [*search[:-1], search[0]],
            "unequal tuning effort: its search trials are not the points of its space",
        ),
        (lambda search: [*search[:-1], search[0]], "tried more than once: {"),
        (
            lambda search: [*search, search[0]],
            "tried more than once: {",
        ),
    ],
)
def test_a_small_space_that_was_not_tried_whole_is_off(
    tried_whole, tmp_path, change, expected
) -> None:
    shutil.copytree(tried_whole, tmp_path, dirs_exist_ok=True)

    def edit_search(manifest: dict[str, Any]) -> None:
        entry = next(a for a in manifest["arms"] if a["name"] == "ID")
        entry["search"] = change(entry["search"])

    edit(tmp_path / "manifest.json", edit_search)
    problems = audit(tmp_path).problems
    assert any(problem.startswith(f"arm 'ID': {expected}") for problem in problems), problems


def test_a_search_over_kinds_passes_and_counts_only_the_keys_that_each_kind_has(tmp_path) -> None:
    base = STUDY["base"] | {"model": {"dim": 16, "num_heads": 4, "kernel_size": 5}}
    space = {
        "model.kind": {"choice": ["sasrec", "nextitnet", "gru4rec"]},
        "model.num_heads": {"choice": [1, 2]},
    }
    run_all(tmp_path, base=base, search=space, budget={"trials": 9})
    found = audit(tmp_path)
    assert found.problems == ()
    assert "arm 'ID': all 4 points of its search space were tried" in found.notes


def test_a_final_trial_of_another_searched_kind_was_tested_too(tmp_path) -> None:
    space = {"model.kind": {"choice": ["sasrec", "gru4rec"]}}
    run_all(tmp_path, search=space, budget={"trials": 2})
    entry = arm(tmp_path)
    kept = Ledger(tmp_path).read(entry.final[0])
    other = next(t for t in entry.search if t.trial_id != entry.locked.trial_id)
    other_config = Ledger(tmp_path).read(other.trial_id).config
    tested = other_config.model_copy(update={"seed": 1, "evaluation": kept.config.evaluation})
    record_of_other = kept.model_copy(
        update={"config": tested, "trial_id": tested.trial_id(kept.sources)}
    )
    Ledger(tmp_path).write(record_of_other)
    assert any(
        "arm 'ID' was tested with values it is not locked to" in problem
        for problem in audit(tmp_path).problems
    )


def test_an_endless_space_or_one_as_large_as_the_budget_needs_its_whole_budget(tmp_path) -> None:
    endless = FINITE | {"optim.lr": {"uniform": [0.1, 0.3]}}
    for space, trials in ((FINITE, NUM_POINTS), (endless, NUM_POINTS)):
        run_all(tmp_path, search=space, budget={"trials": trials}, **ALONE)
        found = audit(tmp_path)
        assert not [problem for problem in found.problems if "effort" in problem]
        assert not [note for note in found.notes if "points of its search space" in note]


def test_a_missing_record_and_a_missing_seed_are_off(folder) -> None:
    gone = arm(folder).final[0]
    record(folder, gone).unlink()

    def change(manifest: dict[str, Any]) -> None:
        next(a for a in manifest["arms"] if a["name"] == "wide")["final"].pop()

    edit(folder / "manifest.json", change)
    problems = audit(folder).problems
    assert f"arm 'ID': {gone}: no record" in problems
    assert "arm 'wide': 1 final trials for the seeds [1, 2]" in problems


def test_a_failed_final_trial_leaves_its_seed_without_a_pair(tmp_path) -> None:
    conductor = conductor_of(tmp_path)
    while (job := conductor.next_job()) is not None:
        is_bad = job.role == "final" and job.arm == "ID" and job.config.seed == 2
        conductor.finish(end(job, TrialStatus.FAILED) if is_bad else result_of(job))
    conductor.write_manifest("finished")
    assert any("failed, so seed 2 has no pair" in problem for problem in audit(tmp_path).problems)


def test_an_arm_tested_with_an_earlier_choice_saw_the_test_split_more_than_once(folder) -> None:
    first = arm(folder).locked
    run_all(folder, budget={"trials": 9})
    changed = arm(folder).locked != first
    problems = audit(folder).problems
    assert changed == any(
        "arm 'ID' was tested with values it is not locked to" in problem for problem in problems
    )
    assert any("looked at more than once" in problem for problem in problems)


def test_a_removed_seed_or_arm_is_a_note(folder) -> None:
    arms = {name: value for name, value in STUDY["arms"].items() if name != "wide"}
    run_all(folder, seeds=[1], arms=arms)
    found = audit(folder)
    assert found.problems == ()
    assert [note.split(":")[0] for note in found.notes] == [
        "7 records are not the study's (any more)"
    ]


def test_an_unfinished_study_is_off_and_an_empty_folder_holds_no_study(tmp_path) -> None:
    play(conductor_of(tmp_path), limit=3)
    assert "manifest: the study is running, not finished" in audit(tmp_path).problems
    with pytest.raises(DataError, match="no study has run here"):
        audit(tmp_path / "nothing")


def test_the_command_ends_with_1_where_something_is_off(folder, tmp_path, capsys) -> None:
    study_file = tmp_path / "s.yaml"
    study_file.write_text(
        "question: q\nbaseline: ID\nbase: {dataset: {kind: synthetic}, item: {id: true}}\n"
        "arms: {ID: {}, wide: {model.dim: 32}}\n"
    )
    words = [str(study_file), "--out", str(folder), "--audit"]
    assert main(words) == 0
    assert "audit: pass (15 records, 3 arms)" in capsys.readouterr().out
    record(folder, arm(folder).final[0]).unlink()
    assert main(words) == 1
    assert "1 point off (14 records, 3 arms)" in capsys.readouterr().out


CONDITIONS = {
    "published": {},
    "trained": {"set": {"evaluation.candidates": "trained"}},
    "heads": {"set": {"model.num_heads": 4}},
}
UNDER = {"conditions": CONDITIONS, "arms": {"ID": {}, "GRU": {"set": {"model.kind": "gru4rec"}}}}


def test_every_condition_has_a_ranking_of_its_own_and_shares_trials_that_it_does_not_change(
    tmp_path,
) -> None:
    found = audit(run_all(tmp_path, **UNDER))
    assert found.problems == ()
    assert (found.num_records, found.num_arms) == (5 * (3 + 2), 6)
    assert found.notes == ()


def test_other_users_in_a_shared_trial_are_named_once(tmp_path) -> None:
    run_all(tmp_path, **UNDER)
    trial_id = arm(tmp_path, "heads/GRU").final[0]
    assert trial_id in arm(tmp_path, "published/GRU").final
    ranks_U = np.full(NUM_USERS - 1, 3)
    other = Evaluation(
        metrics=metrics_of(ranks_U, [10]),
        num_users=NUM_USERS - 1,
        num_tied=0,
        num_forced_misses=0,
        packed_ranks=pack_ranks(ranks_U),
    )
    path = record(tmp_path, trial_id)
    edit(path, lambda value: value.update(test=json.loads(other.model_dump_json())))
    (problem,) = audit(tmp_path).problems
    assert problem.startswith(f"{trial_id}: users ranked")
    assert problem.endswith("39; other trials on the same data: 40")


def test_left_overs_of_several_conditions_are_not_compared(tmp_path) -> None:
    run_all(tmp_path, **UNDER)
    run_all(tmp_path, **UNDER | {"conditions": {"heads": CONDITIONS["heads"]}})
    found = audit(tmp_path)
    assert found.problems == ()
    assert len(found.notes) == 1
