"""The image encoder of a trial: frozen features, or a timm backbone over decoded pixels.

Shapes: N items asked for, row r = item r + 1; S side in pixels, H width.
"""

import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import timm
import torch
from torch import Tensor, nn

from morec.config import ImageSpec
from morec.data.dataset import Dataset
from morec.encoders.artefacts import Artefact, ArtefactStore
from morec.encoders.frozen import FROZEN_SEED, frozen_device, frozen_randomness
from morec.encoders.image_weights import image_hash, image_weights
from morec.encoders.pixels import PixelTable, image_pixels, pixels_key
from morec.encoders.tables import FeatureTable
from morec.encoders.timm_names import checked_name
from morec.errors import SpecError

ENCODE_IMAGES = 64
"""Images encoded at once when features are made."""


class ImageEncoder(nn.Module):
    """A timm backbone over the catalogue's pixels."""

    def __init__(self, images: PixelTable, backbone: nn.Module) -> None:
        super().__init__()
        self.images = images
        self.backbone = backbone
        self.dim = _output_dim(backbone, images.size)

    def forward(self, rows_N: Tensor) -> Tensor:
        """Encode items into pooled_NH; every row costs its encoding, so ask for each once.

        In training, BatchNorm sees each image of the batch once, not once per occurrence.
        """
        return cast(Tensor, self.backbone(self.images(rows_N)))

    def encode_padded_item(self) -> Tensor:
        """Encode one image, shape (1, H)."""
        return self.forward(torch.zeros(1, dtype=torch.long))


def image_inputs(spec: ImageSpec, dataset: Dataset, store: ArtefactStore) -> Artefact:
    """Find or make the decoded pixels (end-to-end) or the frozen features (two-stage).

    Raises:
        DataError: the images or the weights cannot be had.
        SpecError: the encoder's name is unknown.
    """
    key = {
        **pixels_key(spec, dataset),
        "weights": image_hash(spec),
        "normalization": spec.normalization,
        "seed": None if spec.pretrained else FROZEN_SEED,
    }
    if spec.trainable_layers == "all":
        return image_pixels(spec, dataset, store)

    def make(folder: Path) -> None:
        _write_features(spec, image_pixels(spec, dataset, store), folder)

    return store.get_or_make("image-features", key, make)


def build_image_encoder(
    spec: ImageSpec, dataset: Dataset, store: ArtefactStore
) -> ImageEncoder | FeatureTable:
    """The part of an image encoder that a trial runs, over what ``image_inputs`` made.

    Random weights that train come from torch's random state, the trial's own.

    Raises:
        SpecError: the encoder cannot read images of this size.
    """
    inputs = image_inputs(spec, dataset, store)
    if spec.trainable_layers == 0:
        return FeatureTable(inputs.array("features"))
    return _over_pixels(spec, inputs)


def _over_pixels(spec: ImageSpec, pixels: Artefact) -> ImageEncoder:
    backbone = _backbone(spec)
    config = backbone.pretrained_cfg
    return ImageEncoder(PixelTable(pixels, spec, config["mean"], config["std"]), backbone)


def _backbone(spec: ImageSpec) -> Any:
    """The timm model without its classifier, at the size of our images where that is built in."""
    weights = image_weights(spec)
    is_folder = Path(spec.name).is_dir()
    name = f"local-dir:{Path(spec.name).absolute()}" if is_folder else checked_name(spec.name)
    overlay = {"file": str(weights)} if weights and not is_folder else None
    try:
        options = {"img_size": spec.size} if _has_fixed_size(spec) else {}
        backbone = timm.create_model(
            name,
            pretrained=weights is not None,
            pretrained_cfg_overlay=overlay,
            num_classes=0,
            **options,
        )
        _output_dim(backbone, spec.size)
    except (ArithmeticError, AssertionError, RuntimeError, TypeError, ValueError) as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise SpecError(
            f"item.image: timm cannot run {spec.name!r} on {spec.size} x {spec.size} pixels: "
            f"{reason[0]}"
        ) from error
    return backbone


def _has_fixed_size(spec: ImageSpec) -> bool:
    saved = Path(spec.name) / "config.json"
    if saved.is_file():
        config = json.loads(saved.read_text(encoding="utf-8")).get("pretrained_cfg", {})
        return bool(config.get("fixed_input_size"))
    known = timm.get_pretrained_cfg(spec.name)
    return known is not None and bool(known.fixed_input_size)


@torch.no_grad()
def _output_dim(backbone: nn.Module, size: int) -> int:
    """Width of what the backbone really returns; timm's own attributes differ between models."""
    was_training = backbone.training
    dim = backbone.eval()(torch.zeros(1, 3, size, size)).shape[1]
    backbone.train(was_training)
    return int(dim)


def _frozen_encoder(spec: ImageSpec, pixels: Artefact) -> ImageEncoder:
    """In evaluation mode, without touching the trial's randomness."""
    with frozen_randomness():
        encoder = _over_pixels(spec, pixels)
    return encoder.eval().to(frozen_device())


@torch.inference_mode()
def _write_features(spec: ImageSpec, pixels: Artefact, folder: Path) -> None:
    encoder = _frozen_encoder(spec, pixels)
    rows_N = torch.arange(len(pixels.array("pixels")))
    features_NH = torch.cat([encoder(chunk).cpu() for chunk in torch.split(rows_N, ENCODE_IMAGES)])
    np.save(folder / "features.npy", features_NH.numpy())
