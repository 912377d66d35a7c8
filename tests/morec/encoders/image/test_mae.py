"""Masked autoencoding on the images: what it trains, and what starts from its result."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import transformers as hf

from morec.config import ImageSpec
from morec.data.dataset import Dataset
from morec.encoders.artefacts import Artefact, ArtefactStore
from morec.encoders.families import TIMM, build_encoder
from morec.encoders.image.mae import MaskedAutoencoding, masked_autoencoding_round
from morec.encoders.image.pixels import PixelTable, image_pixels
from morec.encoders.image.vit_mae import load_vit_mae, load_vit_mae_for_pretraining, mean_and_std
from morec.encoders.second_round import losses_of, trained_folder
from morec.errors import SpecError

SIZE = 16
NO_STEP = {"lr": 1e-30, "weight_decay": 0.0, "max_epochs": 1}


def spec_of(name: str | Path = "tiny-random-mae", **changes: Any) -> ImageSpec:
    second_round = {"max_epochs": 2, "lr": 3e-3, "batch_size": 8, "valid_share": 0.25}
    second_round |= changes.pop("second_round", {})
    fields = {"name": str(name), "pretrained": name != "tiny-random-mae", "size": SIZE}
    return ImageSpec.model_validate({**fields, **changes, "second_round": second_round})


def after(spec: ImageSpec, found: Artefact) -> ImageSpec:
    start = {"name": str(trained_folder(found)), "pretrained": True, "second_round": None}
    return spec.model_copy(update=start)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ViT-MAE without its decoder, and a normalisation of its own."""
    folder = tmp_path_factory.mktemp("encoder")
    config = hf.ViTMAEConfig(
        image_size=SIZE,
        patch_size=4,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        decoder_hidden_size=8,
        decoder_num_hidden_layers=1,
        decoder_num_attention_heads=2,
        decoder_intermediate_size=16,
        initializer_range=0.2,
    )
    with torch.random.fork_rng():
        torch.manual_seed(3)
        hf.ViTMAEModel(config).save_pretrained(folder)
    about = {"image_mean": [0.1, 0.2, 0.3], "image_std": [0.4, 0.5, 0.6]}
    (folder / "preprocessor_config.json").write_text(json.dumps(about))
    return folder


def features(spec: ImageSpec, dataset: Dataset, store: ArtefactStore) -> torch.Tensor:
    encoder = build_encoder(spec.model_copy(update={"second_round": None}), dataset, store)
    return encoder.eval()(torch.arange(dataset.num_items)).detach()


def test_the_loss_falls(dataset: Dataset, shared_store: ArtefactStore) -> None:
    spec = spec_of(second_round={"max_epochs": 6})
    valid = losses_of(masked_autoencoding_round(spec, dataset, shared_store))["valid"]
    assert min(valid) < 0.9 * valid[0]


@pytest.mark.parametrize("share", [0.25, 0.75])
def test_the_loss_is_the_squared_error_of_the_masked_patches(
    dataset: Dataset, shared_store: ArtefactStore, folder: Path, share: float
) -> None:
    spec = spec_of(folder, second_round={"mask_share": share})
    model = load_vit_mae_for_pretraining(spec).eval()
    pixels = PixelTable(image_pixels(spec, dataset, shared_store), spec, *mean_and_std(spec))
    rows = torch.arange(5)
    torch.manual_seed(8)
    loss, num_images = MaskedAutoencoding(spec, pixels, model).loss(rows)
    torch.manual_seed(8)
    noise = torch.rand(5, 16)
    is_masked = noise.argsort(1).argsort(1) >= 16 * (1 - share)
    predicted = model(pixels(rows), noise=noise).logits
    target = F.unfold(pixels(rows), 4, stride=4).reshape(5, 3, 16, 16).permute(0, 3, 2, 1)
    error = (predicted - target.flatten(2)).square().mean(2)
    assert num_images == 5
    assert torch.allclose(loss, error[is_masked].mean(), rtol=1e-5)


