"""The audit of one arm, over trials made by hand: each way of being off, and nothing besides."""

import json
from collections.abc import Sequence
from dataclasses import replace
from math import log10
from typing import Any

import pytest

from morec.config import canonical_json
from morec.results import TrialStatus
from tests.tune_space.commands.audited_arms import (
    BLOCKS,
    THREE,
    Point,
    alone,
    audit_of,
    blocks,
    made,
    problems,
    scored,
    trial,
    with_entry,
    with_record,
    without,
)
from tests.tune_space.made_up_trials import conductor_of, end
from tune_space.commands.audit_arms import ArmAudit
from tune_space.ledger.manifest import ArmEntry, SearchEntry
from tune_space.schedule.jobs import Job
from tune_space.study.arm import MEMBERS
from tune_space.study.expand import configure, expand

# ---- the search


@pytest.mark.parametrize("changes", [{}, THREE, THREE | {"budget": {"trials": 3}}])
def test_an_arm_that_was_searched_as_often_as_it_may_be_is_sound(changes: Any) -> None:
    assert problems(made(**changes)) == []


def test_another_configuration_is_the_only_problem_of_its_arm() -> None:
    audited = made()
    config = audited.entry.config.model_copy(update={"seed": 7})
    other = with_entry(audited, config=config, search=(), final=())
    assert problems(other) == ["its configuration is not what the study says"]


@pytest.mark.parametrize(
    ("numbers", "changes", "expected"),
    [
        ((1, 2), {}, "2 search trials, the budget is 3"),
        ((1, 2, 3, 4), {}, "4 search trials, the budget is 3"),
        ((1, 2), THREE, "2 search trials, the budget is 4, its space has 3 points"),
    ],
)
def test_another_number_of_search_trials_than_the_budget_is_unequal_effort(
    numbers: tuple[int, ...], changes: Any, expected: str
) -> None:
    points = [{"model.num_blocks": number} for number in numbers]
    audited = made(numbers, points, **changes)
    assert problems(audited) == [f"unequal tuning effort: {expected}"]


def test_points_that_were_tried_more_than_once_are_named() -> None:
    points = [*BLOCKS, *BLOCKS[:2]]
    audited = made((2, 7, 3, 2, 7), points, budget={"trials": 5})
    assert problems(audited) == [f"tried more than once: {blocks(1)}, {blocks(2)}"]


def test_a_whole_small_space_with_a_point_twice_is_named_for_that_alone() -> None:
    points = [*BLOCKS, BLOCKS[0]]
    audited = made((2, 7, 3, 2), points, **THREE | {"budget": {"trials": 9}})
    assert problems(audited) == [f"tried more than once: {blocks(1)}"]


def test_a_point_twice_does_not_stand_for_another_of_a_small_space() -> None:
    audited = made((2, 7, 2), [*BLOCKS[:2], BLOCKS[0]], **THREE)
    assert problems(audited) == [
        "unequal tuning effort: its search trials are not the points of its space",
        f"tried more than once: {blocks(1)}",
    ]


def test_a_search_trial_without_a_record_is_named_and_is_no_choice() -> None:
    audited = made((9, 7, 7))
    gone, second = audited.entry.search[:2]
    assert problems(without(audited, gone.trial_id)) == [
        f"{gone.trial_id}: no record",
        f"locked to {gone.trial_id} {blocks(1)}; validation alone chooses {second.trial_id} "
        f"{blocks(2)}",
    ]


def test_a_search_trial_that_is_not_what_its_values_say_is_named_with_the_sections() -> None:
    audited = made()
    entry = audited.entry.search[0]
    record = audited.records[entry.trial_id]
    optim = record.config.optim.model_copy(update={"lr": 0.5})
    config = record.config.model_copy(update={"seed": 3, "optim": optim})
    assert problems(with_record(audited, record, config=config)) == [
        f"{entry.trial_id}: optim, seed: not what the arm, its searched values and seed 0 say"
    ]


