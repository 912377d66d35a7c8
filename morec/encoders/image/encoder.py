"""The image encoder of a trial: frozen features, or a backbone over decoded pixels.

Of a backbone whose top stages train, the lower ones run with it, without gradients: their outputs
for a whole catalogue would be larger than its images.
Shapes: N items asked for, row r = item r + 1; S side in pixels, H width.
"""

from pathlib import Path
from typing import Any, Self, cast

import numpy as np
import torch
from torch import Tensor, nn

from morec.config import ImageSpec
from morec.data.dataset import Dataset
from morec.encoders.artefacts import Artefact, ArtefactStore
from morec.encoders.frozen import FROZEN_SEED, frozen_device, frozen_randomness
from morec.encoders.image.backbones import load_backbone, output_dim
from morec.encoders.image.pixels import PixelTable, image_pixels, pixels_key
from morec.encoders.image.stages import freeze_below_top, top_parameters
from morec.encoders.tables import FeatureTable
from morec.encoders.weights.image import image_hash

ENCODE_IMAGES = 64
"""Images encoded at once when features are made."""


class ImageEncoder(nn.Module):
    """A backbone over the catalogue's pixels."""

    def __init__(self, images: PixelTable, backbone: nn.Module, still: tuple[str, ...]) -> None:
        """Take pixels, backbone, and which of its modules are in evaluation mode for ever."""
        super().__init__()
        self.images = images
        # Pixels come that way; convolutions whose weights lie otherwise take up to twice the time.
        self.backbone = backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.still = still
        self.dim = output_dim(backbone, images.size)
        self.train(self.training)

    def forward(self, rows_N: Tensor) -> Tensor:
        """Encode items into pooled_NH; every row costs its encoding, so ask for each once.

        In training, BatchNorm sees each image of the batch once, not once per occurrence.
        """
        return cast(Tensor, self.backbone(self.images(rows_N)))

    def encode_padded_item(self) -> Tensor:
        """Encode one image, shape (1, H)."""
        return self.forward(torch.zeros(1, dtype=torch.long))

    def train(self, mode: bool = True) -> Self:
        """Switch what trains, and nothing else, to training mode."""
        super().train(mode)
        for name in self.still:
            self.backbone.get_submodule(name).eval()
        return self


def image_inputs(spec: ImageSpec, dataset: Dataset, store: ArtefactStore) -> Artefact:
    """Find or make the decoded pixels (if anything trains) or the frozen features (two-stage).

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
    if spec.trainable_layers != 0:
        return image_pixels(spec, dataset, store)

    def make(folder: Path) -> None:
        _write_features(spec, image_pixels(spec, dataset, store), folder)

    return store.get_or_make("image-features", key, make)


def build_image_encoder(
    spec: ImageSpec, dataset: Dataset, store: ArtefactStore
) -> ImageEncoder | FeatureTable:
    """The part of an image encoder that a trial runs, over what ``image_inputs`` made.

    Random weights that train come from torch's random state, the trial's own; random weights that
    do not are the same in every trial.

    Raises:
        SpecError: the encoder cannot read images of this size, or cannot train as asked.
    """
    inputs = image_inputs(spec, dataset, store)
    if spec.trainable_layers == 0:
        return FeatureTable(inputs.array("features"))
    backbone = load_backbone(spec)
    still: tuple[str, ...] = ()
    if spec.trainable_layers != "all" or spec.lora is not None:
        if not spec.pretrained:
            _share_what_is_frozen(backbone, spec)
        still = freeze_below_top(backbone, spec)
    return _over_pixels(spec, inputs, backbone, still)


def _over_pixels(
    spec: ImageSpec, pixels: Artefact, backbone: Any, still: tuple[str, ...] = ()
) -> ImageEncoder:
    config = backbone.pretrained_cfg
    return ImageEncoder(PixelTable(pixels, spec, config["mean"], config["std"]), backbone, still)


def _share_what_is_frozen(backbone: nn.Module, spec: ImageSpec) -> None:
    own = top_parameters(backbone, spec) if spec.lora is None else set()
    with frozen_randomness():
        shared = load_backbone(spec).state_dict()
    frozen = {name: tensor for name, tensor in shared.items() if name not in own}
    backbone.load_state_dict(frozen, strict=False)


@torch.inference_mode()
def _write_features(spec: ImageSpec, pixels: Artefact, folder: Path) -> None:
    """In evaluation mode, without touching the trial's randomness."""
    with frozen_randomness():
        backbone = load_backbone(spec)
    encoder = _over_pixels(spec, pixels, backbone).eval().to(frozen_device())
    rows_N = torch.arange(encoder.images.num_items)
    features_NH = torch.cat([encoder(chunk).cpu() for chunk in torch.split(rows_N, ENCODE_IMAGES)])
    np.save(folder / "features.npy", features_NH.numpy())
