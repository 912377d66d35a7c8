"""Metrics from ranks by hand, by properties, and as expectations over every rank."""

import subprocess
import sys
from math import log2
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morec.metrics import (
    GAINS,
    NEVER_FOUND,
    expected_metrics,
    metric_name,
    metric_names,
    metrics_of,
    parse_metric,
    per_user,
)
from tests.installed_package import write_package

ROOT = Path(__file__).parents[2]
GOLDEN: dict[str, dict[tuple[int, int], float]] = {
    "HR": {(1, 10): 1, (10, 10): 1, (11, 10): 0, (3, 5): 1},
    "NDCG": {(1, 10): 1, (2, 10): 1 / log2(3), (10, 10): 1 / log2(11), (11, 10): 0, (3, 5): 1 / 2},
    "MRR": {(1, 10): 1, (3, 10): 1 / 3, (10, 10): 1 / 10, (11, 10): 0, (3, 2): 0},
}
"""Metric -> (rank, k) -> its value for one user, by hand from the formula."""
all_ranks = st.lists(st.integers(1, 40), min_size=1, max_size=30).map(np.array)
cutoffs = st.integers(1, 20)
names = pytest.mark.parametrize("metric", GAINS)


def test_every_metric_has_golden_values() -> None:
    assert list(GOLDEN) == list(GAINS)


@pytest.mark.parametrize(
    ("metric", "rank", "k", "value"),
    [(name, *place, value) for name, row in GOLDEN.items() for place, value in row.items()],
)
def test_the_value_of_one_rank_is_the_golden_one(
    metric: str, rank: int, k: int, value: float
) -> None:
    assert per_user(metric_name(metric, k), [rank]).tolist() == pytest.approx([value], abs=1e-15)
    assert metrics_of(np.array([rank]), (k,))[metric_name(metric, k)] == pytest.approx(value)


@names
@pytest.mark.parametrize("k", [1, 10, 2**32 - 2, 2**32 - 1, 2**32, 2**40])
def test_a_target_that_is_never_found_is_a_miss_at_every_k(metric: str, k: int) -> None:
    packed = np.array([NEVER_FOUND], dtype=np.uint32)
    assert packed[0] == NEVER_FOUND
    assert per_user(f"{metric}@{k}", packed).tolist() == [0.0]
    assert metrics_of(packed, (k,))[f"{metric}@{k}"] == 0.0


def test_12_items_of_which_2_of_4_targets_are_masked_have_a_hit_rate_of_a_half_at_20() -> None:
    ranks_U = np.array([NEVER_FOUND, 12, NEVER_FOUND, 1])
    assert metrics_of(ranks_U, (10, 20)) == {
        "HR@10": 1 / 4,
        "HR@20": 2 / 4,
        "NDCG@10": 1 / 4,
        "NDCG@20": pytest.approx((1 / log2(13) + 1) / 4),
        "MRR@10": 1 / 4,
        "MRR@20": pytest.approx((1 / 12 + 1) / 4),
    }


def test_a_rank_behind_all_items_of_an_earlier_record_still_counts_as_it_did() -> None:
    ranks_U = np.array([12 + 1, 12])
    assert metrics_of(ranks_U, (10, 12, 20)) == {
        "HR@10": 0.0,
        "HR@12": 1 / 2,
        "HR@20": 1.0,
        "NDCG@10": 0.0,
        "NDCG@12": pytest.approx(1 / log2(13) / 2),
        "NDCG@20": pytest.approx((1 / log2(14) + 1 / log2(13)) / 2),
        "MRR@10": 0.0,
        "MRR@12": pytest.approx(1 / 12 / 2),
        "MRR@20": pytest.approx((1 / 13 + 1 / 12) / 2),
    }


def test_an_expectation_above_the_catalogue_needs_no_list_of_k_values() -> None:
    found = expected_metrics(np.array([4, 0]), (10**12,))
    assert found[f"HR@{10**12}"] == pytest.approx(1 / 2)
    gains = 1 + 1 / log2(3) + 1 / log2(4) + 1 / log2(5)
    assert found[f"NDCG@{10**12}"] == pytest.approx(gains / 4 / 2)


