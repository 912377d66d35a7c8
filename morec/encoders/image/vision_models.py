"""Image encoders of transformers, with its own forward: ViT, DINO, CLIP, SigLIP, ResNet, Swin.

A name is a folder that ``save_pretrained`` wrote, or a model hub name.
Shapes: B images, S side in pixels, H width.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import torch
from timm.data import (
    IMAGENET_DEFAULT_MEAN,
    IMAGENET_DEFAULT_STD,
    IMAGENET_INCEPTION_MEAN,
    IMAGENET_INCEPTION_STD,
    OPENAI_CLIP_MEAN,
    OPENAI_CLIP_STD,
)
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    CLIPVisionModel,
    ConvNextModel,
    ConvNextV2Model,
    Dinov2Model,
    Dinov2WithRegistersModel,
    DINOv3ViTModel,
    ResNetModel,
    SiglipVisionModel,
    SwinModel,
    Swinv2Model,
    ViTModel,
)

from morec.config import ImageSpec
from morec.encoders.weights.image import transformers_folder
from morec.encoders.weights.pretrained import load_transformer
from morec.encoders.weights.read_errors import as_data_error
from morec.errors import DataError, SpecError

PREPROCESSORS = ("preprocessor_config.json", "processor_config.json")
"""Files that say how pixels are normalised; in the second they stand under ``image_processor``."""

Moments = tuple[tuple[float, ...], tuple[float, ...]]
"""Mean and deviation of the three channels."""
_IMAGENET: Moments = (IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD)
_HALF: Moments = (IMAGENET_INCEPTION_MEAN, IMAGENET_INCEPTION_STD)
_CLIP: Moments = (OPENAI_CLIP_MEAN, OPENAI_CLIP_STD)


@dataclass(frozen=True)
class Family:
    """How a family of the library is loaded, pooled, and cut into stages."""

    model_class: Any
    pool: Callable[[Any], Tensor]
    """The vector_BH that the family's documentation names, of the forward's output."""
    stem: str
    """How the names below the first stage begin, as an expression."""
    stages: str
    """How the names in the stages begin, with their number as group."""
    moments: Moments
    """Those of the library's own preprocessing, for training from scratch."""
    has_fixed_size: bool = True
    """Whether its weights know the positions of one size only."""
    has_class_token: bool = True
    """Whether every layer has a state of the whole image, which a side network can read."""


def _class_token(output: Any) -> Tensor:
    return cast(Tensor, output.last_hidden_state[:, 0])


def _pooler_output(output: Any) -> Tensor:
    return cast(Tensor, output.pooler_output.flatten(1))


def _mean_of_patches(output: Any) -> Tensor:
    return cast(Tensor, output.last_hidden_state.mean(1))


_CLIP_FAMILY = Family(
    CLIPVisionModel,
    _pooler_output,
    stem="(?:embeddings|pre_layrnorm)",
    stages=r"encoder\.layers\.(\d+)",
    moments=_CLIP,
)
_SIGLIP_FAMILY = replace(
    _CLIP_FAMILY,
    model_class=SiglipVisionModel,
    stem="embeddings",
    moments=_HALF,
    has_class_token=False,
)
_DINO_FAMILY = Family(
    Dinov2Model,
    _pooler_output,
    stem="embeddings",
    stages=r"encoder\.layer\.(\d+)",
    moments=_IMAGENET,
    has_fixed_size=False,
)
_CONVNEXT_FAMILY = replace(
    _DINO_FAMILY,
    model_class=ConvNextModel,
    stages=r"encoder\.stages\.(\d+)",
    has_class_token=False,
)
_SWIN_FAMILY = replace(
    _DINO_FAMILY,
    model_class=SwinModel,
    pool=_mean_of_patches,
    stages=r"encoder\.layers\.(\d+)",
    has_class_token=False,
)
FAMILIES = {
    "vit": Family(
        ViTModel, _class_token, stem="embeddings", stages=r"layers\.(\d+)", moments=_HALF
    ),
    "dinov2": _DINO_FAMILY,
    "dinov2_with_registers": replace(_DINO_FAMILY, model_class=Dinov2WithRegistersModel),
    "dinov3_vit": replace(_DINO_FAMILY, model_class=DINOv3ViTModel, stages=r"model\.layer\.(\d+)"),
    "clip": _CLIP_FAMILY,
    "clip_vision_model": _CLIP_FAMILY,
    "siglip": _SIGLIP_FAMILY,
    "siglip_vision_model": _SIGLIP_FAMILY,
    "resnet": Family(
        ResNetModel,
        _pooler_output,
        stem="embedder",
        stages=r"encoder\.stages\.(\d+)",
        moments=_IMAGENET,
        has_fixed_size=False,
        has_class_token=False,
    ),
    "convnext": _CONVNEXT_FAMILY,
    "convnextv2": replace(_CONVNEXT_FAMILY, model_class=ConvNextV2Model),
    "swin": _SWIN_FAMILY,
    "swinv2": replace(_SWIN_FAMILY, model_class=Swinv2Model),
}
"""By ``model_type``. ViT: the class token after the final norm; its pooler is not read, since most
checkpoints have none. DINO, CLIP: the same, which the library calls ``pooler_output``. SigLIP and
SigLIP 2 of a fixed size: its attention pooling. ResNet: the mean over the last map. ConvNeXt: the
same, then the final norm. Swin: the mean over the patches after the final norm."""


