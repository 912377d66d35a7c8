"""Which arms, seed and users the examples are of: by hand, on made-up ranks."""

from pathlib import Path

import numpy as np
import pytest

from morec.kept_lists import KeptLists
from morec.metrics import NEVER_FOUND
from morec.packing import pack_integers
from morec.results import Evaluation, TrialResult, pack_ranks
from tests.reports.made_up_examples import keep_lists
from tests.reports.made_up_studies import CONDITIONS, SMALL, FakeStudy
from tune_space.inputs.example_pairs import (
    LEAST_DRAWN_FROM,
    PER_SIDE,
    Drawn,
    Pair,
    draw_users,
    pairs_of,
)
from tune_space.ledger.records import Ledger

NAMED = {"contrasts": [{"better": "none", "than": "ID"}, {"better": "TS", "than": "ID"}]}


def pairs(folder: Path, study: FakeStudy, *, are_lists_kept: bool = True) -> list[Pair]:
    study.write(folder)
    if are_lists_kept:
        keep_lists(folder)
    ledger = Ledger(folder)
    return list(pairs_of(ledger.manifest(), ledger.read_all()))


def test_the_first_named_comparison_whose_arms_are_there_is_shown(tmp_path: Path) -> None:
    (pair,) = pairs(tmp_path, FakeStudy(searches=0, overrides=NAMED))
    assert (pair.kind, pair.num_seeds) == ("named", 3)
    assert [arm.own_name for arm in pair.arms] == ["TS", "ID"]


def test_without_one_the_arm_with_the_largest_lead_is_shown(tmp_path: Path) -> None:
    (pair,) = pairs(tmp_path, FakeStudy(searches=0))
    records = Ledger(tmp_path).read_all()
    means = {}
    for entry in Ledger(tmp_path).manifest().arms:
        ranks = [records[trial_id].test.ranks for trial_id in entry.final]  # type: ignore[union-attr]
        means[entry.own_name] = np.mean([np.mean(one <= 10) for one in ranks])
    best = max(("TS", "E2E"), key=lambda name: means[name])
    assert (pair.kind, [arm.own_name for arm in pair.arms]) == ("exploratory", [best, "ID"])


def test_the_seed_has_the_median_difference_on_validation(tmp_path: Path) -> None:
    (pair,) = pairs(tmp_path, FakeStudy(searches=0, overrides=NAMED))
    records = Ledger(tmp_path).read_all()
    finals = {one.own_name: one.final for one in Ledger(tmp_path).manifest().arms}
    differences = {}
    for seed, better, than in zip((1, 2, 3), finals["TS"], finals["ID"], strict=True):
        hits = [np.mean(records[i].valid.ranks <= 10) for i in (better, than)]  # type: ignore[union-attr]
        differences[seed] = hits[0] - hits[1]
    median = sorted(differences, key=lambda seed: differences[seed])[1]
    assert {one.config.seed for one in pair.results} == {median}


def test_trials_that_kept_no_lists_make_no_pair(tmp_path: Path) -> None:
    assert pairs(tmp_path, FakeStudy(searches=0), are_lists_kept=False) == []


def test_an_unfinished_or_lonely_arm_makes_no_pair(tmp_path: Path) -> None:
    missing = {("ID", "final", index): "missing" for index in range(3)}
    assert pairs(tmp_path / "a", FakeStudy(searches=0, statuses=missing)) == []
    assert pairs(tmp_path / "b", FakeStudy(arms=SMALL[:1], searches=0)) == []


def test_each_data_set_has_a_pair_under_the_first_condition_alone(tmp_path: Path) -> None:
    study = FakeStudy(datasets={"MIND": None, "HM": None}, conditions=CONDITIONS, searches=0)
    found = pairs(tmp_path, study)
    assert [(one.arms[0].dataset, one.arms[0].condition) for one in found] == [
        ("MIND", "published"),
        ("HM", "published"),
    ]


def trial(ranks: list[int], users: list[int] | None = None) -> TrialResult:
    num = len(users if users is not None else ranks)
    lists = KeptLists(
        places=1,
        num_users=num,
        packed_users="" if users is None else pack_integers(users),
        packed_targets=pack_integers([1] * num),
        packed_items=pack_integers([2] * num),
    )
    test = Evaluation(
        metrics={},
        num_users=len(ranks),
        num_tied=0,
        num_forced_misses=0,
        kept_lists=lists,
        packed_ranks=pack_ranks(np.array(ranks)),
    )
    return TrialResult.model_construct(trial_id="t", test=test)


def drawn(a: TrialResult, b: TrialResult) -> Drawn:
    found = draw_users(a, b)
    assert found is not None
    return found


def test_users_are_those_of_both_sides_with_the_larger_ratio_first() -> None:
    found = drawn(trial([1, 9, 4, 2, 5]), trial([30, 3, 4, 3, 500]))
    assert (found.num_users, found.num_equal) == (5, 1)
    first, second = found.sides
    assert (first.users, first.num_users, first.num_drawn_from) == ((4, 0, 3), 3, 3)
    assert first.least_ratio == 3 / 2
    assert (second.users, second.num_users, second.least_ratio) == ((1,), 1, 3.0)


def test_hidden_targets_and_lists_that_one_trial_did_not_keep_are_left_out() -> None:
    a = trial([1, NEVER_FOUND, 1, 1], users=[0, 1, 2])
    found = drawn(a, trial([9, 9, 9, 9], users=[1, 2, 3]))
    assert (found.num_users, found.sides[0].users, found.sides[1].users) == (1, (2,), ())
    assert found.sides[1].least_ratio == 1.0
    assert draw_users(trial([1, 2], users=[0]), trial([1, 2], users=[1])) is None


@pytest.mark.parametrize(("num_users", "pool"), [(1_000, 100), (90, LEAST_DRAWN_FROM)])
def test_users_are_drawn_from_those_that_differ_most(num_users: int, pool: int) -> None:
    ranks = np.random.default_rng(1).permutation(num_users) + 2
    found = drawn(trial([1] * num_users), trial(ranks.tolist()))
    side = found.sides[0]
    most = np.argsort(-ranks)[:pool].tolist()
    assert len(set(side.users)) == PER_SIDE and set(side.users) <= set(most)
    assert list(side.users) != most[:PER_SIDE]
    assert (side.num_drawn_from, side.least_ratio) == (pool, num_users + 2 - pool)
    assert drawn(trial([1] * num_users), trial(ranks.tolist())) == found
