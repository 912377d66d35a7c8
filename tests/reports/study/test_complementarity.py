"""Whom two arms find: shares against loops over users and seeds, and no finding from mere seeds."""

from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from morec.results import pack_ranks
from reports.study.complementarity import Complement, Overlap, Pair, complementarity, union_of_seeds
from reports.study.contrasts import compare
from reports.study.places import NOWHERE
from reports.study.statistics import paired_difference
from reports.study.summary import summarise
from tests.reports.made_up_studies import FUSION, SMALL, FakeStudy
from tune_space.ledger.records import Ledger

NUM_NULLS = 60


def _pairs(folder: Path, **fields: Any) -> tuple[Pair, ...]:
    summary = summarise(FakeStudy(**({"searches": 0} | fields)).write(folder))
    return complementarity(summary, compare(summary))


def _hits(folder: Path, has_text: bool) -> list[list[bool]]:
    """Hits at 10 per seed and user, from the records themselves."""
    records = sorted(Ledger(folder).read_all().values(), key=lambda one: one.config.seed)
    own = [one for one in records if (one.config.item.text is not None) is has_text]
    return [[rank <= 10 for rank in one.test.ranks.tolist()] for one in own if one.test]


def _share_by_loops(a: list[list[bool]], b: list[list[bool]], is_found: Any) -> float:
    """Mean over all ordered pairs of different seeds of the share of users."""
    found = [
        is_found(a[s][user], b[t][user])
        for s, t in permutations(range(len(a)), 2)
        for user in range(len(a[0]))
    ]
    return sum(found) / len(found)


def test_every_share_is_that_of_loops_over_users_and_pairs_of_seeds(tmp_path: Path) -> None:
    (pair,) = _pairs(tmp_path, arms=SMALL[:2])
    ids, texts = _hits(tmp_path, False), _hits(tmp_path, True)
    assert (pair.first, pair.second, pair.metric, pair.seeds) == ("TS", "ID", "HR@10", (1, 2, 3))
    wanted = {
        "both": _share_by_loops(texts, ids, lambda a, b: a and b),
        "only_first": _share_by_loops(texts, ids, lambda a, b: a and not b),
        "only_second": _share_by_loops(texts, ids, lambda a, b: b and not a),
        "neither": _share_by_loops(texts, ids, lambda a, b: not (a or b)),
        "union": _share_by_loops(texts, ids, lambda a, b: a or b),
        "two_first": _share_by_loops(texts, texts, lambda a, b: a or b),
        "two_second": _share_by_loops(ids, ids, lambda a, b: a or b),
    }
    for name, share in wanted.items():
        assert getattr(pair.overlap, name) == pytest.approx(share), name
    assert pair.better == "ID" and wanted["two_second"] > wanted["two_first"]
    excess = wanted["union"] - wanted["two_second"]
    assert pair.excess is not None and pair.excess.mean == pytest.approx(excess)


@given(
    hnp.arrays(np.bool_, st.tuples(st.integers(3, 5), st.integers(2, 6))),
    st.randoms(use_true_random=False),
)
def test_rows_are_the_jackknife_of_the_mean_over_pairs(a_SU: Any, random: Any) -> None:
    a_SU = a_SU.astype(float)
    b_SU = np.array([[float(random.random() < 0.4) for _ in row] for row in a_SU])
    seeds = range(len(a_SU))

    def over(kept: list[int]) -> Any:
        return np.mean([np.maximum(a_SU[s], b_SU[t]) for s, t in permutations(kept, 2)], axis=0)

    rows_SU, whole_U, number = union_of_seeds(a_SU, b_SU), over(list(seeds)), len(a_SU)
    assert rows_SU.mean(axis=0) == pytest.approx(whole_U)
    for seed in seeds:
        without_U = over([one for one in seeds if one != seed])
        assert rows_SU[seed] == pytest.approx(number * whole_U - (number - 1) * without_U)


def test_two_seeds_give_the_mean_of_their_two_pairs_and_say_nothing_of_other_seeds() -> None:
    a_SU, b_SU = np.array([[1.0, 0, 0, 0], [0, 0, 1, 0]]), np.array([[0.0, 1, 0, 0], [0, 0, 1, 0]])
    rows_SU = union_of_seeds(a_SU, b_SU)
    assert rows_SU.tolist() == [[0.5, 0.5, 1, 0]] * 2
    assert not paired_difference(rows_SU, a_SU).measures_seeds


