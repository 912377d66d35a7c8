"""ID vectors that start from content are a plain computation from the frozen features."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from morec.config import IdInitSpec, ItemSpec
from morec.data.dataset import Dataset
from morec.data.splits import train_sequences_UL1
from morec.encoders.artefacts import ArtefactStore
from morec.encoders.families import build_encoder
from morec.encoders.id_init import components, start_inputs
from morec.encoders.id_vectors import BoundedEmbedding, StartTable
from morec.encoders.item import ItemEncoder, build_item_encoder, prepare_item_inputs
from morec.encoders.tables import FeatureTable
from morec.errors import DataError, SpecError
from tests.morec.encoders.test_controls import swap_of
from tests.morec.encoders.test_item import DIM, image, items, mae, text

SEED = 4


def fields(**options: Any) -> dict[str, Any]:
    source = {} if "image" in options else {"text": text()}
    return {"id": True, "id_init": {**source, **options}}


def build(values: dict[str, Any], dataset: Dataset, store: ArtefactStore) -> ItemEncoder:
    torch.manual_seed(SEED)
    spec = ItemSpec.model_validate(values)
    return build_item_encoder(spec, dataset, DIM, 0.1, store).eval()


def vectors_of(values: dict[str, Any], dataset: Dataset, store: ArtefactStore) -> Tensor:
    return build(values, dataset, store)(items(dataset)).detach()


def features_of(part: dict[str, Any], dataset: Dataset, store: ArtefactStore) -> np.ndarray:
    name = "text" if part["name"].startswith("tiny-random") and "size" not in part else "image"
    spec = ItemSpec.model_validate({name: part}).encoders[name]
    return build_encoder(spec, dataset, store)(torch.arange(dataset.num_items)).double().numpy()


def by_hand(features: np.ndarray, trained: list[int], dim: int) -> np.ndarray:
    """Principal components of the trained items by a singular value decomposition."""
    mean = features[trained].mean(0)
    _, _, directions = np.linalg.svd(features[trained] - mean, full_matrices=True)
    found = []
    for direction in directions[:dim]:
        sign = 1 if direction[np.abs(direction).argmax()] > 0 else -1
        found.append((features - mean) @ (sign * direction))
    return np.stack(found, 1)


def trained_rows(dataset: Dataset) -> list[int]:
    return [int(item) - 1 for item in np.unique(train_sequences_UL1(dataset)) if item > 0]


# ---- the start


@pytest.mark.parametrize(
    "source", [{"text": text(pooling="mean")}, {"image": image()}, {"image": mae()}]
)
def test_a_start_is_the_first_components_as_large_as_a_random_start(
    source: dict[str, Any], dataset: Dataset, shared_store: ArtefactStore
) -> None:
    found = vectors_of(fields(scale="random", **source), dataset, shared_store)
    features = features_of(next(iter(source.values())), dataset, shared_store)
    expected = by_hand(features, trained_rows(dataset), DIM)
    xavier = (2 / (dataset.num_items + 1 + DIM)) ** 0.5
    expected *= xavier / np.sqrt((expected**2).mean())
    np.testing.assert_allclose(found.numpy(), expected, rtol=0, atol=1e-5)


def test_unit_starts_have_length_1_and_the_components_direction(
    dataset: Dataset, shared_store: ArtefactStore
) -> None:
    found = vectors_of(fields(), dataset, shared_store)
    other = vectors_of(fields(scale="random"), dataset, shared_store)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(dataset.num_items))
    torch.testing.assert_close(found, other / other.norm(dim=1, keepdim=True))


def test_components_are_fitted_on_items_with_a_train_interaction_alone() -> None:
    random = np.random.default_rng(0)
    features = random.normal(size=(60, 5)) * [5, 4, 3, 2, 1]
    is_trained = np.arange(60) < 40
    found = components(FeatureTable(features.astype(np.float32)), is_trained)
    expected = by_hand(features.astype(np.float32).astype(float), list(range(40)), 5)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)
    moved = features.copy()
    moved[40:] += 100
    again = components(FeatureTable(moved.astype(np.float32)), is_trained)
    np.testing.assert_allclose(again[:40], found[:40], rtol=0, atol=1e-4)
    assert found[:40].mean(0) == pytest.approx(np.zeros(5), abs=1e-5)
    assert (np.diff(found[:40].var(0)) < 0).all()


def test_all_components_keep_the_distances_between_items(
    dataset: Dataset, shared_store: ArtefactStore
) -> None:
    """A rotation, whatever the batches that it is computed in."""
    spec = IdInitSpec.model_validate({"text": text()})
    found = torch.from_numpy(start_inputs(spec, dataset, shared_store)[1].array("components"))
    features = torch.from_numpy(features_of(text(), dataset, shared_store))
    distances = torch.pdist(found.double())
    torch.testing.assert_close(distances, torch.pdist(features), atol=1e-5, rtol=0)


def test_components_in_many_batches_are_those_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    features = np.random.default_rng(1).normal(size=(50, 4)).astype(np.float32)
    is_trained = np.arange(50) % 3 > 0
    whole = components(FeatureTable(features), is_trained)
    monkeypatch.setattr("morec.encoders.id_init.ENCODE_ITEMS", 7)
    found = components(FeatureTable(features), is_trained)
    np.testing.assert_allclose(found, whole, rtol=0, atol=1e-5)


def test_without_a_train_interaction_there_is_nothing_to_fit() -> None:
    table = FeatureTable(np.ones((3, 2), np.float32))
    with pytest.raises(DataError, match=r"item\.id_init: no item has a train interaction"):
        components(table, np.zeros(3, np.bool_))


# ---- artefacts


def test_features_and_components_are_prepared_once_and_shared_by_all_starts(
    dataset: Dataset, store: ArtefactStore
) -> None:
    spec = ItemSpec.model_validate(fields())
    prepared = prepare_item_inputs(spec, dataset, store)
    assert list(prepared) == ["id_init", "id_init start"]
    same = prepare_item_inputs(ItemSpec.model_validate({"text": text()}), dataset, store)
    assert same["text"].path == prepared["id_init"].path
    others = ({"scale": "random"}, {"freeze": True}, {"max_distance": 0.5})
    for options in others:
        again = prepare_item_inputs(ItemSpec.model_validate(fields(**options)), dataset, store)
        assert again == prepared
    before = {path: path.stat().st_mtime_ns for path in store.folder.glob("*-*/*")}
    build(fields(), dataset, store)
    assert {path: path.stat().st_mtime_ns for path in store.folder.glob("*-*/*")} == before


def test_a_second_round_comes_before_the_start(
    dataset: Dataset, shared_store: ArtefactStore
) -> None:
    later = fields(text=text(second_round={"max_epochs": 1}))
    prepared = prepare_item_inputs(ItemSpec.model_validate(later), dataset, shared_store)
    assert list(prepared) == ["id_init second round", "id_init", "id_init start"]
    found = vectors_of(later, dataset, shared_store)
    assert not torch.allclose(found, vectors_of(fields(), dataset, shared_store))


# ---- what trains


@pytest.mark.parametrize(
    ("options", "kind", "num_trained"),
    [
        ({}, torch.nn.Embedding, 1),
        ({"max_distance": 0.5}, BoundedEmbedding, 1),
        ({"freeze": True}, StartTable, 0),
    ],
)
def test_free_bounded_and_frozen_vectors_start_alike(
    options: dict[str, Any],
    kind: type,
    num_trained: int,
    dataset: Dataset,
    shared_store: ArtefactStore,
) -> None:
    encoder = build(fields(**options), dataset, shared_store)
    assert isinstance(encoder.parts["id"].get_submodule("embedding"), kind)
    assert torch.equal(encoder(items(dataset)), vectors_of(fields(), dataset, shared_store))
    trained = encoder.other_parameters()
    assert [p.shape for p in trained] == num_trained * [(dataset.num_items + 1, DIM)]
    assert encoder.encoder_parameters() == []
    assert len(encoder.state_dict()) == num_trained
    assert encoder.padded_item_macs() == (0, set())


def test_other_parts_start_as_in_an_arm_without_content(
    dataset: Dataset, shared_store: ArtefactStore
) -> None:
    both = {"text": text(pooling="mean"), "fusion": "concat"}
    plain = build({"id": True, **both}, dataset, shared_store).state_dict()
    for options in ({}, {"max_distance": 1.0}, {"freeze": True}):
        ours = build({**fields(**options), **both}, dataset, shared_store).state_dict()
        others = [name for name in plain if not name.startswith("parts.id.")]
        assert others
        assert all(torch.equal(ours[name], plain[name]) for name in others)


# ---- controls


def test_a_shuffle_gives_items_the_starts_of_others(
    dataset: Dataset, shared_store: ArtefactStore
) -> None:
    plain = vectors_of(fields(), dataset, shared_store)
    found = vectors_of(fields(text=text(control="shuffle")), dataset, shared_store)
    torch.testing.assert_close(found, plain[swap_of(dataset.num_items, SEED)])


def test_noise_has_the_moments_of_the_components(
    dataset: Dataset, shared_store: ArtefactStore
) -> None:
    plain = vectors_of(fields(scale="random"), dataset, shared_store)
    noise = fields(text=text(control="noise"), scale="random")
    found = vectors_of(noise, dataset, shared_store)
    assert not torch.isclose(plain, found).any(1).any()
    assert (found.std(0) / plain.std(0)).log().abs().max() < 0.7


# ---- what is refused


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"text": text(), "id_init": {"text": text()}},
            "no ID vectors start there",
        ),
        (
            fields(image=image(), text=text()),
            "encoder's features: give text:, image: or vectors:",
        ),
        ({"id": True, "id_init": {}}, "id_init starts from one encoder's features"),
        (fields(text=text(1)), "id_init reads frozen features, so trainable_layers has no effect"),
        (fields(text=text(dnn_layers=1)), "so dnn_layers has no effect there; leave it out"),
        (fields(text=text(side={})), "so side has no effect there; leave it out"),
        (fields(text=text(control="constant")), "gives all items the same start; allowed: shuffle"),
        (fields(freeze=True, max_distance=0.5), "id_init.max_distance has no effect: freeze: true"),
        (fields(max_distance=0), "greater than 0"),
        (fields(scale="xavier"), "'unit' or 'random'"),
    ],
)
def test_a_start_that_cannot_be_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ItemSpec.model_validate(values)


def test_vectors_wider_than_the_features_are_refused(
    dataset: Dataset, shared_store: ArtefactStore
) -> None:
    message = (
        "model.dim: 65, but item.id_init gives 64 components, the width of the features of "
        "'tiny-random'; allowed: 1 to 64"
    )
    with pytest.raises(SpecError, match=message):
        build_item_encoder(ItemSpec.model_validate(fields()), dataset, 65, 0.1, shared_store)


def test_an_error_of_the_encoder_names_its_place(dataset: Dataset, store: ArtefactStore) -> None:
    values = fields(text=text(num_layers=9))
    with pytest.raises(SpecError, match=r"^item\.id_init\.text\.num_layers: 9, but 'tiny-random'"):
        prepare_item_inputs(ItemSpec.model_validate(values), dataset, store)


# ---- which items are fitted


def test_every_item_with_one_train_interaction_is_fitted_and_no_other(
    dataset: Dataset, store: ArtefactStore
) -> None:
    """Items 1 to 6 train, 1 and 4 once; the others are held out or nobody's."""
    users = [[1, 2, 3, 7, 8], [2, 3, 4, 9, 10], [5, 6, 5, 6, 11, 12]]
    offsets = np.cumsum([0, *map(len, users)])
    ids = np.concatenate(users).astype(np.int32)
    few = replace(dataset, num_users=3, offsets_U1=offsets, item_ids=ids)
    spec = IdInitSpec.model_validate({"image": image()})
    features, made = start_inputs(spec, few, store)
    expected = by_hand(features.array("features").astype(float), [0, 1, 2, 3, 4, 5], 5)
    np.testing.assert_allclose(made.array("components")[:, :5], expected, rtol=0, atol=1e-4)


def test_one_item_alone_is_the_origin_of_its_components() -> None:
    features = np.random.default_rng(2).normal(size=(4, 3)).astype(np.float32)
    found = components(FeatureTable(features), np.arange(4) == 2)
    np.testing.assert_allclose(found[2], 0, atol=1e-6)
    distances = np.linalg.norm(features - features[2], axis=1)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), distances, rtol=1e-5, atol=1e-6)