def test_a_round_without_a_step_leaves_the_encoder_as_it_was(
    dataset: Dataset, shared_store: ArtefactStore, folder: Path
) -> None:
    """A fresh decoder is all that differs from the folder the round began with."""
    spec = spec_of(folder, second_round=NO_STEP)
    start = after(spec, masked_autoencoding_round(spec, dataset, shared_store))
    before, now = (load_vit_mae(each).state_dict() for each in (spec, start))
    assert before.keys() == now.keys()
    assert all(torch.equal(before[name], now[name]) for name in before)
    assert mean_and_std(start) == mean_and_std(spec) == ((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))


def test_a_round_changes_the_features_and_every_part_that_trains(
    dataset: Dataset, shared_store: ArtefactStore, folder: Path
) -> None:
    spec = spec_of(folder)
    found = masked_autoencoding_round(spec, dataset, shared_store)
    assert np.argmin(losses_of(found)["valid"]) > 0
    before, now = (load_vit_mae(each) for each in (spec, after(spec, found)))
    trained = [name for name, p in before.named_parameters() if p.requires_grad]
    same = [n for n in trained if torch.equal(before.get_parameter(n), now.get_parameter(n))]
    # A key's bias shifts all of a softmax, so its gradient is rounding noise or zero.
    assert all("key.bias" in name or "k_proj.bias" in name for name in same)
    distance = features(spec, dataset, shared_store) - features(
        after(spec, found), dataset, shared_store
    )
    assert distance.abs().max() > 1e-3


@pytest.mark.parametrize("trainable", [0, "all"])
def test_two_encodings_after_a_round_are_equal_so_nothing_is_masked(
    dataset: Dataset, shared_store: ArtefactStore, trainable: int | str
) -> None:
    spec = spec_of(trainable_layers=trainable)
    start = after(spec, masked_autoencoding_round(spec, dataset, shared_store))
    once = features(start, dataset, shared_store)
    assert torch.equal(features(start, dataset, shared_store), once)
    whole = features(start.model_copy(update={"trainable_layers": "all"}), dataset, shared_store)
    assert torch.allclose(once, whole, rtol=0, atol=1e-5)


def test_interrupted_after_an_epoch_it_goes_on_to_the_same_bits(
    dataset: Dataset, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, parts = ArtefactStore(tmp_path / "whole"), ArtefactStore(tmp_path / "parts")
    expected = masked_autoencoding_round(spec_of(folder), dataset, whole)

    def stop_in_the_second(*words: str, **options: Any) -> None:
        if "epoch 2/2" in words[0]:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("builtins.print", stop_in_the_second)
        with pytest.raises(KeyboardInterrupt):
            masked_autoencoding_round(spec_of(folder), dataset, parts)
    found = masked_autoencoding_round(spec_of(folder), dataset, parts)
    assert losses_of(found) == losses_of(expected)
    weights = [(trained_folder(a) / "model.safetensors").read_bytes() for a in (expected, found)]
    assert weights[0] == weights[1]


def test_specifications_that_differ_behind_the_encoder_share_a_round(
    dataset: Dataset, shared_store: ArtefactStore, folder: Path
) -> None:
    def path(**changes: Any) -> Path:
        return masked_autoencoding_round(spec_of(folder, **changes), dataset, shared_store).path

    base = path()
    assert path(trainable_layers="all") == path(dnn_layers=2) == base
    others = [path(normalization="half"), path(second_round={"mask_share": 0.5})]
    assert len({base, *others}) == 3


def test_an_encoder_of_timm_is_refused(dataset: Dataset, store: ArtefactStore) -> None:
    with pytest.raises(SpecError) as caught:
        TIMM.load().second_round(spec_of("resnet18"), dataset, store)
    assert str(caught.value) == (
        "item.image.second_round: 'resnet18' is an encoder of timm, which has no decoder; allowed: "
        "a ViT-MAE by hub name (facebook/vit-mae-base, facebook/vit-mae-large, "
        "facebook/vit-mae-huge) or folder, or 'tiny-random-mae'"
    )
