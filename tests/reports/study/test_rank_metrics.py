"""Per-user test values: a row per trial, a column per user."""

from pathlib import Path

import pytest

from reports.study.rank_metrics import values_on_test
from reports.study.summary import summarise
from tests.reports.made_up_studies import SMALL, FakeStudy


def test_values_on_test_have_a_row_per_trial_and_a_column_per_user(tmp_path: Path) -> None:
    arm = summarise(FakeStudy(arms=SMALL[:1], searches=0, num_users=40).write(tmp_path)).arms[0]
    values_SU = values_on_test("HR@10", arm.tested.values())
    assert values_SU.shape == (3, 40)
    assert values_SU.mean(axis=1).tolist() == pytest.approx(arm.values("HR@10"))