def test_an_arm_beside_itself_exceeds_its_own_seeds_by_exactly_nothing() -> None:
    a_SU = (np.random.default_rng(3).random((4, 50)) < 0.3).astype(float)
    difference = paired_difference(union_of_seeds(a_SU, a_SU.copy()), union_of_seeds(a_SU, a_SU))
    assert (difference.mean, difference.low, difference.high) == (0, 0, 0)


def test_pairs_are_the_contrasts_of_the_file_and_each_arm_with_the_baseline(tmp_path: Path) -> None:
    named = {"contrasts": [{"better": "E2E", "than": "TS"}]}
    pairs = _pairs(tmp_path, arms=FUSION[:4], overrides=named)
    found = [(pair.first, pair.second, pair.kind) for pair in pairs]
    assert found == [
        ("E2E", "TS", "named"),
        *((name, "ID", "exploratory") for name in ("TS", "TS-DNN", "E2E")),
    ]


def test_users_are_found_within_the_cut_off_also_where_ndcg_selects(tmp_path: Path) -> None:
    arms = tuple(replace(arm, evaluation={"select": "NDCG@10"}) for arm in SMALL[:2])
    (pair,) = _pairs(tmp_path, arms=arms)
    assert pair.metric == "HR@10" and pair.overlap is not None
    found = np.mean(_hits(tmp_path, True))
    assert pair.overlap.first == pytest.approx(found)


def test_one_seed_has_shares_but_no_control(tmp_path: Path) -> None:
    (pair,) = _pairs(tmp_path, arms=SMALL[:2], seeds=(1,))
    (ids,), (texts,) = _hits(tmp_path, False), _hits(tmp_path, True)
    union = sum(a or b for a, b in zip(ids, texts, strict=True)) / len(ids)
    assert pair.overlap is not None and pair.overlap.union == pytest.approx(union)
    assert (pair.overlap.two_first, pair.over, pair.finding) == (None, None, Complement.NONE)
    assert "one seed" in pair.problem


def test_only_seeds_that_both_arms_finished_count(tmp_path: Path) -> None:
    (pair,) = _pairs(tmp_path, arms=SMALL[:2], statuses={("TS", "final", 1): "failed"})
    assert pair.seeds == (1, 3) and pair.excess is not None and pair.excess.num_seeds == 2
    assert pair.excess.seed_variance == 0 and not pair.excess.measures_seeds


def test_arms_that_cannot_be_compared_have_the_reason_and_no_shares(tmp_path: Path) -> None:
    arms = (SMALL[0], replace(SMALL[1], evaluation={"mask_history": False}))
    (pair,) = _pairs(tmp_path, arms=arms)
    assert pair.overlap is None and "evaluation.mask_history" in pair.problem


def test_each_place_has_its_own_pairs(tmp_path: Path) -> None:
    pairs = _pairs(tmp_path, arms=SMALL[:2], datasets={"MIND": None, "HM": None})
    assert [pair.place.dataset for pair in pairs] == ["MIND", "HM"]
    assert pairs[0].overlap != pairs[1].overlap


def _study_with_hits(folder: Path, hits: dict[str, Any], **fields: Any) -> Pair:
    """A study of two arms whose test ranks are 1 where a user is found and 99 elsewhere."""
    arms = fields.pop("arms", SMALL[:2])
    num_users = len(hits["ID"][0])
    study = FakeStudy(arms=arms, num_users=num_users, searches=0, seeds=(1, 2, 3), **fields)
    ledger = Ledger(study.write(folder))
    for record in ledger.read_all().values():
        rows = hits["TS" if record.config.item.text else "ID"]
        packed = pack_ranks(np.where(rows[record.config.seed - 1], 1, 99))
        test = record.test.model_copy(update={"packed_ranks": packed}) if record.test else None
        ledger.write(record.model_copy(update={"test": test}))
    summary = summarise(folder)
    (pair,) = complementarity(summary, compare(summary))
    return pair


