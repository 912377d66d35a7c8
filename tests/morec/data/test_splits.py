"""Leave-one-out gives the documented inputs, targets and histories."""

from pathlib import Path
from typing import get_args

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from morec.config import Candidates
from morec.data.dataset import Dataset, open_dataset, save_dataset
from morec.data.splits import (
    EvaluationBatch,
    evaluation_batches,
    is_candidate_N1,
    left_padded,
    spans,
    train_popularity_N1,
    train_sequences_UL1,
)
from tests.morec.data.hand_made import dataset_of, datasets, quick, windows_of


def only_batch(dataset: Dataset, split: str) -> EvaluationBatch:
    (batch,) = evaluation_batches(dataset, split, batch_size=100)  # type: ignore[arg-type]
    return batch


def real(row: np.ndarray) -> list[int]:
    return [int(item) for item in row if item]


def test_the_last_item_tests_and_the_one_before_validates() -> None:
    dataset = dataset_of([[1, 2, 3, 4, 5, 6], [7, 8, 9]], num_items=9, max_seq_len=3)
    valid, test = only_batch(dataset, "valid"), only_batch(dataset, "test")
    assert train_sequences_UL1(dataset).tolist() == [[1, 2, 3, 4], [0, 0, 0, 7]]
    assert valid.inputs_BL.tolist() == [[2, 3, 4], [0, 0, 7]]
    assert valid.targets_B.tolist() == [5, 8]
    assert valid.history_rows.tolist() == [0, 0, 0, 0, 1]
    assert valid.history_items.tolist() == [1, 2, 3, 4, 7]
    assert test.inputs_BL.tolist() == [[3, 4, 5], [0, 7, 8]]
    assert test.targets_B.tolist() == [6, 9]
    assert test.history_rows.tolist() == [0, 0, 0, 0, 0, 1, 1]
    assert test.history_items.tolist() == [1, 2, 3, 4, 5, 7, 8]


@quick
@given(datasets())
def test_leave_one_out_loses_and_invents_nothing_and_keeps_order(dataset: Dataset) -> None:
    train = train_sequences_UL1(dataset)
    valid, test = only_batch(dataset, "valid"), only_batch(dataset, "test")
    for user, window in enumerate(windows_of(dataset)):
        whole = [*real(train[user]), valid.targets_B[user], test.targets_B[user]]
        assert whole == window


@quick
@given(datasets(), st.integers(1, 4), st.sampled_from([("valid", 2), ("test", 1)]))
def test_evaluation_batches_are_those_of_a_loop(
    dataset: Dataset, batch_size: int, named_split: tuple[str, int]
) -> None:
    split, from_end = named_split
    batches = list(evaluation_batches(dataset, split, batch_size))  # type: ignore[arg-type]
    windows = windows_of(dataset)
    assert [len(batch.targets_B) for batch in batches][:-1] == [batch_size] * (len(batches) - 1)
    users = [(batch, row) for batch in batches for row in range(len(batch.targets_B))]
    numbers = [batch.users_B[row] for batch, row in users]
    assert numbers == list(range(len(windows)))
    assert len(users) == len(windows)
    for (batch, row), window in zip(users, windows, strict=True):
        history = window[:-from_end]
        assert batch.targets_B[row] == window[-from_end]
        assert real(batch.inputs_BL[row]) == history[-dataset.max_seq_len :]
        assert batch.history_items[batch.history_rows == row].tolist() == history


@quick
@given(datasets(), st.integers(0, 5), st.integers(1, 5))
def test_some_rows_of_a_batch_are_the_batch_of_those_users(
    dataset: Dataset, first: int, size: int
) -> None:
    rows = slice(first, first + size)
    found = only_batch(dataset, "test").rows(rows)
    alone = [batch for batch in evaluation_batches(dataset, "test", batch_size=1)][rows]
    assert found.users_B.tolist() == [int(batch.users_B[0]) for batch in alone]
    assert found.targets_B.tolist() == [int(batch.targets_B[0]) for batch in alone]
    assert found.inputs_BL.tolist() == [batch.inputs_BL[0].tolist() for batch in alone]
    pairs = zip(found.history_rows.tolist(), found.history_items.tolist(), strict=True)
    assert list(pairs) == [
        (row, item) for row, batch in enumerate(alone) for item in batch.history_items.tolist()
    ]


