"""Processed features: what the train items decide, whatever encoder made the features."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from morec.config import FeaturesSpec
from morec.data.dataset import Dataset
from morec.data.splits import train_popularity_N1
from morec.encoders import processing
from morec.encoders.artefacts import Artefact, ArtefactStore
from morec.encoders.frozen import counts_of
from morec.encoders.processing import (
    Fitted,
    item_chunks,
    principal_axes,
    processed_features,
)
from morec.errors import SpecError

WIDTH = 5


@pytest.fixture
def data(dataset: Dataset) -> Dataset:
    """Every second item has no train interaction: the windows end with a held-out pair of them."""
    odd = np.arange(1, dataset.num_items + 1, 2)
    train = np.resize(odd, dataset.num_items).astype(np.int32)
    held_out = np.arange(2, dataset.num_items + 1, 2, dtype=np.int32)
    users = [np.concatenate([train[:6] + 0, pair]) for pair in held_out.reshape(-1, 2)]
    users[0] = np.concatenate([odd, held_out[:2]]).astype(np.int32)
    offsets = np.cumsum([0, *map(len, users)])
    changed = {"num_users": len(users), "offsets_U1": offsets, "item_ids": np.concatenate(users)}
    return replace(dataset, max_seq_len=dataset.num_items, **changed)


def features(num_items: int, rank: int = WIDTH) -> np.ndarray:
    random = np.random.default_rng(3)
    spread = random.normal(size=(num_items, rank)) * np.geomspace(10, 0.1, rank)
    mixed: np.ndarray = spread @ random.normal(size=(rank, WIDTH)) + 20
    return mixed.astype(np.float32)


def process(
    spec: dict[str, Any], values: np.ndarray, data: Dataset, store: ArtefactStore
) -> tuple[np.ndarray, Artefact]:
    def make(folder: Path) -> None:
        np.save(folder / "features.npy", values)

    raw = store.get_or_make("features", {"values": values.tobytes().hex()}, make)
    found = processed_features(FeaturesSpec(**spec), raw, data, store, where="item.text")
    return found.array("features"), found


def trained(data: Dataset) -> np.ndarray:
    is_trained = train_popularity_N1(data)[1:] > 0
    assert is_trained.tolist() == [True, False] * (data.num_items // 2)
    return is_trained


@pytest.mark.parametrize("chunk", [7, 4096])
def test_whitened_train_items_have_no_mean_and_no_correlation_and_zca_is_symmetric(
    data: Dataset, store: ArtefactStore, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processing, "CHUNK", chunk)
    values = features(data.num_items)
    white, made = process({"whiten": True}, values, data, store)
    assert white.dtype == np.float32
    train = white[trained(data)].astype(float)
    np.testing.assert_allclose(train.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(np.cov(train.T, bias=True), np.eye(WIDTH), atol=1e-4)
    # The only whitening whose matrix is symmetric and positive: the inverse root of the covariance.
    own = values[trained(data)].astype(float)
    root = np.linalg.cholesky(np.linalg.inv(np.cov(own.T, bias=True)))
    matrix = np.linalg.lstsq(own - own.mean(0), train, rcond=None)[0]
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-3)
    assert np.linalg.eigvalsh(matrix + matrix.T).min() > 0
    np.testing.assert_allclose(matrix @ matrix.T, root @ root.T, rtol=1e-3, atol=1e-3)
    # Held-out items go through the same map.
    np.testing.assert_allclose(white, (values - own.mean(0)) @ matrix, atol=1e-3)
    assert counts_of(made) == {
        "train_items_fitted": data.num_items // 2,
        "directions": WIDTH,
        "directions_without_spread": 0,
    }


def test_pca_is_that_of_the_train_items(data: Dataset, store: ArtefactStore) -> None:
    values = features(data.num_items)
    reduced, _ = process({"pca": 2}, values, data, store)
    own = values[trained(data)].astype(float)
    _, _, axes = np.linalg.svd(own - own.mean(0), full_matrices=False)
    expected = (values - own.mean(0)) @ axes[:2].T
    signs = np.sign((reduced * expected).sum(0))
    np.testing.assert_allclose(reduced, expected * signs, atol=1e-3)
    white, _ = process({"pca": 2, "whiten": True}, values, data, store)
    np.testing.assert_allclose(white, reduced / reduced[trained(data)].std(0), rtol=1e-3, atol=1e-4)


def test_normalised_features_have_length_1_after_everything_else(
    data: Dataset, store: ArtefactStore
) -> None:
    values = features(data.num_items)
    values[1] = 0
    alone, made = process({"normalize": True}, values, data, store)
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    np.testing.assert_allclose(alone, values / np.where(lengths > 0, lengths, 1), atol=1e-6)
    assert not alone[1].any()
    assert counts_of(made) == {}
    white, _ = process({"whiten": True}, values, data, store)
    both, _ = process({"whiten": True, "normalize": True}, values, data, store)
    expected = white / np.linalg.norm(white, axis=1, keepdims=True)
    np.testing.assert_allclose(both, expected, atol=1e-5)


def test_directions_without_spread_among_train_items_become_nothing(
    data: Dataset, store: ArtefactStore
) -> None:
    values = features(data.num_items, rank=2)
    # Only items that nothing trains on differ in this direction: its inverse would be huge.
    values[1, 0] += 5
    white, made = process({"whiten": True}, values, data, store)
    assert np.isfinite(white).all()
    assert np.abs(white[1]).max() < 100
    train = white[trained(data)].astype(float)
    spreads = np.linalg.eigvalsh(np.cov(train.T, bias=True))
    np.testing.assert_allclose(spreads, [0, 0, 0, 1, 1], atol=1e-3)
    assert counts_of(made)["directions_without_spread"] == 3
    expected = (
        f"item.text.pca: 3, but the features of the {data.num_items // 2} train items differ in 2 "
        "directions; allowed: 1 to 2"
    )
    with pytest.raises(SpecError, match=f"^{expected}$"):
        process({"pca": 3}, values, data, store)


def test_train_items_without_any_difference_are_refused(
    data: Dataset, store: ArtefactStore
) -> None:
    values = features(data.num_items)
    values[::2] = 1.5
    with pytest.raises(SpecError, match=r"item\.text: the features of all train items are equal"):
        process({"whiten": True}, values, data, store)


def test_other_train_items_or_options_are_another_artefact(
    data: Dataset, store: ArtefactStore, dataset: Dataset
) -> None:
    values = features(data.num_items)
    keys = {
        process(spec, values, one, store)[1].path.name
        for spec in ({"whiten": True}, {"pca": 2}, {"pca": 3}, {"whiten": True, "normalize": True})
        for one in (data, dataset)
    }
    assert len(keys) == 8


def test_short_features_are_normalised_too(data: Dataset, store: ArtefactStore) -> None:
    values = (1e-3 * features(data.num_items)).astype(np.float32)
    assert np.linalg.norm(values, axis=1).max() < 0.5
    found, _ = process({"normalize": True}, values, data, store)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-6)


def test_as_many_components_as_there_are_directions_can_be_kept(
    data: Dataset, store: ArtefactStore
) -> None:
    found, _ = process({"pca": WIDTH}, features(data.num_items), data, store)
    assert found.shape == (data.num_items, WIDTH)
    with pytest.raises(SpecError, match=f"allowed: 1 to {WIDTH}$"):
        process({"pca": WIDTH + 1}, features(data.num_items), data, store)


def test_an_item_that_is_trained_on_once_is_a_train_item(
    data: Dataset, store: ArtefactStore
) -> None:
    places = np.flatnonzero(data.item_ids == 1)
    once, never = data.item_ids.copy(), data.item_ids.copy()
    once[places[1:]], never[places] = 3, 3
    made = [
        process({"whiten": True}, features(data.num_items), replace(data, item_ids=ids), store)[1]
        for ids in (once, never)
    ]
    num_trained = data.num_items // 2
    fitted = [counts_of(one)["train_items_fitted"] for one in made]
    assert fitted == [num_trained, num_trained - 1]
    assert made[0].path != made[1].path


def test_a_spread_counts_from_the_rounding_of_the_largest_on() -> None:
    """Rounding of fp32 (2^-23) times 4 numbers times the largest spread, 2: about 9.5e-7."""
    signs = np.array([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]])
    orthogonal = np.concatenate([signs, -signs]).astype(np.float32)
    is_trained = np.ones(8, np.bool_)
    spreads = np.array([2, 1e-3, 1.2e-6, 7e-7], np.float32)
    fitted = Fitted(orthogonal * spreads, is_trained, where="item.text")
    assert fitted.rank == 3
    np.testing.assert_allclose(fitted.spreads_R, spreads[:3], rtol=1e-3)


def test_means_are_summed_in_fp64() -> None:
    column = np.array([2**24, 1, 1, 1], np.float32)
    mean, spreads, _ = principal_axes(column[:, None], np.arange(4))
    assert mean.tolist() == [(2**24 + 3) / 4]
    np.testing.assert_allclose(spreads, column.astype(float).std(), rtol=1e-12)


def test_the_largest_number_of_every_axis_is_positive() -> None:
    for seed in range(5):
        values = np.random.default_rng(seed).normal(size=(20, 4)).astype(np.float32)
        _, spreads, axes = principal_axes(values, np.arange(20))
        assert (np.diff(spreads) < 0).all()
        for axis in axes.T:
            assert axis[np.abs(axis).argmax()] > 0
            assert axis @ axis == pytest.approx(1)


def test_chunks_cover_all_rows_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processing, "CHUNK", 4)
    assert list(item_chunks(10)) == [slice(0, 4), slice(4, 8), slice(8, 12)]
    assert list(item_chunks(0)) == []