def test_a_search_trial_that_saw_the_test_split_is_named() -> None:
    audited = made()
    entry = audited.entry.search[0]
    record = audited.records[entry.trial_id]
    seen = configure(audited.arm, entry.params, seed=0, test=True)
    assert problems(with_record(audited, record, config=seen)) == [
        f"{entry.trial_id}: evaluation: not what the arm, its searched values and seed 0 say"
    ]


def test_searched_values_that_the_arm_cannot_have_are_named() -> None:
    audited = made()
    first = audited.entry.search[0].model_copy(update={"params": {"model.num_blocks": 0}})
    assert problems(with_entry(audited, search=(first, *audited.entry.search[1:]))) == [
        f"{first.trial_id}: its values do not fit the arm: model.num_blocks: found 0; allowed: "
        "greater than or equal to 1."
    ]


# ---- the points of the space

CONDITIONAL = {
    "training.loss": {"choice": ["bce", "in_batch_ce"]},
    "optim.lr": {"uniform": [0.1, 0.4], "step": 0.1},
    "model.num_blocks": {"int": [1, 5], "step": 2, "when": {"training.loss": "bce"}},
    "optim.warmup_steps": {"logint": [8, 9], "when": {"training.loss": "in_batch_ce"}},
}
LOSS, RATE, DEPTH, WARMUP = CONDITIONAL


def points_of(space: Any, trials: int) -> list[Point] | None:
    (arm,) = expand(spec := alone(search=space, budget={"trials": trials}))
    entry = ArmEntry(name=arm.name, config=arm.config)
    found = ArmAudit(spec, arm, entry, {}).whole_space()
    return None if found is None else [json.loads(text) for text in found]


def test_a_space_has_every_value_of_its_domains_where_their_conditions_hold() -> None:
    rates = (0.1, 0.2, 0.3, 0.4)
    bce = [{LOSS: "bce", RATE: rate, DEPTH: depth} for rate in rates for depth in (1, 3, 5)]
    ce = [{LOSS: "in_batch_ce", RATE: rate, WARMUP: w} for rate in rates for w in (8, 9)]
    found = points_of(CONDITIONAL, trials=99)
    assert found is not None
    assert sorted(map(canonical_json, found)) == sorted(map(canonical_json, bce + ce))


def test_a_space_is_listed_only_where_it_has_fewer_points_than_the_budget() -> None:
    space = {"model.num_blocks": {"int": [1, 3]}}
    assert points_of(space, trials=2) is points_of(space, trials=3) is None
    for trials in (4, 5):
        found = points_of(space, trials)
        assert found is not None and sorted(found, key=repr) == BLOCKS


@pytest.mark.parametrize(
    "endless",
    [
        {"uniform": [0.1, 0.4]},
        {"loguniform": [0.1, 0.4]},
        {"uniform": [0.1, 0.4], "when": {"model.num_blocks": 3}},
    ],
)
def test_a_space_with_an_endless_domain_is_not_listed(endless: Any) -> None:
    space = {"model.num_blocks": {"int": [1, 3]}, "optim.lr": endless}
    assert points_of(space, trials=99) is None


# ---- the choice


@pytest.mark.parametrize(("hits", "place"), [((0, 0, 0), 0), ((2, 9, 9), 1), ((1, 2, 3), 2)])
def test_the_choice_is_the_first_of_the_best_search_trials(
    hits: tuple[int, ...], place: int
) -> None:
    audited = made(hits)
    right = audited.entry.search[place]
    assert problems(with_entry(audited, locked=right)) == []
    for wrong in audited.entry.search[:place] + audited.entry.search[place + 1 :]:
        forged = audit_of(
            audited.arm,
            audited.study,
            [(one.params, audited.records[one.trial_id]) for one in audited.entry.search],
            wrong,
        )
        assert problems(forged) == [
            f"locked to {wrong.trial_id} {blocks(wrong.params['model.num_blocks'])}; validation "
            f"alone chooses {right.trial_id} {blocks(right.params['model.num_blocks'])}"
        ]


