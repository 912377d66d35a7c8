"""Folders of transformers' image encoders give that library's own features of the same pixels."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers as hf
from torch import Tensor

from morec.config import ImageSpec, TrialConfig
from morec.data.dataset import Dataset
from morec.encoders.artefacts import ArtefactStore
from morec.encoders.families import build_encoder, encoder_inputs, family_of, weights_hash
from morec.encoders.image.encoder import ImageEncoder
from morec.encoders.image.vision_models import FAMILIES, load_vision_model
from morec.encoders.macs import count_macs
from morec.errors import DataError, SpecError
from morec.model_profile import profile_model
from tests.morec.encoders.contract import TRAINED

SIZE = 16
MEAN, STD = [0.1, 0.2, 0.3], [0.4, 0.5, 0.6]
WIDE = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2}
VISION = {**WIDE, "intermediate_size": 16, "image_size": SIZE, "patch_size": 8}
TEXT = {**WIDE, "intermediate_size": 16, "vocab_size": 9, "bos_token_id": 1, "eos_token_id": 2}
CONVNEXT = {"hidden_sizes": [8, 16], "depths": [1, 1], "num_stages": 2}
SWIN = {
    "image_size": SIZE,
    "patch_size": 2,
    "embed_dim": 8,
    "depths": [1, 1],
    "num_heads": [2, 2],
    "window_size": 4,
}
CONFIGS: dict[str, Any] = {
    "vit": lambda: hf.ViTConfig(**VISION),
    "dinov2": lambda: hf.Dinov2Config(**WIDE, image_size=SIZE, patch_size=8, mlp_ratio=2),
    "dinov2_with_registers": lambda: hf.Dinov2WithRegistersConfig(
        **WIDE, image_size=SIZE, patch_size=8, mlp_ratio=2
    ),
    "dinov3_vit": lambda: hf.DINOv3ViTConfig(**VISION, num_register_tokens=2),
    "clip": lambda: hf.CLIPConfig(vision_config=VISION, text_config=TEXT, projection_dim=6),
    "clip_vision_model": lambda: hf.CLIPVisionConfig(**VISION),
    "siglip": lambda: hf.SiglipConfig(vision_config=VISION, text_config=TEXT),
    "siglip_vision_model": lambda: hf.SiglipVisionConfig(**VISION),
    "resnet": lambda: hf.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic"
    ),
    "convnext": lambda: hf.ConvNextConfig(**CONVNEXT),
    "convnextv2": lambda: hf.ConvNextV2Config(**CONVNEXT),
    "swin": lambda: hf.SwinConfig(**SWIN),
    "swinv2": lambda: hf.Swinv2Config(**SWIN),
}
CONVOLUTIONS = ("resnet", "convnext", "convnextv2")
SAVED_AS = {"vit": hf.ViTForImageClassification}
"""A model with a classifier on top, as hubs mostly have them."""


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Any]]:
    """Every family's folder, and the model that was saved."""
    found = {}
    for kind, make in CONFIGS.items():
        folder = tmp_path_factory.mktemp(kind)
        with torch.random.fork_rng():
            torch.manual_seed(3)
            model = SAVED_AS.get(kind, hf.AutoModel.from_config)(make()).eval()
            for parameter in model.parameters():
                parameter.data += 0.2 * torch.randn_like(parameter)
        model.save_pretrained(folder)
        about = {"image_mean": MEAN, "image_std": STD, "do_normalize": True}
        (folder / "preprocessor_config.json").write_text(json.dumps(about))
        found[kind] = folder, model
    return found


def spec_of(folder: Path, **changes: Any) -> ImageSpec:
    return ImageSpec.model_validate({"name": str(folder), "size": SIZE, **changes})


