"""Hue and dash of each arm: no two arms look the same."""

from dataclasses import replace
from pathlib import Path

from reports.plots.styles import NUM_HUES, styles
from reports.study.summary import summarise
from tests.reports.made_up_studies import FUSION, FakeStudy


def test_more_arms_than_hues_share_a_hue_by_group_and_differ_in_dash(tmp_path: Path) -> None:
    summary = summarise(FakeStudy(arms=FUSION, searches=0, num_users=40).write(tmp_path))
    looks = styles(summary.arms)
    assert len(set(looks.values())) == len(FUSION)
    assert looks["TS"].hue == looks["E2E"].hue != looks["ID"].hue


def test_many_arms_without_groups_take_every_hue_before_another_dash(tmp_path: Path) -> None:
    arms = tuple(replace(arm, group=None) for arm in FUSION[:9])
    looks = styles(summarise(FakeStudy(arms=arms, searches=0).write(tmp_path)).arms)
    assert [look.variant for look in looks.values()] == [0] * NUM_HUES + [1, 1]
    assert len(set(looks.values())) == 9