def ended(*statuses: TrialStatus) -> ArmAudit:
    """An arm without a choice, whose search trials ended like this."""
    spec = alone(budget={"trials": len(statuses)})
    (arm,) = expand(spec)
    points = [{"model.num_blocks": number} for number in range(1, len(statuses) + 1)]
    search = [
        (point, trial(arm, point, hits=1, status=status))
        for point, status in zip(points, statuses, strict=True)
    ]
    return audit_of(arm, spec, search, None)


def test_where_no_search_trial_completed_nothing_may_be_chosen() -> None:
    audited = ended(TrialStatus.FAILED, TrialStatus.PRUNED, TrialStatus.COLLAPSED)
    nothing = "no search trial completed: there is nothing to choose"
    assert problems(audited) == [nothing]
    first = audited.entry.search[0]
    final = [trial(audited.arm, first.params, seed=seed, test=True) for seed in (1, 2)]
    ids = tuple(one.trial_id for one in final)
    forged = replace(
        with_entry(audited, locked=first, final=ids),
        records={**audited.records, **{one.trial_id: one for one in final}},
    )
    assert problems(forged) == [
        nothing,
        f"locked to {first.trial_id} {blocks(1)}; validation alone chooses nothing",
    ]


def test_the_only_trial_that_completed_is_the_choice_and_has_to_be_locked() -> None:
    audited = ended(TrialStatus.FAILED, TrialStatus.COMPLETED, TrialStatus.PRUNED)
    right = audited.entry.search[1]
    assert problems(audited) == [
        f"locked to nothing; validation alone chooses {right.trial_id} {blocks(2)}"
    ]


def test_a_trial_whose_ranks_cannot_be_read_is_no_choice() -> None:
    audited = ended(TrialStatus.COMPLETED)
    (record,) = audited.records.values()
    assert record.valid is not None
    valid = record.valid.model_copy(update={"packed_ranks": "no"})
    assert problems(with_record(audited, record, valid=valid)) == [
        "no search trial completed: there is nothing to choose"
    ]


@pytest.mark.parametrize(
    ("changes", "start", "text"),
    [
        ({"search": {}}, {}, "{}"),
        ({"budget": {"trials": 0}}, {}, "{}"),
        ({"budget": {"trials": 0}}, BLOCKS[2], blocks(3)),
    ],
)
def test_an_arm_without_search_trials_is_locked_to_its_start(
    changes: Any, start: Point, text: str
) -> None:
    spec = alone(**{"arms": {"ID": {"start": start}}} | changes)
    (arm,) = expand(spec)
    right = SearchEntry(trial_id="", params=dict(start))
    assert problems(audit_of(arm, spec, [], right)) == []
    wrong = SearchEntry(trial_id="", params={"model.num_blocks": 6})
    assert problems(audit_of(arm, spec, [], wrong)) == [
        f"locked to its start {blocks(6)}; validation alone chooses its start {text}"
    ]


# ---- the final trials


def test_there_is_one_final_trial_per_seed() -> None:
    audited = made()
    assert problems(with_entry(audited, final=audited.entry.final[:1])) == [
        "1 final trials for the seeds [1, 2]"
    ]


def test_final_trials_pair_by_the_order_of_the_seeds() -> None:
    audited = made()
    second, first = audited.entry.final[::-1]
    assert problems(with_entry(audited, final=(second, first))) == [
        f"{second}: seed: not what the arm, its searched values and seed 1 say",
        f"{first}: seed: not what the arm, its searched values and seed 2 say",
    ]


def test_a_final_trial_without_a_record_is_named_and_the_others_are_looked_at() -> None:
    audited = made()
    gone, other = audited.entry.final
    record = audited.records[other]
    unseen = configure(audited.arm, BLOCKS[1], seed=2, test=False)
    assert problems(with_record(without(audited, gone), record, config=unseen)) == [
        f"{gone}: no record",
        f"{other}: evaluation: not what the arm, its searched values and seed 2 say",
    ]


