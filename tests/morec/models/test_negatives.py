"""Negatives are drawn as often as is said, never trained on by their user, and can run out."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morec.config import LossNeeds, TrainingSpec
from morec.config.losses import OUR_LOSSES
from morec.errors import DataError
from morec.models.batches import check_samples, sequence_samples, train_batches
from morec.models.negatives import Negatives, NegativeSampler, negatives_of

TRAINED_UL1 = np.array([[0, 2, 4], [1, 2, 2], [5, 2, 1]], dtype=np.int32)
COUNTS = {1: 2, 2: 4, 4: 1, 5: 1}
"""Train interactions of each item above; 3 and 6 have none."""


def shares_of(drawn: np.ndarray, num_items: int = 6) -> list[float]:
    return (np.bincount(drawn.ravel(), minlength=num_items + 1)[1:] / drawn.size).tolist()


def drawn_for_first_user(negatives: Negatives, num_draws: int) -> np.ndarray:
    """The first user has trained on 2 and 4; only the second of two targets is one."""
    sampler = NegativeSampler(negatives, TRAINED_UL1, 6)
    trained = np.tile(TRAINED_UL1[:1], (num_draws, 1))
    is_target = np.tile(np.array([[False, True]]), (num_draws, 1))
    drawn_BTK = sampler.draw_each(is_target, trained, np.random.default_rng(0))
    assert not drawn_BTK[:, 0].any()
    return drawn_BTK[:, 1]


@pytest.mark.parametrize("num_items", [6, 12, 13, 1000])
@given(data=st.data())
def test_items_of_a_users_list_are_found_in_small_and_in_large_catalogues(
    num_items: int, data: st.DataObject
) -> None:
    """Of up to 12 items, as many as three numbers have bytes, each has a mark."""
    items = st.lists(st.integers(0, 6), min_size=3, max_size=3)
    rows = data.draw(st.lists(st.tuples(items, items), min_size=1, max_size=4))
    items_RX, rows_RL1 = np.array(rows, dtype=np.int32).transpose(1, 0, 2)
    sampler = NegativeSampler(Negatives(each=1), TRAINED_UL1, num_items)
    found_RX = sampler._is_in_row(items_RX, rows_RL1)
    assert found_RX.tolist() == [[item in own for item in asked] for asked, own in rows]


def close(share: float, num_draws: int) -> object:
    return pytest.approx(share, abs=6 * sqrt(share * (1 - share) / num_draws) + 1e-12)


@pytest.mark.parametrize("each", [1, 3])
def test_each_targets_negatives_are_uniform_over_what_the_user_has_not_trained_on(
    each: int,
) -> None:
    drawn = drawn_for_first_user(Negatives(each=each), 20_000)
    assert drawn.shape == (20_000, each)
    expected = [1 / 4, 0, 1 / 4, 0, 1 / 4, 1 / 4]
    for found, share in zip(shares_of(drawn), expected, strict=True):
        assert found == close(share, 20_000)


def test_by_popularity_they_are_as_frequent_as_their_train_interactions() -> None:
    drawn = drawn_for_first_user(Negatives(each=2, by_popularity=True), 20_000)
    for found, share in zip(shares_of(drawn), [2 / 3, 0, 0, 0, 1 / 3, 0], strict=True):
        assert found == close(share, 20_000)


@pytest.mark.parametrize("by_popularity", [False, True])
def test_shared_negatives_are_drawn_from_all_items_or_interactions(by_popularity: bool) -> None:
    sampler = NegativeSampler(Negatives(shared=20_000, by_popularity=by_popularity), TRAINED_UL1, 6)
    drawn_M = sampler.draw_shared(np.random.default_rng(1))
    assert drawn_M.dtype == np.int64
    shares = [COUNTS.get(item, 0) / 8 if by_popularity else 1 / 6 for item in range(1, 7)]
    for found, share in zip(shares_of(drawn_M), shares, strict=True):
        assert found == close(share, 20_000)


@given(st.integers(1, 5), st.integers(0, 99))
def test_more_negatives_of_a_target_are_all_items_that_its_user_has_not_trained_on(
    each: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    samples = sequence_samples(TRAINED_UL1)
    for batch in train_batches(samples, 6, 2, rng, Negatives(each=each)):
        assert batch.negatives_BTK.shape == (*batch.is_target_BT.shape, each)
        assert ((batch.negatives_BTK > 0) == batch.is_target_BT[..., None]).all()
        for row, user in zip(batch.negatives_BTK, batch.users_B, strict=True):
            assert not set(row.ravel().tolist()) - {0} & set(TRAINED_UL1[user].tolist()) - {0}


def test_each_batch_draws_its_shared_negatives_anew_and_every_batch_has_the_catalogue() -> None:
    def shared(negatives: Negatives) -> list[list[int]]:
        batches = train_batches(
            sequence_samples(TRAINED_UL1), 50, 2, np.random.default_rng(0), negatives
        )
        return [batch.shared_M.tolist() for batch in batches]

    first, second = shared(Negatives(shared=9))
    assert first != second
    assert shared(Negatives(catalogue=True)) == [list(range(1, 51))] * 2
    assert shared(Negatives(each=1)) == [[], []]


@pytest.mark.parametrize(
    ("training", "expected"),
    [
        ({"loss": "bce"}, Negatives(each=1)),
        ({"loss": "gbce", "negatives": 7}, Negatives(each=7)),
        ({"loss": "bce", "negatives": 7, "shared_negatives": True}, Negatives(shared=7)),
        (
            {"loss": "sampled_ce", "negatives": 2, "negatives_by": "popularity"},
            Negatives(each=2, by_popularity=True),
        ),
        ({"loss": "in_batch_ce"}, Negatives()),
        ({"loss": "full_ce"}, Negatives(catalogue=True)),
    ],
)
def test_the_options_of_training_say_what_is_drawn(training, expected: Negatives) -> None:
    spec = TrainingSpec.model_validate(training)
    assert negatives_of(spec, OUR_LOSSES[spec.loss]) == expected


def test_a_loss_over_the_catalogue_may_draw_negatives_as_well() -> None:
    needs = LossNeeds(negatives=True, catalogue=True)
    found = negatives_of(TrainingSpec(loss="gbce", negatives=3), needs)
    assert found == Negatives(each=3, catalogue=True)


@pytest.mark.parametrize(
    ("negatives", "is_drawn", "is_shared"),
    [
        (Negatives(), False, False),
        (Negatives(each=1), True, False),
        (Negatives(shared=1), True, True),
        (Negatives(each=1, shared=1), True, True),
        (Negatives(catalogue=True), False, True),
        (Negatives(each=2, catalogue=True), True, True),
    ],
)
def test_negatives_know_whether_they_are_drawn_and_shared(
    negatives: Negatives, is_drawn: bool, is_shared: bool
) -> None:
    assert (negatives.is_drawn, negatives.is_shared) == (is_drawn, is_shared)


FULL_LIST = np.array([[0, 1, 2], [0, 0, 1]], dtype=np.int32)


def refused(loss: str, num_items: int, **options: object) -> str:
    training = TrainingSpec(loss=loss, **options)
    needs = OUR_LOSSES[loss]
    with pytest.raises(DataError) as error:
        check_samples(sequence_samples(FULL_LIST), num_items, needs, negatives_of(training, needs))
    return str(error.value)


def test_more_negatives_than_other_items_are_refused() -> None:
    for shared in (False, True):
        assert refused("gbce", 5, negatives=5, shared_negatives=shared) == (
            "training.negatives: 5 are more than the 4 items beside a target; allowed: 1 to 4, or "
            "training.loss: full_ce"
        )
    fits = Negatives(each=4)
    check_samples(sequence_samples(FULL_LIST), 5, OUR_LOSSES["gbce"], fits)


def test_a_user_with_all_trained_items_has_no_negative_by_popularity() -> None:
    found = refused("sampled_ce", 9, negatives_by="popularity")
    assert found.startswith(
        "negative sampling: 1 of 2 users have every one of the 2 trained items in their train list"
    )
    check_samples(sequence_samples(FULL_LIST), 9, OUR_LOSSES["sampled_ce"], Negatives(each=1))


@pytest.mark.parametrize(
    ("loss", "options", "num_items", "kind"),
    [
        ("full_ce", {}, 2, "2 items"),
        ("sampled_ce", {"shared_negatives": True}, 2, "2 items"),
        ("sampled_ce", {"shared_negatives": True, "negatives_by": "popularity"}, 9, "2 trained"),
    ],
)
def test_shared_items_that_every_user_has_trained_on_are_refused(
    loss: str, options, num_items: int, kind: str
) -> None:
    found = refused(loss, num_items, **options)
    assert found.startswith(
        f"shared negatives: each of the 1 users with a training target has all {kind}"
    )
    more = Negatives(catalogue=True)
    check_samples(sequence_samples(FULL_LIST), 3, LossNeeds(histories=True), more)
