"""What every image encoder promises, whatever it is and however much of it trains."""

import copy
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from torch import Tensor, nn

from morec.config import ImageSpec, ItemSpec
from morec.data.dataset import Dataset
from morec.encoders.artefacts import ArtefactStore
from morec.encoders.frozen import FROZEN_SEED
from morec.encoders.image.vit_mae import load_vit_mae_for_pretraining
from morec.encoders.item import ItemEncoder, build_item_encoder
from morec.encoders.weights.image import PACKAGED
from tests.morec.encoders.contract import moved

DIM = 6
SIZE = 32
LORA = {"rank": 2, "alpha": 8.0}
ALL: dict[str, Any] = {"trainable_layers": "all"}
TOP: dict[str, Any] = {"trainable_layers": 1}
TRAINED: dict[str, dict[str, Any]] = {
    "ts": {},
    "e2e": ALL,
    "top1": TOP,
    "lora e2e": {**ALL, "lora": LORA},
    "lora top1": {**TOP, "lora": LORA},
}
CONVOLUTIONS = ("test_resnet", "efficientnet-lite0")
ATTENTION = ("test_vit", "swin", "tiny-random-mae", "mae")
FROM_SCRATCH = ("test_resnet", "test_vit", "tiny-random-mae")
CASES = [
    *((name, part) for name in CONVOLUTIONS for part in ("ts", "e2e", "top1")),
    *((name, part) for name in ATTENTION for part in TRAINED),
]
SMALL_SWIN = {
    "img_size": SIZE,
    "window_size": 4,
    "embed_dim": 8,
    "depths": [1, 1, 1],
    "num_heads": [1, 2, 2],
}


class Kitchen:
    """Builds the item encoder of a case; the same seed gives the same one."""

    def __init__(self, dataset: Dataset, store: ArtefactStore, saved: dict[str, Path]) -> None:
        self.dataset, self.store, self.saved = dataset, store, saved

    def spec(self, name: str, part: str) -> ItemSpec:
        fields = {"name": str(self.saved.get(name, name)), "pretrained": name not in FROM_SCRATCH}
        return ItemSpec.model_validate({"image": {"size": SIZE, **fields, **TRAINED[part]}})

    def build(self, name: str, part: str, seed: int = FROZEN_SEED) -> ItemEncoder:
        torch.manual_seed(seed)
        return build_item_encoder(self.spec(name, part), self.dataset, DIM, 0.1, self.store)


@pytest.fixture(scope="module")
def kitchen(
    dataset: Dataset, shared_store: ArtefactStore, tmp_path_factory: pytest.TempPathFactory
) -> Kitchen:
    saved = {name: tmp_path_factory.mktemp(name) for name in ("swin", "mae")}
    with torch.random.fork_rng():
        torch.manual_seed(11)
        swin = timm.create_model("swin_tiny_patch4_window7_224", num_classes=3, **SMALL_SWIN)
        spec = ImageSpec(name="tiny-random-mae", pretrained=False, size=SIZE)
        mae = load_vit_mae_for_pretraining(spec)
    timm.models.save_for_hf(swin, saved["swin"], safe_serialization=True, model_args=SMALL_SWIN)
    mae.save_pretrained(saved["mae"])
    return Kitchen(dataset, shared_store, saved)


@pytest.fixture(scope="module", params=CASES, ids=" ".join)
def case(request: pytest.FixtureRequest) -> tuple[str, str]:
    name, part = request.param
    if name in PACKAGED:
        try:
            distribution(PACKAGED[name].distribution)
        except PackageNotFoundError:
            pytest.skip("the demo extra is not installed")
    return name, part


def image_vectors(encoder: ItemEncoder, items: Tensor) -> Tensor:
    """What the encoder itself makes of the items, before the DT layer."""
    vectors: Tensor = encoder.get_submodule("parts.image.encoder")(items - 1)
    return vectors


def test_every_item_has_a_vector_and_different_items_different_ones(
    encoder: ItemEncoder, items: Tensor
) -> None:
    vectors = encoder(items)
    assert vectors.shape == (len(items), DIM)
    assert vectors.isfinite().all()
    assert torch.pdist(image_vectors(encoder, items)).min() > 1e-6


