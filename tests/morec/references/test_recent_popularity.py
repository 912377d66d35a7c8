"""Popularity in the latest tenth of the train interactions."""

from dataclasses import replace
from math import ceil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morec.config import EvaluationSpec
from morec.data.dataset import Dataset
from morec.references.recent_popularity import recent_counts_N1, recent_popularity
from morec.references.scored import ReferenceTask
from morec.results import Evaluation
from tests.morec.data.hand_made import dataset_of, datasets, quick, windows_of
from tests.morec.references.loops import loop_ranks


def timed(dataset: Dataset, times: list[int]) -> Dataset:
    return replace(dataset, times_s=np.array(times, dtype=np.int64))


def loop_counts(dataset: Dataset) -> list[int]:
    """Train interactions in the window by item, counted one by one."""
    assert dataset.times_s is not None
    times, train, first = dataset.times_s.tolist(), [], 0
    for window in windows_of(dataset):
        train += [(times[first + place], item) for place, item in enumerate(window[:-2])]
        first += len(window)
    latest = sorted((time for time, _ in train), reverse=True)
    begin = latest[ceil(len(train) / 10) - 1]
    counts = [0] * (dataset.num_items + 1)
    for time, item in train:
        counts[item] += time >= begin
    return counts


@quick
@given(datasets(), st.data())
def test_counts_and_ranks_are_those_of_a_loop(dataset: Dataset, data: st.DataObject) -> None:
    num = len(dataset.item_ids)
    times = data.draw(st.lists(st.integers(-5, 20), min_size=num, max_size=num))
    dataset = timed(dataset, times)
    counts = loop_counts(dataset)
    assert dataset.times_s is not None
    assert recent_counts_N1(dataset, dataset.times_s).tolist() == counts
    spec = EvaluationSpec()
    found = recent_popularity(ReferenceTask(dataset, spec))
    for split, result in (("valid", found.valid), ("test", found.test)):
        assert isinstance(result, Evaluation)
        expected = loop_ranks(dataset, split, spec, [counts] * dataset.num_users)
        assert (result.ranks.tolist(), result.num_tied, result.num_forced_misses) == expected


def test_a_tenth_is_rounded_up_and_equal_times_are_all_in_the_window() -> None:
    # 11 train interactions: the window begins with the second latest, whose time three have.
    dataset = dataset_of([[1] * 8 + [2, 3, 4, 9, 9]], num_items=9, max_seq_len=11)
    dataset = timed(dataset, [0, 0, 0, 0, 0, 0, 0, 50, 50, 50, 60, 70, 80])
    assert dataset.times_s is not None
    assert recent_counts_N1(dataset, dataset.times_s).tolist() == [0, 1, 1, 1, 1, 0, 0, 0, 0, 0]


def test_without_clock_times_it_is_left_out() -> None:
    found = recent_popularity(ReferenceTask(dataset_of([[1, 2, 3]], 3), EvaluationSpec()))
    assert (found.valid, found.test) == ({}, {})
    assert found.left_out == "the source has no clock times"


@pytest.mark.parametrize("shift", [-(10**9), 3_600])
def test_only_the_order_of_the_times_matters(shift: int) -> None:
    dataset = timed(dataset_of([[1, 2, 3, 4], [2, 1, 4, 3]], 4), [5, 9, 10, 11, 1, 8, 9, 10])
    later = timed(dataset, [time + shift for time in (5, 9, 10, 11, 1, 8, 9, 10)])
    spec = EvaluationSpec()
    assert recent_popularity(ReferenceTask(later, spec)) == recent_popularity(
        ReferenceTask(dataset, spec)
    )