def test_metrics_are_means_over_users_named_after_their_cutoffs() -> None:
    assert metrics_of(np.array([2, 30]), (1, 5)) == {
        "HR@1": 0.0,
        "HR@5": 1 / 2,
        "NDCG@1": 0.0,
        "NDCG@5": pytest.approx((1 / log2(3)) / 2),
        "MRR@1": 0.0,
        "MRR@5": pytest.approx((1 / 2) / 2),
    }
    names = ["HR@1", "HR@5", "NDCG@1", "NDCG@5", "MRR@1", "MRR@5"]
    assert list(metrics_of(np.array([1]), iter((1, 5)))) == names


@names
@given(st.integers(1, 10**6))
def test_a_name_is_read_back_as_it_was_written(metric: str, k: int) -> None:
    assert parse_metric(metric_name(metric, k)) == (metric, k)


@pytest.mark.parametrize("name", ["HR", "HR@", "HR@ten", ""])
def test_what_is_no_metric_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        parse_metric(name)


@names
@given(all_ranks, cutoffs)
def test_a_metric_lies_between_0_and_the_hit_rate(metric: str, ranks: np.ndarray, k: int) -> None:
    values, hits = per_user(f"{metric}@{k}", ranks), per_user(f"HR@{k}", ranks)
    assert ((values >= 0) & (values <= hits) & (hits <= 1)).all()


@names
@given(all_ranks, cutoffs)
def test_a_metric_grows_with_k(metric: str, ranks: np.ndarray, k: int) -> None:
    assert (per_user(f"{metric}@{k}", ranks) <= per_user(f"{metric}@{k + 1}", ranks)).all()


@names
@given(st.integers(1, 40), cutoffs)
def test_a_better_rank_is_never_worth_less(metric: str, rank: int, k: int) -> None:
    better, worse = per_user(f"{metric}@{k}", [rank, rank + 1])
    assert better >= worse


@names
@given(all_ranks)
def test_at_k_1_every_metric_is_the_share_of_first_places(metric: str, ranks: np.ndarray) -> None:
    assert metrics_of(ranks, (1,))[f"{metric}@1"] == np.mean(ranks == 1)


@given(all_ranks, cutoffs)
def test_per_user_values_keep_the_shape_of_the_ranks(ranks: np.ndarray, k: int) -> None:
    both_SU = np.array([ranks, ranks[::-1]])
    assert per_user(f"NDCG@{k}", both_SU).tolist() == [
        per_user(f"NDCG@{k}", row).tolist() for row in both_SU
    ]


@given(st.lists(st.integers(0, 25), min_size=1, max_size=10), cutoffs)
def test_an_expectation_is_the_mean_over_every_rank_the_target_could_have(
    num_ranks: list[int], k: int
) -> None:
    found = expected_metrics(np.array(num_ranks), (k,))
    assert list(found) == list(metric_names((k,)))
    for name, value in found.items():
        by_user = [
            np.mean(per_user(name, range(1, count + 1))) if count else 0.0 for count in num_ranks
        ]
        assert value == pytest.approx(np.mean(by_user))


USE_BIASED_PRECISION = """
import numpy as np
from morec.config import EvaluationSpec
from morec.metrics import expected_metrics, metrics_of, per_user

assert metrics_of(np.array([2, 4, 30]), (10,))["RBP@10"] == (1 / 2 + 1 / 8) / 3
assert per_user("RBP@10", [1, 3]).tolist() == [1, 1 / 4]
assert expected_metrics(np.array([2]), (10,))["RBP@10"] == (1 + 1 / 2) / 2
assert EvaluationSpec(select="RBP@10").select == "RBP@10"
"""


def test_an_installed_package_adds_a_metric(tmp_path: Path) -> None:
    write_package(
        tmp_path,
        "toy-metric",
        modules={"toy_metric.py": "def precision(ranks):\n    return 0.5 ** (ranks - 1)\n"},
        entries={"morec.metrics": {"RBP": "toy_metric:precision"}},
    )
    done = subprocess.run(
        [sys.executable, "-c", USE_BIASED_PRECISION],
        env={"PYTHONPATH": f"{tmp_path}:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