@torch.no_grad()
def by_hand(kind: str, model: Any, dataset: Dataset) -> Tensor:
    """The model that was saved, on pixels normalised here."""
    assert dataset.image_array is not None
    pixels = torch.from_numpy(dataset.image_array.astype("float32")).permute(0, 3, 1, 2) / 255
    images = (pixels - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
    if kind == "vit":
        return model.vit(images).last_hidden_state[:, 0]
    if kind.startswith("dino"):
        return model(images).last_hidden_state[:, 0]
    if kind.startswith("swin"):
        return model(images).last_hidden_state.mean(1)
    if kind.startswith("convnext"):
        return model.layernorm(model(images).last_hidden_state.mean((2, 3)))
    vision = getattr(model, "vision_model", model)
    output = vision(images)
    if kind.startswith("clip"):
        return vision.post_layernorm(output.last_hidden_state[:, 0])
    if kind == "resnet":
        return output.last_hidden_state.mean((2, 3))
    return vision.head(output.last_hidden_state)


@pytest.mark.parametrize("trained", ["ts", "top1", "lora top1", "e2e"])
@pytest.mark.parametrize("kind", CONFIGS)
def test_features_are_those_of_the_librarys_own_forward(
    kind: str,
    trained: str,
    saved: dict[str, tuple[Path, Any]],
    dataset: Dataset,
    shared_store: ArtefactStore,
) -> None:
    folder, model = saved[kind]
    spec = spec_of(folder, **TRAINED[trained])
    if spec.lora is not None and kind in CONVOLUTIONS:
        with pytest.raises(SpecError, match=r"item\.image\.lora: .* has no attention to change"):
            build_encoder(spec, dataset, shared_store)
        return
    encoder = build_encoder(spec, dataset, shared_store).eval()
    expected = by_hand(kind, model, dataset)
    found = encoder(torch.arange(dataset.num_items))
    assert torch.allclose(found, expected, rtol=0, atol=1e-5)
    assert torch.pdist(expected).median() > 1e-3
    assert encoder.dim == expected.shape[1]


@pytest.mark.parametrize("kind", CONFIGS)
def test_the_top_stage_trains_with_what_is_above_it(
    kind: str,
    saved: dict[str, tuple[Path, Any]],
    dataset: Dataset,
    shared_store: ArtefactStore,
) -> None:
    spec = spec_of(saved[kind][0], trainable_layers=1)
    encoder = build_encoder(spec, dataset, shared_store).train()
    encoder(torch.arange(6)).square().sum().backward()
    moved = {name for name, p in encoder.named_parameters() if p.grad is not None}
    assert moved == {name for name, p in encoder.named_parameters() if p.requires_grad}
    stages = [re.search(r"(?:stages|layers?)\.(\d)\.", name) for name in sorted(moved)]
    assert {stage[1] for stage in stages if stage} == {"1"}
    above = [name for name, stage in zip(sorted(moved), stages, strict=True) if not stage]
    assert all("norm" in name or ".head." in name for name in above)
    assert bool(above) == (kind != "resnet")
    assert not any("pre_layrnorm" in name for name in above)


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_whole_encoder_trains_and_is_profiled(
    kind: str,
    saved: dict[str, tuple[Path, Any]],
    dataset: Dataset,
    shared_store: ArtefactStore,
) -> None:
    spec = spec_of(saved[kind][0], trainable_layers="all")
    encoder = build_encoder(spec, dataset, shared_store).train()
    assert isinstance(encoder, ImageEncoder)
    encoder(torch.arange(6)).square().sum().backward()
    lacking = [n for n, p in encoder.named_parameters() if p.requires_grad and p.grad is None]
    assert not lacking
    image = spec.model_dump(exclude_unset=True)
    values = {"dataset": {"kind": "synthetic"}, "item": {"image": image}, "model": {"dim": 8}}
    profile = profile_model(TrialConfig.model_validate(values), num_users=9, num_items=9)
    assert profile is not None
    one_item, _ = count_macs(encoder.eval().encode_padded_item)
    assert profile.forward_macs_paper > 42 * one_item > 0


def test_every_family_has_a_test() -> None:
    assert set(CONFIGS) == set(FAMILIES)


def test_another_model_type_names_those_that_run(
    tmp_path: Path, dataset: Dataset, store: ArtefactStore
) -> None:
    hf.BeitModel(hf.BeitConfig(**VISION)).save_pretrained(tmp_path)
    with pytest.raises(SpecError) as caught:
        encoder_inputs(spec_of(tmp_path), dataset, store)
    assert str(caught.value) == (
        f"item.image.name: {str(tmp_path)!r} is of type 'beit'; allowed: vit_mae, vit, dinov2, "
        "dinov2_with_registers, dinov3_vit, clip, clip_vision_model, siglip, siglip_vision_model, "
        "resnet, convnext, convnextv2, swin, swinv2, or a timm name or folder (without 'timm/')"
    )


def test_a_type_that_the_library_does_not_know_is_refused(
    tmp_path: Path, dataset: Dataset, store: ArtefactStore
) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "mine"}')
    with pytest.raises(DataError, match=r"config\.json: .*`mine`"):
        encoder_inputs(spec_of(tmp_path, pretrained=False), dataset, store)


