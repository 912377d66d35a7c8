"""Samples hold every train interaction once; a negative is an item its user has not trained on."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morec.config import TrainingSpec
from morec.config.losses import OUR_LOSSES, LossNeeds
from morec.data.dataset import Dataset
from morec.data.splits import train_sequences_UL1
from morec.errors import DataError
from morec.models.batches import (
    ONE_EACH,
    TrainBatch,
    TrainSamples,
    check_samples,
    num_steps,
    pair_samples,
    sequence_samples,
    train_batches,
)
from morec.models.negatives import Negatives
from tests.morec.data.hand_made import datasets, quick, windows_of

SEQUENCES = np.array([[0, 0, 1, 2], [0, 0, 0, 3], [4, 5, 6, 7], [0, 1, 5, 9]], dtype=np.int32)


def batches_of(
    seed: int = 0, batch_size: int = 3, negatives: Negatives = ONE_EACH
) -> list[TrainBatch]:
    rng = np.random.default_rng(seed)
    return list(train_batches(sequence_samples(SEQUENCES), 9, batch_size, rng, negatives))


def only_negatives_of(batch: TrainBatch) -> np.ndarray:
    (negatives_BT,) = np.moveaxis(batch.negatives_BTK, 2, 0)
    return negatives_BT


def test_every_user_comes_once_and_the_last_batch_is_kept() -> None:
    batches = batches_of(batch_size=3)
    assert [len(batch.users_B) for batch in batches] == [3, 1]
    assert sorted(np.concatenate([batch.users_B for batch in batches])) == [0, 1, 2, 3]
    for batch in batches:
        assert (batch.items_BL1 == SEQUENCES[batch.users_B]).all()


def test_users_are_shuffled_anew_by_the_generator_alone() -> None:
    def orders(rng: np.random.Generator) -> list[list[int]]:
        many = np.repeat(SEQUENCES, 10, axis=0)
        epochs = [list(train_batches(sequence_samples(many), 9, 50, rng)) for _ in range(2)]
        return [epoch[0].users_B.tolist() for epoch in epochs]

    first, second = orders(np.random.default_rng(1))
    assert first != second
    assert [first, second] == orders(np.random.default_rng(1))


def test_users_without_a_train_list_have_no_sample() -> None:
    lists = np.array([[0, 0, 0], [0, 2, 3], [0, 0, 0], [0, 0, 4]], dtype=np.int32)
    sequences, pairs = sequence_samples(lists), pair_samples(lists)
    assert sequences.users_S.tolist() == [1, 3]
    assert sequences.items_SL1.tolist() == [[0, 2, 3], [0, 0, 4]]
    assert sequences.is_target_ST.tolist() == [[False, True], [False, False]]
    assert pairs.users_S.tolist() == [1, 1, 3]
    assert pairs.items_SL1.tolist() == [[2], [3], [4]]
    assert pairs.is_target_ST.tolist() == [[True]] * 3
    for samples in (sequences, pairs):
        assert samples.trained_UL1 is lists
        assert samples.is_target_ST.dtype == np.bool_


@pytest.mark.parametrize("batch_size", [3, 4, 10_000])
def test_steps_are_counted_with_the_smaller_last_batch_of_every_epoch(batch_size: int) -> None:
    samples = sequence_samples(np.tile(SEQUENCES, (25, 1)))
    training = TrainingSpec(max_epochs=7, batch_size=batch_size)
    rng = np.random.default_rng(0)
    batches = [*train_batches(samples, 9, batch_size, rng, Negatives(each=2))]
    assert num_steps(samples, training) == 7 * len(batches)
    assert len(batches) == {3: 34, 4: 25, 10_000: 1}[batch_size]


def test_nothing_but_the_order_is_drawn_where_every_target_enters_the_loss() -> None:
    samples, rng = sequence_samples(SEQUENCES), np.random.default_rng(0)
    batches = list(train_batches(samples, 9, 3, rng, Negatives()))
    by_user = np.concatenate([batch.users_B for batch in batches]).argsort()
    drawn = np.concatenate([batch.is_target_BT for batch in batches])[by_user]
    assert (drawn == samples.is_target_ST).all()
    other = np.random.default_rng(0)
    other.permutation(len(SEQUENCES))
    assert rng.random() == other.random()


@quick
@given(datasets())
def test_every_item_after_the_first_is_a_target_of_a_sequence(dataset: Dataset) -> None:
    sequences = train_sequences_UL1(dataset)
    samples = sequence_samples(sequences)
    assert samples.users_S.tolist() == list(range(dataset.num_users))
    assert (samples.items_SL1 == sequences).all()
    has_target = (sequences[:, :-1] > 0) & (sequences[:, 1:] > 0)
    assert (samples.is_target_ST == has_target).all()


@quick
@given(datasets())
def test_every_train_interaction_is_a_pair_repeats_included(dataset: Dataset) -> None:
    samples = pair_samples(train_sequences_UL1(dataset))
    pairs = [
        (user, item) for user, window in enumerate(windows_of(dataset)) for item in window[:-2]
    ]
    found = zip(samples.users_S.tolist(), samples.items_SL1[:, 0].tolist(), strict=True)
    assert list(found) == pairs
    assert samples.items_SL1.shape == samples.is_target_ST.shape == (len(pairs), 1)
    assert samples.is_target_ST.all()


@quick
@given(datasets(), st.sampled_from([sequence_samples, pair_samples]), st.integers(0, 1000))
def test_negatives_stand_at_the_targets_and_are_never_trained_on(
    dataset: Dataset, sample: Callable[..., TrainSamples], seed: int
) -> None:
    samples = sample(train_sequences_UL1(dataset))
    num_items = dataset.num_items + 1  # one item more, so that a negative always exists
    for batch in train_batches(samples, num_items, 2, np.random.default_rng(seed)):
        negatives = only_negatives_of(batch)
        assert ((negatives > 0) == batch.is_target_BT).all()
        assert negatives.max(initial=0) <= num_items
        for row, user in zip(negatives, batch.users_B, strict=True):
            window = windows_of(dataset)[user]
            assert not set(row[row > 0].tolist()) & set(window[:-2])


@quick
@given(datasets(), st.integers(1, 4))
def test_an_epoch_of_pairs_shows_each_once(dataset: Dataset, batch_size: int) -> None:
    samples = pair_samples(train_sequences_UL1(dataset))
    rng = np.random.default_rng(0)
    batches = list(train_batches(samples, dataset.num_items + 1, batch_size, rng))
    assert {len(batch.users_B) for batch in batches[:-1]} <= {batch_size}
    users = np.concatenate([batch.users_B for batch in batches])
    items = np.concatenate([batch.items_BL1[:, 0] for batch in batches])
    expected = zip(samples.users_S.tolist(), samples.items_SL1[:, 0].tolist(), strict=True)
    assert sorted(zip(users.tolist(), items.tolist(), strict=True)) == sorted(expected)


def epoch_of_some(share: float, num_users: int = 4000) -> np.ndarray:
    """Users of 4, 3 and 1 items, a third each; which targets an epoch drew, by user."""
    rows = np.array([[4, 5, 6, 7], [0, 1, 5, 9], [0, 0, 0, 3]], dtype=np.int32)
    samples = replace(sequence_samples(np.tile(rows, (num_users // 3, 1))), target_share=share)
    rng = np.random.default_rng(0)
    batches = list(train_batches(samples, 9, 32, rng))
    for batch in batches:
        assert ((only_negatives_of(batch) > 0) == batch.is_target_BT).all()
    order = np.concatenate([batch.users_B for batch in batches]).argsort()
    return np.concatenate([batch.is_target_BT for batch in batches])[order].reshape(-1, 3, 3)


def test_a_share_of_the_targets_is_drawn_and_at_least_one_of_a_user() -> None:
    """Where none is drawn, each is the one that is taken with the same probability."""
    drawn = epoch_of_some(0.3)
    shares = drawn.mean(axis=0)
    assert shares[0] == pytest.approx([0.3 + 0.7**3 / 3] * 3, abs=0.06)
    assert shares[1] == pytest.approx([0, *[0.3 + 0.7**2 / 2] * 2], abs=0.06)
    assert shares[2].tolist() == [0, 0, 0]
    assert drawn[:, :2].any(axis=2).all()


def test_the_targets_are_drawn_anew_every_epoch() -> None:
    samples = replace(sequence_samples(np.tile(SEQUENCES, (50, 1))), target_share=0.5)
    rng = np.random.default_rng(0)
    first, second = (next(train_batches(samples, 9, 200, rng)) for _ in range(2))
    by_user = [batch.is_target_BT[batch.users_B.argsort()] for batch in (first, second)]
    assert (by_user[0] != by_user[1]).any()


def test_negatives_can_be_left_out() -> None:
    batches = batches_of(negatives=Negatives())
    assert [batch.negatives_BTK.shape for batch in batches] == [(3, 3, 0), (1, 3, 0)]
    assert [batch.shared_M.tolist() for batch in batches] == [[], []]


def test_arrays_are_int64() -> None:
    batch = batches_of()[0]
    arrays = (batch.users_B, batch.items_BL1, only_negatives_of(batch))
    assert {array.dtype for array in arrays} == {np.dtype(np.int64)}


def test_a_user_with_every_item_is_an_error_not_an_endless_loop() -> None:
    sequences = np.array([[0, 1, 2, 3], [3, 2, 1, 1], [0, 0, 1, 2]], dtype=np.int32)
    with pytest.raises(DataError) as error:
        next(train_batches(sequence_samples(sequences), 3, 2, np.random.default_rng(0)))
    assert str(error.value) == (
        "negative sampling: 2 of 3 users have every one of the 3 items in their train list, "
        "so no negative exists; lower max_seq_len or use more items"
    )


NEGATIVES = OUR_LOSSES["bce"], ONE_EACH
IN_BATCH = OUR_LOSSES["in_batch_ce"], Negatives()
ONE_EACH = np.array([[0, 0, 1], [0, 0, 2], [0, 0, 3]], dtype=np.int32)


@pytest.mark.parametrize("needs", [NEGATIVES, IN_BATCH, (LossNeeds(), Negatives())])
def test_lists_of_one_item_leave_no_target_of_a_history_and_one_of_a_pair(needs) -> None:
    with pytest.raises(DataError, match=r"^no training target is left: of all 3 users, none has 2"):
        check_samples(sequence_samples(ONE_EACH), 9, *needs)
    check_samples(pair_samples(ONE_EACH), 9, *NEGATIVES)
    longer = np.array([[0, 0, 1], [0, 2, 3]], dtype=np.int32)
    check_samples(sequence_samples(longer), 9, *needs)


def test_samples_without_a_negative_are_refused_only_where_the_loss_draws_one() -> None:
    full = sequence_samples(np.array([[1, 2, 3], [0, 1, 2]], dtype=np.int32))
    with pytest.raises(DataError, match=r"^negative sampling: 1 of 2 users have every"):
        check_samples(full, 3, *NEGATIVES)
    check_samples(full, 4, *NEGATIVES)
    check_samples(full, 3, *IN_BATCH)


@pytest.mark.parametrize(
    ("sequences", "is_refused"),
    [
        ([[0, 1, 2]], True),
        ([[1, 2, 3]], True),
        ([[0, 1, 2], [1, 2, 1]], True),
        ([[0, 1, 2], [0, 0, 1]], True),
        ([[0, 1, 2], [0, 0, 1], [0, 1, 3]], False),
        ([[0, 1, 2], [0, 2, 3]], False),
        ([[1, 2, 1], [0, 0, 3]], False),
        ([[1, 2, 3], [0, 4, 5]], False),
    ],
)
def test_in_batch_samples_are_refused_where_every_user_knows_every_trained_item(
    sequences: list[list[int]], is_refused: bool
) -> None:
    samples = sequence_samples(np.array(sequences, dtype=np.int32))
    check_samples(samples, 9, *NEGATIVES)
    if is_refused:
        with pytest.raises(DataError, match=r"^in-batch negatives: .* the loss is always 0; use"):
            check_samples(samples, 9, *IN_BATCH)
    else:
        check_samples(samples, 9, *IN_BATCH)


def test_a_user_with_all_items_but_one_gets_that_one() -> None:
    sequences = np.array([[1, 2, 3, 1]], dtype=np.int32)
    (batch,) = train_batches(sequence_samples(sequences), 4, 2, np.random.default_rng(0))
    assert only_negatives_of(batch).tolist() == [[4, 4, 4]]
