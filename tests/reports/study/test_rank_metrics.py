"""HR@k and NDCG@k per user, from the rank of the user's target."""

from math import log2
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.study.rank_metrics import per_user, values_on_test
from reports.study.summary import summarise
from tests.reports.made_up_studies import SMALL, FakeStudy


def test_hit_rate_counts_rank_10_but_not_11() -> None:
    assert per_user("HR@10", [1, 10, 11]).tolist() == [1, 1, 0]


def test_ndcg_discounts_by_log2_of_rank_plus_1() -> None:
    expected = [1, 1 / log2(3), 1 / log2(11), 0]
    assert per_user("NDCG@10", [1, 2, 10, 11]).tolist() == pytest.approx(expected)


@given(st.lists(st.integers(1, 50), min_size=1), st.integers(1, 50))
def test_ndcg_is_never_above_the_hit_rate(ranks: list[int], k: int) -> None:
    ranks_SU = np.array([ranks, ranks])
    assert (per_user(f"NDCG@{k}", ranks_SU) <= per_user(f"HR@{k}", ranks_SU)).all()


def test_values_on_test_have_a_row_per_trial_and_a_column_per_user(tmp_path: Path) -> None:
    arm = summarise(FakeStudy(arms=SMALL[:1], searches=0, num_users=40).write(tmp_path)).arms[0]
    values_SU = values_on_test("HR@10", arm.tested.values())
    assert values_SU.shape == (3, 40)
    assert values_SU.mean(axis=1).tolist() == pytest.approx(arm.values("HR@10"))
