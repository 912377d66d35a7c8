"""Weighted histories and co-occurrences, against loops."""

import numpy as np
import pytest
from hypothesis import given

from morec.data.dataset import Dataset
from morec.references import histories
from morec.references.histories import cooccurrences, decaying, train_matrix_UN, weighted_histories
from tests.morec.data.hand_made import datasets, quick, windows_of
from tests.morec.references.loops import drawn_dataset, together


def test_the_latest_interaction_has_the_largest_weight() -> None:
    assert decaying(0.5, 4).tolist() == [0.125, 0.25, 0.5, 1]
    assert decaying(1.0, 3).tolist() == [1, 1, 1]


def test_items_that_stand_twice_have_both_weights_and_padding_has_none() -> None:
    inputs_BL = np.array([[0, 3, 1, 3], [0, 0, 0, 2]])
    found = weighted_histories(inputs_BL, np.array([8.0, 4.0, 2.0, 1.0]), 3).toarray()
    assert found.tolist() == [[2, 0, 5], [0, 1, 0]]


@quick
@given(datasets())
def test_a_train_list_counts_an_item_once(dataset: Dataset) -> None:
    rows = train_matrix_UN(dataset).toarray()
    for user, window in enumerate(windows_of(dataset)):
        assert {item + 1 for item in np.flatnonzero(rows[user])} == set(window[:-2])
    assert set(np.unique(rows)) <= {0, 1}


@pytest.mark.parametrize("block", [4, 15, 512])
def test_cooccurrences_count_the_users_of_both_items(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(histories, "BLOCK_ITEMS", block)
    dataset = drawn_dataset()
    blocks = list(cooccurrences(train_matrix_UN(dataset)))
    assert [items.start for items, _ in blocks] == list(range(0, 15, block))
    assert np.array_equal(np.vstack([rows.toarray() for _, rows in blocks]), together(dataset)[0])