def test_evaluation_repeats_itself_to_the_bit(encoder: ItemEncoder, items: Tensor) -> None:
    assert torch.equal(encoder(items), encoder(items))


def test_company_does_not_change_an_item(encoder: ItemEncoder, items: Tensor) -> None:
    encoder = encoder.double()
    together = encoder(items)
    torch.testing.assert_close(encoder(items[[4]])[0], together[4], rtol=0, atol=1e-10)
    some = torch.tensor([7, 3, 7, 20, 0, 11])
    torch.testing.assert_close(encoder(items[some]), together[some], rtol=0, atol=1e-10)


def test_gradients_are_exactly_where_something_trains(
    encoder: ItemEncoder, items: Tensor, case: tuple[str, str]
) -> None:
    moved(encoder.train())(items).square().sum().backward()
    named = dict(encoder.named_parameters())
    with_gradient = {name for name, tensor in named.items() if tensor.grad is not None}
    assert with_gradient == {name for name, tensor in named.items() if tensor.requires_grad}
    assert bool(encoder.encoder_parameters()) == (case[1] != "ts")


def test_training_starts_from_the_two_stage_features(
    encoder: ItemEncoder, items: Tensor, case: tuple[str, str], kitchen: Kitchen
) -> None:
    frozen = image_vectors(kitchen.build(case[0], "ts"), items)
    torch.testing.assert_close(image_vectors(encoder, items), frozen, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("name", "part"), [case for case in CASES if "lora" in case[1]])
def test_lora_trains_its_changes_only_and_fewer_than_the_layers_have(
    kitchen: Kitchen, name: str, part: str
) -> None:
    image = kitchen.build(name, part).get_submodule("parts.image.encoder")
    trained = {name: p.numel() for name, p in image.named_parameters() if p.requires_grad}
    assert {name.rpartition(".")[2] for name in trained} == {"a_RI", "b_OR"}
    whole = kitchen.build(name, part.removeprefix("lora ")).encoder_parameters()
    assert sum(trained.values()) < sum(p.numel() for p in whole) / 3


def test_what_is_frozen_is_the_same_in_training_mode(
    encoder: ItemEncoder, items: Tensor, case: tuple[str, str]
) -> None:
    before = copy.deepcopy(encoder.state_dict())
    moving = {name for name, p in encoder.named_parameters() if p.requires_grad}
    norms = [m for m in encoder.train().modules() if isinstance(m, nn.BatchNorm2d)]
    encoder(items)
    for norm in norms:
        assert norm.training == norm.weight.requires_grad
    changed = {name for name, t in encoder.state_dict().items() if not torch.equal(t, before[name])}
    stages = {name.rpartition(".")[0] for name in moving}
    assert {name.rpartition(".")[0] for name in changed} <= stages
    assert bool(changed) == (case[0] in CONVOLUTIONS and case[1] != "ts")


def test_a_state_brings_a_trained_encoder_back_and_holds_nothing_frozen(
    encoder: ItemEncoder, items: Tensor, case: tuple[str, str], kitchen: Kitchen, tmp_path: Path
) -> None:
    moved(encoder)
    torch.save(encoder.state_dict(), tmp_path / "state.pt")
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    named = dict(encoder.named_parameters())
    frozen = {name for name, tensor in named.items() if not tensor.requires_grad}
    positions = {name for name in frozen if name.endswith("position_embeddings")}
    assert frozen & set(state) <= positions
    assert set(named) - frozen <= set(state)
    again = kitchen.build(*case).eval()
    assert not torch.equal(again(items), encoder(items))
    again.load_state_dict(state)
    assert torch.equal(again(items), encoder(items))


def test_another_seed_changes_nothing_that_is_frozen(
    encoder: ItemEncoder, case: tuple[str, str], kitchen: Kitchen
) -> None:
    other = dict(kitchen.build(*case, seed=5).named_parameters())
    for name, parameter in encoder.named_parameters():
        if not parameter.requires_grad:
            assert torch.equal(parameter, other[name]), name


def test_every_multiplication_of_an_item_is_counted(encoder: ItemEncoder) -> None:
    macs, uncounted = encoder.padded_item_macs()
    assert uncounted == set()
    assert macs >= image_vectors(encoder, torch.tensor([1])).shape[1] * DIM  # the DT layer