def test_a_final_trial_that_failed_leaves_its_seed_without_a_pair() -> None:
    audited = made()
    record = audited.records[audited.entry.final[1]]
    failed = end(
        Job(record.trial_id, "ID", "final", record.config, record.sources), TrialStatus.FAILED
    )
    other = replace(audited, records={**audited.records, record.trial_id: failed})
    assert problems(other) == [f"{record.trial_id}: failed, so seed 2 has no pair"]


# ---- who saw the test split


def test_a_test_with_the_locked_values_and_a_seed_no_longer_wanted_is_no_earlier_choice() -> None:
    audited = made()
    other_seed = trial(audited.arm, BLOCKS[1], seed=9, test=True)
    assert audited.is_earlier_choice(other_seed) is False


def test_a_test_with_other_searched_values_is_an_earlier_choice() -> None:
    audited = made()
    other = trial(audited.arm, BLOCKS[2], seed=1, test=True)
    assert audited.is_earlier_choice(other) is True
    unlocked = with_entry(audited, locked=None)
    assert unlocked.is_earlier_choice(trial(audited.arm, BLOCKS[1], seed=1, test=True)) is True


def test_a_test_of_another_arm_is_no_choice_of_this_one() -> None:
    audited = made()
    (other,) = expand(alone(arms={"ID": {"set": {"optim.weight_decay": 0.5}}}))
    assert audited.is_earlier_choice(trial(other, BLOCKS[2], seed=1, test=True)) is False


def test_a_test_with_values_that_this_arm_cannot_have_is_no_choice_of_it() -> None:
    heads = {"model.num_heads": {"choice": [1, 3]}}
    (arm,) = expand(alone(search=heads, arms={"ID": {"set": {"model.dim": 12}}}))
    (narrow,) = expand(spec := alone(search={}, arms={"ID": {"set": {"model.dim": 16}}}))
    entry = ArmEntry(name="ID", config=narrow.config)
    narrow = replace(narrow, space=arm.space)
    record = trial(arm, {"model.num_heads": 3}, seed=1, test=True)
    assert ArmAudit(spec, narrow, entry, {}).is_earlier_choice(record) is False


def test_lists_that_are_searched_are_recognised_as_a_choice() -> None:
    space = {
        "evaluation.ks": {"choice": [[10], [10, 20]]},
        "optim.lr": {"choice": [0.1, 0.2], "when": {"evaluation.ks": [[10, 20]]}},
    }
    spec = alone(search=space)
    (arm,) = expand(spec)
    audited = ArmAudit(spec, arm, ArmEntry(name="ID", config=arm.config), {})
    tested = trial(arm, {"evaluation.ks": [10, 20], "optim.lr": 0.2}, seed=1, test=True)
    assert audited.is_earlier_choice(tested) is True


# ---- importance

TWO = {"optim.lr": {"loguniform": [1e-4, 1e-1]}, "model.num_blocks": {"int": [1, 3]}}


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> ArmAudit:
    """What the conductor wrote of twelve search trials, the better the nearer a rate is to 0.01."""
    spec = alone(search=TWO, budget={"trials": 12})
    conductor = conductor_of(tmp_path_factory.mktemp("searched"), spec)
    while (job := conductor.next_job()) is not None:
        conductor.finish(scored(job, hits=round(10 - 4 * abs(log10(job.config.optim.lr) + 2))))
    (arm,), (entry,) = expand(spec), conductor.manifest.arms
    return ArmAudit(spec, arm, entry, conductor.results)


def test_importance_may_differ_a_little_from_what_the_trials_give(searched: ArmAudit) -> None:
    shares = searched.entry.importance
    assert set(shares) == set(TWO) and sum(shares.values()) == pytest.approx(1, abs=1e-3)
    assert problems(searched) == []
    for change in (0.0009, -0.0009):
        near = {path: share + change for path, share in shares.items()}
        assert problems(with_entry(searched, importance=near)) == []


