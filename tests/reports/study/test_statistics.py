"""Intervals, p-values and Holm's adjustment, against scipy and equations written out."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from reports.study.statistics import (
    Difference,
    difference_from_reference,
    family_p,
    holm,
    paired_difference,
    sign_flip_p,
)


def _arms(seeds: int = 3, users: int = 80, shift: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    base_SU = rng.normal(size=(seeds, users))
    return base_SU + shift + rng.normal(size=(seeds, 1)) * 0.1, base_SU[:, ::-1].copy()


def test_interval_is_satterthwaites_over_users_and_seeds() -> None:
    a_SU, b_SU = _arms()
    users = [np.mean([a_SU[s, u] - b_SU[s, u] for s in range(3)]) for u in range(80)]
    seeds = [np.mean([a_SU[s, u] - b_SU[s, u] for u in range(80)]) for s in range(3)]
    v = sum((x - np.mean(users)) ** 2 for x in users) / 79 / 80
    w = sum((x - np.mean(seeds)) ** 2 for x in seeds) / 2 / 3
    df = (v + w) ** 2 / (v**2 / 79 + w**2 / 2)
    low, high = stats.t.interval(0.95, df, loc=np.mean(users), scale=np.sqrt(v + w))

    found = paired_difference(a_SU, b_SU)

    assert (found.low, found.high) == pytest.approx((low, high))
    assert found.mean == pytest.approx((a_SU - b_SU).mean())
    assert found.measures_seeds


def test_one_seed_gives_the_paired_t_interval_over_users_and_says_seeds_are_not_measured() -> None:
    a_SU, b_SU = _arms(seeds=1)
    expected = stats.ttest_rel(a_SU[0], b_SU[0]).confidence_interval(0.95)

    found = paired_difference(a_SU, b_SU)

    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert not found.measures_seeds
    assert found.seeds_needed() is None


def test_two_seeds_are_too_few_to_measure_seed_variation() -> None:
    assert not paired_difference(*_arms(seeds=2)).measures_seeds


def test_a_difference_of_two_seeds_and_two_users_by_hand() -> None:
    """Means of users and of seeds are 0 and 2, of variance 2: v = w = 1, with 2 degrees."""
    found = paired_difference(np.array([[-1.0, 1.0], [1.0, 3.0]]), np.zeros((2, 2)))
    half = stats.t.ppf(0.975, 2) * np.sqrt(2)
    assert found == Difference(
        mean=1.0,
        low=pytest.approx(1 - half),
        high=pytest.approx(1 + half),
        p=1.0,
        user_variance=pytest.approx(1.0),
        seed_variance=pytest.approx(1.0),
        seeds_won=1,
        num_seeds=2,
        num_users=2,
    )


def test_the_p_of_a_difference_is_that_of_as_many_flips_as_asked_for() -> None:
    a_SU, b_SU = _arms()
    found = paired_difference(a_SU, b_SU, num_flips=99)
    assert found.p == sign_flip_p((a_SU - b_SU).mean(axis=0), num_flips=99)
    assert found.p * 100 == pytest.approx(round(found.p * 100))


def test_seeds_won_counts_rows_with_a_positive_mean() -> None:
    a_SU = np.array([[1.0, 1.0], [0.0, -1.0], [0.5, 0.0], [1.0, -1.0]])
    assert paired_difference(a_SU, np.zeros_like(a_SU)).seeds_won == 2


@pytest.mark.parametrize(
    ("low", "high", "excludes"),
    [
        (0.1, 0.2, True),
        (0.0, 0.2, False),
        (-0.1, 0.2, False),
        (-0.2, 0.0, False),
        (-0.2, -0.1, True),
    ],
)
def test_an_interval_that_touches_zero_does_not_exclude_it(
    low: float, high: float, excludes: bool
) -> None:
    assert Difference(0.1, low, high, 0.5, 1.0, 1.0, 1, 3, 10).excludes_zero is excludes


def test_equal_arms_differ_by_zero_with_p_1() -> None:
    a_SU, _ = _arms()
    found = paired_difference(a_SU, a_SU)
    assert (found.mean, found.low, found.high, found.p) == (0, 0, 0, 1)
    assert (found.users_needed(), found.seeds_needed()) == (None, None)
    assert not found.excludes_zero


def test_users_whose_differences_are_all_the_same_leave_an_interval_without_width() -> None:
    found = paired_difference(np.ones((3, 5)), np.zeros((3, 5)))
    assert (found.mean, found.low, found.high) == (1, 1, 1)
    assert found.excludes_zero


def test_a_difference_needs_two_users() -> None:
    assert paired_difference(np.ones((2, 2)), np.zeros((2, 2))).num_users == 2
    with pytest.raises(ValueError, match=r"^1 user: a difference needs at least 2$"):
        paired_difference(np.ones((2, 1)), np.zeros((2, 1)))


def test_reference_without_seeds_is_paired_with_every_seed() -> None:
    a_SU, b_SU = _arms()
    expected = paired_difference(a_SU, np.stack([b_SU[0]] * 3))
    assert difference_from_reference(a_SU, b_SU[0]) == expected


def test_different_users_cannot_be_paired() -> None:
    with pytest.raises(ValueError, match=r"\(3, 80\) and \(3, 79\)"):
        paired_difference(np.zeros((3, 80)), np.zeros((3, 79)))
    with pytest.raises(ValueError, match=r"\(3, 80\) \(seeds, users\) and \(79,\)"):
        difference_from_reference(np.zeros((3, 80)), np.zeros(79))


def test_one_user_is_refused() -> None:
    with pytest.raises(ValueError, match="1 user"):
        paired_difference(np.ones((3, 1)), np.zeros((3, 1)))


def test_sign_flip_p_agrees_with_scipys_permutation_test() -> None:
    difference_U = np.random.default_rng(3).normal(0.25, 1, size=60)
    expected = stats.permutation_test(
        (difference_U,),
        np.mean,
        permutation_type="samples",
        n_resamples=9_999,
        rng=np.random.default_rng(1),
    )
    assert sign_flip_p(difference_U) == pytest.approx(expected.pvalue, abs=0.01)


@pytest.mark.parametrize("num_users", [7, 8, 9, 1_000])
def test_sign_flip_p_counts_every_flip_of_every_user(num_users: int) -> None:
    difference_U = np.random.default_rng(5).normal(0.03, 1, size=num_users)
    flips = np.random.default_rng(6).choice([-1.0, 1.0], size=(9_999, num_users))
    hits = np.abs(flips @ difference_U) >= abs(difference_U.sum()) * (1 - 1e-9)
    assert 0.1 < hits.mean() < 0.9
    assert sign_flip_p(difference_U) == pytest.approx(hits.mean(), abs=0.02)


def test_sign_flip_p_needs_no_memory_for_flips_times_users() -> None:
    difference_U = np.random.default_rng(7).normal(0, 1, size=20_000)
    tracemalloc.start()
    sign_flip_p(difference_U, num_flips=2_000)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 2 * difference_U.nbytes


def test_sign_flip_p_of_few_users_is_the_exact_share_of_sign_patterns() -> None:
    difference_U = np.array([1.0, 1.0, 1.0, 0.0])
    assert sign_flip_p(difference_U) == pytest.approx(2 / 2**3, abs=0.015)


def test_a_sum_of_zero_is_reached_by_every_flip() -> None:
    assert sign_flip_p(np.array([0.25, -0.25, 0.0])) == 1.0


def test_sign_flip_p_is_the_same_for_both_signs() -> None:
    difference_U = np.random.default_rng(8).normal(0.25, 1, size=60)
    assert sign_flip_p(-difference_U) == sign_flip_p(difference_U) < 0.5


def test_sign_flip_p_is_never_zero_and_repeats_itself() -> None:
    difference_U = np.ones(200)
    assert sign_flip_p(difference_U) == 1 / 10_000 == sign_flip_p(difference_U)


def test_holm_steps_down_and_stays_in_order() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([0.9, 0.8]) == (1, 1)
    assert holm([]) == ()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_lies_between_the_raw_value_and_bonferroni(p_values: list[float]) -> None:
    for raw, adjusted in zip(p_values, holm(p_values), strict=True):
        assert raw - 1e-12 <= adjusted <= min(1, raw * len(p_values)) + 1e-12


def _half(v: float, w: float, users: int, seeds: int) -> float:
    df = (v + w) ** 2 / (v**2 / (users - 1) + w**2 / (seeds - 1))
    return float(stats.t.ppf(0.975, df) * np.sqrt(v + w))


def test_needed_users_and_seeds_are_where_the_interval_first_excludes_zero() -> None:
    v, w = 1e-4, 2e-5
    found = Difference(0.02, 0.02 - 0.025, 0.02 + 0.025, 0.1, v, w, 2, 3, 671)
    users, seeds = found.users_needed(), found.seeds_needed()
    assert users is not None and seeds is not None
    assert _half(v * 671 / users, w, users, 3) < 0.02 < _half(v * 671 / (users / 1.05), w, users, 3)
    assert (
        _half(v, w * 3 / seeds, 671, seeds) < 0.02 < _half(v, w * 3 / (seeds - 1), 671, seeds - 1)
    )


def _just_shown(v: float, w: float, users: int, seeds: int, *, now: tuple[int, int]) -> Difference:
    """A difference whose interval excludes zero with so many users and seeds, and barely so."""
    num_users, num_seeds = now
    half = _half(v * num_users / users, w * num_seeds / seeds, users, seeds)
    mean = -half * (1 + 1e-9)
    return Difference(mean, mean - 1, mean + 1, 0.5, v, w, 0, num_seeds, num_users)


def test_the_number_that_is_given_is_the_present_one_and_one_more_or_a_hundred_at_most() -> None:
    """Of users a hundred times the present ones, of seeds a hundred; the difference is negative."""
    v, w, now = 1e-4, 2e-5, (50, 3)
    by_users = {
        users: _just_shown(v, 0.0, users, 3, now=now).users_needed() for users in (51, 5_000, 5_050)
    }
    assert by_users == {51: 51, 5_000: 5_000, 5_050: None}
    by_seeds = {
        seeds: _just_shown(v, w, 50, seeds, now=now).seeds_needed() for seeds in (4, 100, 101)
    }
    assert by_seeds == {4: 4, 100: 100, 101: None}


def test_two_seeds_can_say_how_many_it_takes_and_one_cannot() -> None:
    two = _just_shown(1e-4, 2e-5, 50, 7, now=(50, 2))
    assert two.seeds_needed() == 7
    one = Difference(0.5, -1.0, 2.0, 0.5, 1e-4, 0.0, 1, 1, 50)
    assert one.seeds_needed() is None


def test_no_number_of_users_or_seeds_is_given_where_none_is_enough() -> None:
    found = Difference(1e-4, -0.03, 0.03, 1.0, 1e-4, 1e-4, 2, 3, 671)
    assert (found.users_needed(), found.seeds_needed()) == (None, None)


def test_the_p_of_a_family_takes_the_larger_of_its_own_and_the_pooled_variance_over_seeds() -> None:
    """2 and 4 seeds leave 1 + 3 degrees; the variance of one seed is w times the seeds."""
    first = Difference(-0.02, -1.0, 1.0, 0.5, 1e-4, 1e-5, 0, 2, 30)
    second = Difference(0.03, -1.0, 1.0, 0.5, 2e-4, 2e-4, 4, 4, 40)
    pooled = (1 * 1e-5 * 2 + 3 * 2e-4 * 4) / (1 + 3)
    expected = []
    for one, w in ((first, pooled / 2), (second, max(2e-4, pooled / 4))):
        v = one.user_variance
        degrees = (v + w) ** 2 / (v**2 / (one.num_users - 1) + w**2 / 4)
        expected.append(2 * stats.t.sf(abs(one.mean) / np.sqrt(v + w), degrees))
    assert w == 2e-4 == v > pooled / 4
    assert family_p([first, second]) == pytest.approx(expected)


def test_intervals_err_in_about_five_percent_of_null_comparisons() -> None:
    """3 seeds, 2,000 users; each arm has its own effect on each user and an offset per seed."""
    rng, repeats, users = np.random.default_rng(11), 400, 2_000
    errors = 0
    for _ in range(repeats):
        tastes = rng.normal(0, 0.3, users) + rng.normal(0, 0.3, (2, 1, users))
        offsets = rng.normal(0, 0.006, (2, 3, 1))
        scores = tastes + offsets + rng.standard_normal((2, 3, users), np.float32) * 0.1
        hits = (scores > 0.5).astype(np.float64)
        errors += paired_difference(hits[0], hits[1], num_flips=0).excludes_zero
    assert 0.02 <= errors / repeats <= 0.08