@quick
@given(datasets())
def test_padding_is_only_left_of_the_items(dataset: Dataset) -> None:
    for rows in (train_sequences_UL1(dataset), only_batch(dataset, "test").inputs_BL):
        is_real = rows > 0
        assert (np.diff(is_real.astype(int), axis=1) >= 0).all()
        assert is_real[:, -1].all()


def arrays_of(batch: EvaluationBatch) -> list[np.ndarray]:
    return [value for name, value in vars(batch).items() if name != "first"]


def test_arrays_have_the_documented_types_and_shapes() -> None:
    dataset = dataset_of([[1, 2, 3, 4]] * 5, num_items=4, max_seq_len=7)
    assert train_sequences_UL1(dataset).shape == (5, 8)
    assert train_sequences_UL1(dataset).dtype == np.int32
    batch = only_batch(dataset, "valid")
    arrays = arrays_of(batch)
    assert {array.dtype for array in arrays} == {np.dtype(np.int64)}
    assert batch.inputs_BL.shape == (5, 7)


def test_a_memory_mapped_dataset_gives_plain_writable_arrays(tmp_path: Path) -> None:
    save_dataset(dataset_of([[1, 2, 3, 4]], num_items=4), tmp_path)
    dataset = open_dataset(tmp_path)
    arrays = [train_sequences_UL1(dataset), *arrays_of(only_batch(dataset, "test"))]
    assert {type(array) for array in arrays} == {np.ndarray}
    assert all(array.flags.writeable for array in arrays)


def test_popularity_counts_train_lists_only() -> None:
    dataset = dataset_of([[1, 2, 3, 4], [2, 2, 5, 5]], num_items=6)
    assert train_popularity_N1(dataset).tolist() == [0, 1, 3, 0, 0, 0, 0]


def test_left_padded_keeps_the_latest() -> None:
    values = np.array([1, 2, 3, 4], dtype=np.int32)
    rows = left_padded(values, np.array([0, 3]), np.array([3, 4]), width=2)
    assert rows.tolist() == [[2, 3], [0, 4]]


def test_spans_lists_every_position_and_skips_empty_rows() -> None:
    rows, positions = spans(np.array([4, 7, 0]), np.array([6, 7, 1]))
    assert rows.tolist() == [0, 0, 2]
    assert positions.tolist() == [4, 5, 0]


def test_without_a_mask_no_history_is_listed() -> None:
    dataset = dataset_of([[1, 2, 3, 4], [4, 3, 2]], num_items=4)
    (batch,) = evaluation_batches(dataset, "test", 100, mask_history=False)
    assert (batch.history_rows.tolist(), batch.history_items.tolist()) == ([], [])
    assert batch.inputs_BL.tolist() == [[1, 2, 3], [0, 4, 3]]


def test_candidates_are_all_items_or_those_of_train_lists() -> None:
    dataset = dataset_of([[1, 2, 3, 4], [2, 2, 5, 5]], num_items=6)
    assert is_candidate_N1(dataset, "all").tolist() == [False, *[True] * 6]
    others = [name for name in get_args(Candidates) if name != "all"]
    for name in others:
        assert is_candidate_N1(dataset, name).tolist() == [
            *(False, True, True, False, False, False, False),
        ]
    assert others


def test_a_batch_knows_its_first_user_among_those_of_the_split() -> None:
    dataset = dataset_of([[1, 2, 3]] * 7, num_items=3)
    batches = list(evaluation_batches(dataset, "test", 3))
    assert [batch.first for batch in batches] == [0, 3, 6]
    some = batches[1].rows(slice(1, None))
    assert (some.first, some.rows(slice(1, None)).first) == (4, 5)


def test_a_single_value_is_padded_too() -> None:
    rows = left_padded(np.array([7], dtype=np.int32), np.array([0]), np.array([1]), width=3)
    assert rows.tolist() == [[0, 0, 7]]
