import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morec.data.batches import TrainBatch, sample_negatives, train_batches
from morec.data.dataset import Dataset
from morec.data.splits import train_sequences_UL1
from morec.errors import DataError
from tests.morec.data.hand_made import datasets, quick

SEQUENCES = np.array([[0, 0, 1, 2], [0, 0, 0, 3], [4, 5, 6, 7], [0, 1, 5, 9]], dtype=np.int32)


def batches_of(seed: int = 0, batch_size: int = 3, **options: bool) -> list[TrainBatch]:
    rng = np.random.default_rng(seed)
    return list(train_batches(SEQUENCES, 9, batch_size, rng, **options))


def negatives_of(batch: TrainBatch) -> np.ndarray:
    assert batch.negatives_BL is not None
    return batch.negatives_BL


def test_every_user_comes_once_and_the_last_batch_is_kept() -> None:
    batches = batches_of(batch_size=3)
    assert [len(batch.users_B) for batch in batches] == [3, 1]
    assert sorted(np.concatenate([batch.users_B for batch in batches])) == [0, 1, 2, 3]
    for batch in batches:
        assert (batch.items_BL1 == SEQUENCES[batch.users_B]).all()


def test_users_are_shuffled_anew_by_the_generator_alone() -> None:
    def orders(rng: np.random.Generator) -> list[list[int]]:
        many = np.repeat(SEQUENCES, 10, axis=0)
        epochs = [list(train_batches(many, 9, 50, rng)) for _ in range(2)]
        return [epoch[0].users_B.tolist() for epoch in epochs]

    first, second = orders(np.random.default_rng(1))
    assert first != second
    assert [first, second] == orders(np.random.default_rng(1))


@quick
@given(datasets(), st.integers(0, 1000))
def test_negatives_stand_where_input_and_target_are_real_and_are_never_trained_on(
    dataset: Dataset, seed: int
) -> None:
    sequences = train_sequences_UL1(dataset)
    num_items = dataset.num_items + 1  # one item more, so that a negative always exists
    for batch in train_batches(sequences, num_items, 2, np.random.default_rng(seed)):
        has_target = (batch.items_BL1[:, :-1] > 0) & (batch.items_BL1[:, 1:] > 0)
        negatives = negatives_of(batch)
        assert ((negatives > 0) == has_target).all()
        assert negatives.max(initial=0) <= num_items
        for row, items in zip(negatives, batch.items_BL1, strict=True):
            assert not set(row[row > 0].tolist()) & set(items.tolist())


def test_negatives_are_uniform_over_the_items_the_user_has_not_trained_on() -> None:
    num_draws = 20_000
    items = np.tile(np.array([[0, 2, 4]]), (num_draws, 1))
    negatives = sample_negatives(items, 6, np.random.default_rng(0))[:, 1]
    shares = np.bincount(negatives, minlength=7) / num_draws
    # Four free items, a quarter each; 0.02 is more than six standard deviations.
    assert shares[[0, 2, 4]].tolist() == [0, 0, 0]
    assert shares[[1, 3, 5, 6]] == pytest.approx([1 / 4] * 4, abs=0.02)


def test_negatives_can_be_left_out() -> None:
    assert [batch.negatives_BL for batch in batches_of(negatives=False)] == [None, None]


def test_arrays_are_int64() -> None:
    batch = batches_of()[0]
    arrays = (batch.users_B, batch.items_BL1, negatives_of(batch))
    assert {array.dtype for array in arrays} == {np.dtype(np.int64)}


def test_a_user_with_every_item_is_an_error_not_an_endless_loop() -> None:
    sequences = np.array([[0, 1, 2, 3], [3, 2, 1, 1], [0, 0, 1, 2]], dtype=np.int32)
    with pytest.raises(DataError) as error:
        next(train_batches(sequences, 3, 2, np.random.default_rng(0)))
    assert str(error.value) == (
        "negative sampling: 2 of 3 users have every one of the 3 items in their train list, "
        "so no negative exists; lower max_seq_len or use more items"
    )


def test_a_user_with_all_items_but_one_gets_that_one() -> None:
    sequences = np.array([[1, 2, 3, 1]], dtype=np.int32)
    (batch,) = train_batches(sequences, 4, 2, np.random.default_rng(0))
    assert negatives_of(batch).tolist() == [[4, 4, 4]]
