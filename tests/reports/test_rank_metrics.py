from math import log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.rank_metrics import per_user


def test_hit_rate_counts_rank_10_but_not_11() -> None:
    assert per_user("HR@10", [1, 10, 11]).tolist() == [1, 1, 0]


def test_ndcg_discounts_by_log2_of_rank_plus_1() -> None:
    expected = [1, 1 / log2(3), 1 / log2(11), 0]
    assert per_user("NDCG@10", [1, 2, 10, 11]).tolist() == pytest.approx(expected)


@given(st.lists(st.integers(1, 50), min_size=1), st.integers(1, 50))
def test_ndcg_is_never_above_the_hit_rate(ranks: list[int], k: int) -> None:
    ranks_SU = np.array([ranks, ranks])
    assert (per_user(f"NDCG@{k}", ranks_SU) <= per_user(f"HR@{k}", ranks_SU)).all()