@pytest.mark.parametrize("change", [0.0011, -0.0011])
@pytest.mark.parametrize("path", list(TWO))
def test_an_importance_that_the_trials_do_not_give_is_named(
    searched: ArmAudit, path: str, change: float
) -> None:
    shares = searched.entry.importance
    written = shares | {path: shares[path] + change}
    before, right = (
        ", ".join(f"{name} {share:g}" for name, share in one.items()) for one in (written, shares)
    )
    assert problems(with_entry(searched, importance=written)) == [
        f"importance {before}; its trials give {right}"
    ]


def test_an_importance_that_was_not_written_is_named_but_not_beside_other_problems(
    searched: ArmAudit,
) -> None:
    shares = searched.entry.importance
    right = ", ".join(f"{path} {share:g}" for path, share in shares.items())
    none = with_entry(searched, importance={})
    assert problems(none) == [f"importance not computed; its trials give {right}"]
    _, *others = none.entry.search
    assert problems(with_entry(none, search=tuple(others))) == [
        "unequal tuning effort: 11 search trials, the budget is 12"
    ]


# ---- arms that join others' models


def fused() -> tuple[ArmAudit, Sequence[ArmAudit]]:
    """The audits of an arm that joins two others, and of these; each was locked to its best."""
    arms = {"ID": {}, "wide": {"set": {"model.dim": 1024}}, "late": {"ensemble": ["ID", "wide"]}}
    spec = alone(arms=arms)
    *built, late = expand(spec)
    members = []
    for arm, hits in zip(built, ((2, 7, 1), (9, 1, 1)), strict=True):
        search = [(one, trial(arm, one, hits=n)) for one, n in zip(BLOCKS, hits, strict=True)]
        best = hits.index(max(hits))
        chosen = SearchEntry(trial_id=search[best][1].trial_id, params=BLOCKS[best])
        members.append(audit_of(arm, spec, search, chosen))
    chosen = SearchEntry(trial_id="", params={MEMBERS: [BLOCKS[1], BLOCKS[0]]})
    return replace(audit_of(late, spec, [], chosen), members=tuple(members)), members


def weightings(audited: ArmAudit) -> list[str]:
    """What is said of its final trials, whose records have one weighting."""
    return [f"{one}: 1 weightings; the grid has 11" for one in audited.entry.final]


def test_an_arm_with_members_is_locked_to_what_validation_chooses_for_them() -> None:
    late, _ = fused()
    assert problems(late) == weightings(late)
    wrong = SearchEntry(trial_id="", params={MEMBERS: [BLOCKS[1], BLOCKS[2]]})
    forged = replace(audit_of(late.arm, late.study, [], wrong), members=late.members)
    assert problems(forged) == [
        f'locked to its start {{"members":[{blocks(2)},{blocks(3)}]}}; validation alone chooses '
        f'its start {{"members":[{blocks(2)},{blocks(1)}]}}',
        *weightings(forged),
    ]


def test_an_arm_with_a_member_without_a_choice_has_none() -> None:
    late, (first, second) = fused()
    nobody = ended(TrialStatus.FAILED)
    none = audit_of(late.arm, late.study, [], None)
    for members in ((first, nobody), (nobody, second), (first,)):
        assert problems(replace(none, members=members)) == [
            "no search trial completed: there is nothing to choose"
        ]


def test_a_final_trial_of_an_arm_with_members_that_failed_or_is_gone_is_only_named() -> None:
    late, _ = fused()
    first, second = late.entry.final
    record = late.records[second]
    failed = end(Job(second, "late", "final", record.config, record.sources), TrialStatus.FAILED)
    assert problems(replace(late, records={second: failed})) == [
        f"{first}: no record",
        f"{second}: failed, so seed 2 has no pair",
    ]
