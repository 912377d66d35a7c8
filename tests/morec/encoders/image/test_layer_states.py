"""The class token's state in every layer: the library's hidden states, joined and stored."""

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers as hf
from torch import Tensor, nn

from morec.config import ImageSpec
from morec.data.dataset import Dataset
from morec.encoders.artefacts import ArtefactStore
from morec.encoders.image.encoder import OF_TRANSFORMERS
from morec.encoders.image.layer_states import LayerwiseBackbone, num_layers_of
from morec.encoders.image.vision_models import load_vision_model
from morec.encoders.image.vit_mae import load_vit_mae
from morec.errors import SpecError

SIZE = 16
SHAPE = {"hidden_size": 8, "num_hidden_layers": 3, "num_attention_heads": 2}
VISION = {**SHAPE, "intermediate_size": 16, "image_size": SIZE, "patch_size": 8}
TEXT = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 9}
CONFIGS: dict[str, Any] = {
    "vit": hf.ViTConfig(**VISION),
    "dinov2": hf.Dinov2Config(**SHAPE, image_size=SIZE, patch_size=8, mlp_ratio=2),
    "clip": hf.CLIPConfig(vision_config=VISION, text_config=TEXT, projection_dim=6),
    "vit_mae": hf.ViTMAEConfig(**VISION),
}

WITHOUT: dict[str, Any] = {
    "resnet": hf.ResNetConfig,
    "siglip": hf.SiglipConfig,
    "siglip_vision_model": hf.SiglipVisionConfig,
    "convnext": hf.ConvNextConfig,
    "convnextv2": hf.ConvNextV2Config,
    "swin": hf.SwinConfig,
    "swinv2": hf.Swinv2Config,
}
"""Families whose layers have maps or patches, and no state of the whole image."""


def spec_of(name: object, **changes: Any) -> ImageSpec:
    fields = {"name": str(name), "size": SIZE, "normalization": "half", **changes}
    return ImageSpec.model_validate(fields)


def images(number: int = 4) -> Tensor:
    return torch.randn(number, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(3))


@pytest.fixture(scope="module", params=CONFIGS)
def saved(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Any]:
    """A folder of a family with a class token, and its vision model."""
    folder = tmp_path_factory.mktemp(request.param)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = hf.AutoModel.from_config(CONFIGS[request.param]).eval()
        for parameter in model.parameters():
            parameter.data += 0.2 * torch.randn_like(parameter)
    model.save_pretrained(folder)
    return folder, getattr(model, "vision_model", model)


@torch.no_grad()
def by_hooks(vision: Any, inputs: Tensor) -> Tensor:
    """What the class token enters each layer with, and the vector of the whole model."""
    entered: list[Tensor] = []

    def remember(_module: nn.Module, args: Any, kwargs: Any) -> None:
        entered.append((args or tuple(kwargs.values()))[0][:, 0])

    named = dict(vision.named_modules())
    stack = next(module for module in named.values() if isinstance(module, nn.ModuleList))
    hooks = [layer.register_forward_pre_hook(remember, with_kwargs=True) for layer in stack]
    options: dict[str, Any] = {}
    if hasattr(vision.config, "mask_ratio"):
        vision.config.mask_ratio = 0.0
        options["noise"] = torch.arange(4.0).expand(len(inputs), -1)
    output = vision(inputs, **options)
    for hook in hooks:
        hook.remove()
    is_clip = vision.config.model_type == "clip_vision_model"
    last = output.pooler_output if is_clip else output.last_hidden_state[:, 0]
    return torch.stack([*entered, last], 1)


@torch.no_grad()
def test_the_states_are_those_that_enter_the_layers_and_the_pooled_one(
    saved: tuple[Path, Any],
) -> None:
    folder, vision = saved
    is_mae = vision.config.model_type == "vit_mae"
    backbone = (load_vit_mae if is_mae else load_vision_model)(spec_of(folder)).eval()
    expected = by_hooks(vision, images())
    assert expected.shape == (4, 4, 8)
    torch.testing.assert_close(backbone.layer_states(images()), expected, rtol=0, atol=1e-5)
    torch.testing.assert_close(backbone(images()), expected[:, -1], rtol=0, atol=1e-5)
    chosen = LayerwiseBackbone(backbone, (0, 2))
    assert chosen.pretrained_cfg is backbone.pretrained_cfg
    joined = torch.cat([expected[:, 0], expected[:, 2]], 1)
    torch.testing.assert_close(chosen(images()), joined, rtol=0, atol=1e-5)
    assert [name for name, _ in chosen.named_children()] == ["backbone"]


def test_the_number_of_layers_is_that_of_the_configuration(saved: tuple[Path, Any]) -> None:
    assert num_layers_of(spec_of(saved[0])) == 3


def test_layers_of_known_and_tiny_encoders_need_no_files() -> None:
    assert num_layers_of(spec_of("facebook/vit-mae-base")) == 12
    assert num_layers_of(spec_of("tiny-random-mae", pretrained=False)) == 2


def test_stored_states_are_those_of_the_items_images(
    saved: tuple[Path, Any], dataset: Dataset, shared_store: ArtefactStore
) -> None:
    folder, vision = saved
    family = OF_TRANSFORMERS
    assert dataset.image_array is not None
    pixels = torch.from_numpy(dataset.image_array.copy()).permute(0, 3, 1, 2) / 255
    expected = by_hooks(vision, (pixels - 0.5) / 0.5)
    found = {
        layers: family.inputs(spec_of(folder, side={"layers": layers}), dataset, shared_store)
        for layers in ("all", (0, 1, 2, 3), (1, 3))
    }
    for layers, artefact in found.items():
        states = torch.from_numpy(artefact.array("features"))
        chosen = expected if layers == "all" else expected[:, list(layers)]
        torch.testing.assert_close(states, chosen, rtol=0, atol=1e-4)
        assert artefact.path.name.startswith("image-layer-states-")
    assert found["all"] == found[(0, 1, 2, 3)] != found[(1, 3)]
    plain = family.inputs(spec_of(folder), dataset, shared_store)
    assert plain.path.name.startswith("image-features-")
    features = torch.from_numpy(plain.array("features"))
    torch.testing.assert_close(features, expected[:, -1], rtol=0, atol=1e-4)


def test_layers_that_there_are_not_are_refused(saved: tuple[Path, Any]) -> None:
    spec = spec_of(saved[0], side={"layers": (1, 4)})
    with pytest.raises(SpecError) as caught:
        OF_TRANSFORMERS.side_layers(spec)
    assert str(caught.value) == (
        "item.image.side.layers: 4, but the encoder has 3 layers; allowed: 0 (the embedding) to 3, "
        "or all"
    )


@pytest.mark.parametrize("kind", WITHOUT)
def test_a_family_without_a_class_token_is_refused(kind: str, tmp_path: Path) -> None:
    WITHOUT[kind]().save_pretrained(tmp_path)
    with pytest.raises(SpecError) as caught:
        num_layers_of(spec_of(tmp_path, pretrained=False))
    assert str(caught.value) == (
        f"item.image.side: {str(tmp_path)!r} is of type {kind!r}, which has no class token; "
        "allowed: vit_mae, vit, dinov2, dinov2_with_registers, dinov3_vit, clip, clip_vision_model"
    )