def _drawn(rng: Any, p_U: Any, level: float = 0.05) -> Any:
    """Hits of three seeds: whom a seed finds is chance, and each seed has a level of its own."""
    levels = np.exp(level * rng.normal(size=(3, 1)))
    return rng.random((3, len(p_U))) < np.clip(p_U * levels, 0, 1)


def _finding(a_SU: Any, b_SU: Any) -> Complement:
    """As ``complementarity`` finds it, of hits instead of a study."""
    a_SU, b_SU = a_SU.astype(float), b_SU.astype(float)
    union_SU = union_of_seeds(a_SU, b_SU)
    over = tuple(
        paired_difference(union_SU, union_of_seeds(x_SU, x_SU), num_flips=99)
        for x_SU in (a_SU, b_SU)
    )
    p = max(one.p for one in over)
    return replace(_PAIR, over=over, p_holm=p).finding


_PAIR = Pair("HR@10", "TS", "ID", "named", NOWHERE, (1, 2, 3), Overlap(0.1, 0.1, 0.1))
_MORE = (Complement.MORE, Complement.MORE_THESE_SEEDS)


@pytest.mark.parametrize("strength_of_second", [1.0, 0.6])
def test_a_model_beside_itself_with_other_seeds_is_hardly_ever_called_complementary(
    strength_of_second: float,
) -> None:
    rng, called = np.random.default_rng(0), 0
    for _ in range(NUM_NULLS):
        p_U = rng.beta(0.5, 2, 400)
        called += _finding(_drawn(rng, p_U), _drawn(rng, strength_of_second * p_U)) in _MORE
    assert called <= 0.05 * NUM_NULLS


def test_arms_whose_pair_finds_exactly_what_two_seeds_find_are_hardly_ever_called_so() -> None:
    """The hardest case: other users, and as many more as are lost by the second arm's weakness."""
    rng, called = np.random.default_rng(1), 0
    for _ in range(NUM_NULLS):
        p_U, q_U = rng.beta(0.5, 2, 400), rng.beta(0.5, 2, 400)
        q_U = q_U * (p_U * (1 - p_U)).mean() / (q_U * (1 - p_U)).mean()
        called += _finding(_drawn(rng, p_U), _drawn(rng, q_U)) in _MORE
    assert called <= 0.05 * NUM_NULLS


def test_arms_with_tastes_of_their_own_are_called_complementary(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    p_U = np.where(np.arange(900) % 2, 0.45, 0.05)
    pair = _study_with_hits(
        tmp_path, {"ID": _drawn(rng, p_U, 0.01), "TS": _drawn(rng, 0.5 - p_U, 0.01)}
    )
    assert pair.finding is Complement.MORE
    assert pair.excess is not None and pair.excess.low > 0


def test_a_weak_arm_of_much_chance_is_no_complement_where_two_of_it_find_more() -> None:
    """Two seeds of the second find as much as the pair: the first adds nothing to it."""
    rng = np.random.default_rng(5)
    p_U = np.where(np.arange(900) < 200, 1.0, 0.0)
    q_U = np.full(900, 0.2)
    a_SU, b_SU = _drawn(rng, p_U, 0), _drawn(rng, q_U, 0)
    union = union_of_seeds(a_SU.astype(float), b_SU.astype(float)).mean()
    assert union > union_of_seeds(a_SU.astype(float), a_SU.astype(float)).mean()
    swapped = _finding(b_SU, a_SU)
    assert _finding(a_SU, b_SU) is swapped


def test_the_p_of_a_pair_is_adjusted_over_the_pairs_of_its_place(tmp_path: Path) -> None:
    one, *_ = _pairs(tmp_path / "two", arms=FUSION[:2], searches=0)
    many = _pairs(tmp_path / "five", arms=FUSION[:5], searches=0)
    for pair in many:
        assert pair.over is not None and pair.p_holm is not None
        assert pair.p_holm >= max(each.p for each in pair.over)
    smallest = min(many, key=lambda pair: max(each.p for each in pair.over or ()))
    larger = max(each.p for each in smallest.over or ())
    assert smallest.p_holm == pytest.approx(min(1, 4 * larger))
    assert one.over is not None and one.p_holm == max(each.p for each in one.over)
