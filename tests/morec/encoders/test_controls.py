"""Controls replace what items hold, change nothing else, and need no artefact of their own."""

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from morec.config import ItemSpec, TextSpec
from morec.data.dataset import Dataset
from morec.encoders.artefacts import ArtefactStore
from morec.encoders.controls import Controls
from morec.encoders.item import ItemEncoder, build_item_encoder
from morec.encoders.tables import FeatureTable
from morec.errors import SpecError
from tests.morec.encoders.test_item import DIM, image, items, mae, text

MODALITIES: dict[str, dict[str, Any]] = {
    "frozen text": {"text": text()},
    "text mean dnn": {"text": text(pooling="mean", dnn_layers=1)},
    "top text layer": {"text": text(1)},
    "trained text": {"text": text("all")},
    "LoRA": {"text": text("all", lora={"rank": 2})},
    "words": {"text": text("all", name="text-cnn")},
    "frozen image": {"image": image()},
    "top image stage": {"image": image(1)},
    "trained image": {"image": mae("all")},
}
SEED = 4


def build(
    fields: dict[str, Any], dataset: Dataset, store: ArtefactStore, seed: int = SEED
) -> ItemEncoder:
    torch.manual_seed(seed)
    return build_item_encoder(ItemSpec.model_validate(fields), dataset, DIM, 0.1, store).eval()


def controlled(fields: dict[str, Any], control: str) -> dict[str, Any]:
    parts = ("text", "image")
    return {
        key: value | {"control": control} if key in parts else value
        for key, value in fields.items()
    }


def swap_of(num_items: int, seed: int = SEED) -> Tensor:
    """Whose content every row gets, read off features that are the rows' own numbers."""
    torch.manual_seed(seed)
    numbers = FeatureTable(np.arange(num_items, dtype=np.float32)[:, None])
    spec = TextSpec(name="minilm", control="shuffle")
    encoder = Controls(num_items).apply(numbers, spec)
    return encoder(torch.arange(num_items))[:, 0].long()


def swapped(dataset: Dataset) -> Dataset:
    """The dataset whose items have their titles and images swapped beforehand."""
    others = swap_of(dataset.num_items).tolist()
    assert dataset.titles is not None
    assert dataset.image_array is not None
    titles = tuple(dataset.titles[other] for other in others)
    return replace(dataset, titles=titles, image_array=dataset.image_array[others])


def moments(features: Tensor) -> tuple[np.ndarray, np.ndarray]:
    exact = features.double().numpy()
    return exact.mean(0), exact.std(0)


# ---- shuffle


@pytest.mark.parametrize("num_items", [2, 3, 24, 1000])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_shuffle_gives_every_content_away_and_to_another_item(num_items: int, seed: int) -> None:
    swap = swap_of(num_items, seed)
    assert sorted(swap.tolist()) == list(range(num_items))
    assert (swap != torch.arange(num_items)).all()


def test_another_seed_is_another_swap() -> None:
    assert not torch.equal(swap_of(1000, 0), swap_of(1000, 1))
    assert torch.equal(swap_of(1000, 1), swap_of(1000, 1))


def test_one_item_has_no_other_to_swap_with() -> None:
    with pytest.raises(SpecError, match=r"control: shuffle swaps .* there is only one"):
        swap_of(1)


@pytest.mark.parametrize("name", MODALITIES)
def test_a_shuffled_item_is_that_of_a_catalogue_swapped_beforehand(
    name: str, dataset: Dataset, shared_store: ArtefactStore, store: ArtefactStore
) -> None:
    fields = MODALITIES[name]
    ours = build(controlled(fields, "shuffle"), dataset, shared_store)(items(dataset))
    expected = build(fields, swapped(dataset), store)(items(dataset))
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-5)
    plain = build(fields, dataset, shared_store)(items(dataset))
    assert (plain - expected).abs().max() > 1e-3


def test_after_a_second_round_a_shuffled_item_is_another_item(
    dataset: Dataset, shared_store: ArtefactStore
) -> None:
    """The round reads the catalogue as it is: there is one round, and one artefact."""
    fields = {"text": text(1, second_round={"max_epochs": 1})}
    plain = build(fields, dataset, shared_store)(items(dataset))
    ours = build(controlled(fields, "shuffle"), dataset, shared_store)(items(dataset))
    expected = plain[swap_of(dataset.num_items)]
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-5)


def test_text_and_image_swap_the_same_items_and_the_id_stays(
    dataset: Dataset, shared_store: ArtefactStore
) -> None:
    fields = {"id": True, "text": text(), "image": image(), "fusion": "concat"}
    plain = build(fields, dataset, shared_store)
    ours = build(controlled(fields, "shuffle"), dataset, shared_store)
    ids, swap = items(dataset), swap_of(dataset.num_items)
    assert torch.equal(ours.parts["id"](ids), plain.parts["id"](ids))
    for part in ("text", "image"):
        assert torch.equal(ours.parts[part](ids), plain.parts[part](swap + 1))