class VisionEncoder(nn.Module):
    """One of the library's models; the attributes are those of a timm model."""

    def __init__(self, model: Any, family: Family, moments: Moments) -> None:
        super().__init__()
        self.model = model
        self.pretrained_cfg = dict(zip(("mean", "std"), moments, strict=True))
        self._family = family
        for name, parameter in model.named_parameters():
            # DINO reads it in its own pre-training only.
            parameter.requires_grad_(name != "embeddings.mask_token")

    def forward(self, images_BCSS: Tensor) -> Tensor:
        """Encode normalised images into pooled_BH."""
        return self._family.pool(self.model(pixel_values=images_BCSS))

    def layer_states(self, images_BCSS: Tensor) -> Tensor:
        """The class token's states_BKH of the embedding and of every layer; the last is pooled."""
        output = self.model(pixel_values=images_BCSS, output_hidden_states=True)
        states = [state_BTH[:, 0] for state_BTH in output.hidden_states[:-1]]
        return torch.stack([*states, self._family.pool(output)], dim=1)

    def group_matcher(self, coarse: bool) -> dict[str, Any]:
        """Name the parameters of stem and stages, in timm's way; norm and pooling are the top's."""
        stem, stages = rf"^model\.{self._family.stem}", rf"^model\.{self._family.stages}"
        return {"stem": stem, "blocks": [(stages, None)]}


def load_vision_model(spec: ImageSpec) -> VisionEncoder:
    """The encoder; without pretrained weights as the library draws it from torch's random state.

    Raises:
        DataError: weights, or how pixels are normalised, cannot be had.
        SpecError: the model type is not supported, or reads images of another size.
    """
    folder = transformers_folder(spec)
    whole = load_vision_config(spec)
    family, config = FAMILIES[whole.model_type], getattr(whole, "vision_config", whole)
    _check_size(spec, config, family)
    model = load_transformer(folder if spec.pretrained else None, config, family.model_class)
    return VisionEncoder(model, family, _moments(spec, folder, family))


def save_vision_model(model: Any, pixels: Mapping[str, Any], folder: Path) -> None:
    """Write a model of the library, and the mean and deviation of the pixels that it reads."""
    model.save_pretrained(folder)
    about = {
        "do_normalize": True,
        "image_mean": list(pixels["mean"]),
        "image_std": list(pixels["std"]),
    }
    (folder / PREPROCESSORS[0]).write_text(json.dumps(about) + "\n", encoding="utf-8")


def load_vision_config(spec: ImageSpec) -> Any:
    """The configuration in the folder, of one of ``FAMILIES``.

    Raises:
        DataError: it cannot be read.
        SpecError: it is of another model type.
    """
    folder = transformers_folder(spec)
    with as_data_error(str(folder / "config.json")):
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    if config.model_type not in FAMILIES:
        raise SpecError(
            f"item.image.name: {spec.name!r} is of type {config.model_type!r}; allowed: vit_mae, "
            f"{', '.join(FAMILIES)}, or a timm name or folder (without 'timm/')"
        )
    return config


def _check_size(spec: ImageSpec, config: Any, family: Family) -> None:
    size = getattr(config, "image_size", spec.size)
    patch = getattr(config, "patch_size", 1)
    if family.has_fixed_size and spec.size != size:
        raise SpecError(
            f"item.image.size: {spec.size}, but {spec.name!r} knows the positions of "
            f"{size} x {size} pixels; set size: {size}"
        )
    if spec.size % patch:
        raise SpecError(
            f"item.image.size: {spec.size}, but {spec.name!r} cuts images into patches of "
            f"{patch} x {patch} pixels; allowed: multiples of {patch}"
        )
    if not getattr(config, "vision_use_head", True):
        raise SpecError(f"item.image.name: {spec.name!r} was saved without its attention pooling")


def _moments(spec: ImageSpec, folder: Path, family: Family) -> Moments:
    about = _preprocessing(folder)
    if about is None:
        if spec.pretrained and spec.normalization == "model":
            raise DataError(
                f"{folder}: no {PREPROCESSORS[0]}, which says how pixels are normalised; add it "
                "(the image processor's save_pretrained), or set item.image.normalization: half"
            )
        return family.moments
    if not about.get("do_normalize", True):
        return (0.0,) * 3, (1.0,) * 3
    mean, std = family.moments
    return tuple(about.get("image_mean") or mean), tuple(about.get("image_std") or std)


def _preprocessing(folder: Path) -> dict[str, Any] | None:
    for name in PREPROCESSORS:
        path = folder / name
        if path.is_file():
            about: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            return cast("dict[str, Any]", about.get("image_processor", about))
    return None