@pytest.mark.parametrize(
    ("kind", "size", "reason"),
    [
        ("vit", 32, "knows the positions of 16 x 16 pixels; set size: 16"),
        ("siglip", 32, "set size: 16"),
        ("dinov2", 20, "cuts images into patches of 8 x 8 pixels; allowed: multiples of 8"),
    ],
)
def test_a_size_that_the_model_cannot_read_is_refused(
    kind: str, size: int, reason: str, saved: dict[str, tuple[Path, Any]]
) -> None:
    with pytest.raises(SpecError, match=reason):
        load_vision_model(spec_of(saved[kind][0], size=size))


@pytest.mark.parametrize("kind", [kind for kind in FAMILIES if not FAMILIES[kind].has_fixed_size])
def test_models_without_fixed_positions_read_other_sizes(
    kind: str, saved: dict[str, tuple[Path, Any]]
) -> None:
    model = load_vision_model(spec_of(saved[kind][0], size=32))
    assert len(model(torch.zeros(2, 3, 32, 32))) == 2


def test_how_pixels_are_normalised_is_read_or_asked_for(tmp_path: Path) -> None:
    hf.ViTModel(CONFIGS["vit"]()).save_pretrained(tmp_path)
    with pytest.raises(DataError, match=r"no preprocessor_config\.json, which says how pixels"):
        load_vision_model(spec_of(tmp_path))
    load_vision_model(spec_of(tmp_path, normalization="half"))
    scratch = load_vision_model(spec_of(tmp_path, pretrained=False))
    assert scratch.pretrained_cfg == {"mean": (0.5,) * 3, "std": (0.5,) * 3}
    nested = {"image_processor": {"image_mean": MEAN, "image_std": STD}}
    (tmp_path / "processor_config.json").write_text(json.dumps(nested))
    found = load_vision_model(spec_of(tmp_path)).pretrained_cfg
    assert found == {"mean": tuple(MEAN), "std": tuple(STD)}
    (tmp_path / "preprocessor_config.json").write_text('{"do_normalize": false}')
    found = load_vision_model(spec_of(tmp_path)).pretrained_cfg
    assert found == {"mean": (0.0,) * 3, "std": (1.0,) * 3}


def test_other_weights_or_other_normalisation_are_another_encoder(
    tmp_path: Path, saved: dict[str, tuple[Path, Any]]
) -> None:
    before = weights_hash(spec_of(saved["vit"][0]))
    hf.ViTModel(CONFIGS["vit"]()).save_pretrained(tmp_path)
    assert weights_hash(spec_of(tmp_path)) != before
    assert weights_hash(spec_of(tmp_path, pretrained=False)).startswith("random-")


def test_a_second_round_needs_a_decoder(
    dataset: Dataset, store: ArtefactStore, saved: dict[str, tuple[Path, Any]]
) -> None:
    spec = spec_of(saved["vit"][0], second_round={})
    with pytest.raises(SpecError, match=r"second_round: .* has no decoder; allowed: a ViT-MAE"):
        family_of(spec).second_round(spec, dataset, store)