def test_only_the_part_with_the_control_is_swapped(
    dataset: Dataset, shared_store: ArtefactStore
) -> None:
    fields = {"text": text(control="shuffle"), "image": image(), "fusion": "add"}
    plain = build({**fields, "text": text()}, dataset, shared_store)
    ours = build(fields, dataset, shared_store)
    ids, swap = items(dataset), swap_of(dataset.num_items)
    assert torch.equal(ours.parts["image"](ids), plain.parts["image"](ids))
    assert torch.equal(ours.parts["text"](ids), plain.parts["text"](swap + 1))


def test_shuffled_titles_are_grouped_by_their_own_lengths(
    dataset: Dataset, shared_store: ArtefactStore
) -> None:
    fields = {"text": text("all")}
    plain = build(fields, dataset, shared_store).parts["text"].get_submodule("encoder")
    ours = build(controlled(fields, "shuffle"), dataset, shared_store)
    lengths = plain.lengths_of(swap_of(dataset.num_items))
    order = ours.by_length(items(dataset))
    assert torch.equal(order, lengths.argsort(stable=True))


# ---- noise and constant


@pytest.fixture(scope="module")
def features() -> FeatureTable:
    """So many that noise shows its moments; dimensions differ, one is constant."""
    drawn = np.random.default_rng(0).gamma(2.0, size=(20_000, 4))
    return FeatureTable((drawn * [1.0, 0.01, 30.0, 0.0] + [0.0, 5.0, -7.0, 2.0]).astype(np.float32))


def applied(features: FeatureTable, control: str, seed: int = SEED) -> Tensor:
    torch.manual_seed(seed)
    spec = TextSpec.model_validate({"name": "minilm", "control": control})
    return Controls(20_000).apply(features, spec)(torch.arange(20_000))


def test_noise_is_gaussian_with_the_features_moments(features: FeatureTable) -> None:
    mean, deviation = moments(features(torch.arange(20_000)))
    standardised = (applied(features, "noise").double().numpy() - mean)[:, :3] / deviation[:3]
    four_errors = 4 / 20_000**0.5
    assert np.abs(standardised.mean(0)).max() < four_errors
    assert np.abs(standardised.std(0) - 1).max() < four_errors
    assert np.abs((standardised**3).mean(0)).max() < four_errors * 15**0.5
    assert np.abs(np.corrcoef(standardised.T) - np.eye(3)).max() < four_errors
    assert np.allclose(applied(features, "noise")[:, 3], 2.0)


def test_noise_is_drawn_by_the_seed_and_anew_for_every_part(
    features: FeatureTable, dataset: Dataset, shared_store: ArtefactStore
) -> None:
    assert torch.equal(applied(features, "noise", 1), applied(features, "noise", 1))
    assert not torch.equal(applied(features, "noise", 1), applied(features, "noise", 2))
    torch.manual_seed(SEED)
    controls, spec = Controls(20_000), TextSpec(name="minilm", control="noise")
    first, second = (controls.apply(features, spec)(torch.arange(20_000)) for _ in range(2))
    assert abs(np.corrcoef(first[:, 0], second[:, 0])[0, 1]) < 0.05


def test_a_constant_is_the_mean_of_frozen_features(features: FeatureTable) -> None:
    constant = applied(features, "constant").numpy()
    mean, _ = moments(features(torch.arange(20_000)))
    assert (constant == constant[0]).all()
    assert constant[0] == pytest.approx(mean, rel=1e-6)


@pytest.mark.parametrize("name", ["trained text", "top text layer", "trained image"])
def test_a_constant_of_a_trained_encoder_is_one_items_content(
    name: str, dataset: Dataset, shared_store: ArtefactStore
) -> None:
    fields = {"id": True, **MODALITIES[name], "fusion": "add"}
    (part,) = MODALITIES[name]
    plain = build(fields, dataset, shared_store).parts[part](items(dataset))
    chosen = set()
    for seed in (SEED, SEED + 1, SEED + 2):
        encoder = build(controlled(fields, "constant"), dataset, shared_store, seed)
        ours = encoder.parts[part](items(dataset))
        assert (ours - ours[0]).abs().max() < 1e-6
        if seed == SEED:
            assert (plain - ours[0]).abs().amax(1).min() < 1e-6
        redirected: Any = encoder.parts[part].get_submodule("encoder")
        chosen.add(int(redirected._sources_N[0]))
    assert len(chosen) > 1


# ---- what a control leaves as it is


@pytest.mark.parametrize(
    ("control", "fields"),
    [
        *product(["shuffle", "noise", "constant"], [{"text": text()}, {"image": image()}]),
        *product(["shuffle", "constant"], [{"text": text(1)}, {"text": text("all")}]),
    ],
)
def test_a_control_makes_no_artefact_and_moves_no_draw(
    control: str, fields: dict[str, Any], dataset: Dataset, store: ArtefactStore
) -> None:
    fields = {"id": True, **fields, "fusion": "concat"}
    plain = build(fields, dataset, store)
    after = torch.rand(1)
    made = {path: path.stat().st_mtime_ns for path in store.folder.rglob("*")}
    ours = build(controlled(fields, control), dataset, store)
    assert torch.equal(torch.rand(1), after)
    assert {path: path.stat().st_mtime_ns for path in store.folder.rglob("*")} == made
    weights = [list(encoder.state_dict().values()) for encoder in (ours, plain)]
    assert all(torch.equal(*pair) for pair in zip(*weights, strict=True))
    assert ours.padded_item_macs() == plain.padded_item_macs()
