"""The image encoder of a trial: frozen features, or a backbone over decoded pixels.

Of a backbone whose top stages train, the lower ones run with it, without gradients: their outputs
for a whole catalogue would be larger than its images.
Shapes: N items asked for, row r = item r + 1; S side in pixels, H width.
"""

from abc import abstractmethod
from copy import deepcopy
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
import torch
from torch import Tensor, nn

from morec.config import ImageSpec
from morec.data.dataset import Dataset
from morec.encoders.artefacts import Artefact, ArtefactStore
from morec.encoders.frozen import FROZEN_SEED, frozen_device, frozen_randomness, write_layer_states
from morec.encoders.image.backbones import load_timm, output_dim, save_timm
from morec.encoders.image.layer_states import LayerwiseBackbone, num_layers_of
from morec.encoders.image.mae import masked_autoencoding_round
from morec.encoders.image.pixels import PixelTable, image_pixels, pixels_key
from morec.encoders.image.stages import freeze_below_top, top_parameters
from morec.encoders.image.vision_models import load_vision_model, save_vision_model
from morec.encoders.image.vit_mae import ViTMAEEncoder, fresh_vit_mae, load_vit_mae
from morec.encoders.interface import Encoder, EncoderFamily
from morec.encoders.lora import merge_lora
from morec.encoders.side import side_layers
from morec.encoders.tables import FeatureTable
from morec.encoders.weights.architectures import known_config
from morec.encoders.weights.image import (
    KNOWN_MAE_NAMES,
    TINY_RANDOM_MAE,
    is_vit_mae,
    timm_hash,
    transformers_hash,
)
from morec.encoders.weights.pretrained import quiet
from morec.errors import SpecError

_NO_DECODER = (
    "item.image.second_round: {!r} is {} has no decoder; "
    f"allowed: a ViT-MAE by hub name ({', '.join(KNOWN_MAE_NAMES)}) or folder, or "
    f"{TINY_RANDOM_MAE!r}"
)
ENCODE_IMAGES = 64
"""Images in a batch when features are made."""


class ImageEncoder(Encoder):
    """A backbone over the catalogue's pixels."""

    def __init__(self, images: PixelTable, backbone: nn.Module, still: tuple[str, ...]) -> None:
        """Take pixels, backbone, and the names of its modules that stay in evaluation mode."""
        super().__init__()
        self.images = images
        # Like the pixels; convolutions with weights in another order take up to twice the time.
        self.backbone = backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.still = still
        self.dim = output_dim(backbone, images.size)
        self.train(self.training)

    def forward(self, rows_N: Tensor) -> Tensor:
        """Encode items into pooled_NH; an item that is asked for twice is encoded twice.

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


class ImageFamily(EncoderFamily[ImageSpec]):
    """Backbones over pixels; the families differ in where a backbone comes from."""

    part = "image"

    @abstractmethod
    def save_backbone(self, backbone: Any, folder: Path) -> None:
        """Write a backbone so that ``load_backbone`` reads it by the name of the folder."""

    @abstractmethod
    def load_backbone(self, spec: ImageSpec) -> Any:
        """The module that turns normalised images (B, 3, S, S) into (B, H).

        ``pretrained_cfg`` holds ``mean`` and ``std``; ``group_matcher`` names stages, as in timm.
        """

    def inputs(self, spec: ImageSpec, dataset: Dataset, store: ArtefactStore) -> Artefact:
        """Find or make the decoded pixels (if anything trains) or the frozen features."""
        key = {
            **pixels_key(spec, dataset),
            "weights": self.weights_hash(spec),
            "normalization": spec.normalization,
            "seed": None if spec.pretrained else FROZEN_SEED,
        }
        if spec.trainable_layers != 0:
            return image_pixels(spec, dataset, store)
        layers = () if spec.side is None else self.side_layers(spec)

        def make(folder: Path) -> None:
            self._write_frozen(spec, image_pixels(spec, dataset, store), layers, folder)

        if layers:
            return store.get_or_make("image-layer-states", {**key, "layers": layers}, make)
        return store.get_or_make("image-features", key, make)

    def build(self, spec: ImageSpec, dataset: Dataset, store: ArtefactStore) -> Encoder:
        """Build the backbone over the pixels, or the table of frozen features."""
        inputs = self.inputs(spec, dataset, store)
        if spec.trainable_layers == 0:
            return FeatureTable(inputs.array("features"))
        backbone = self.load_backbone(spec)
        still: tuple[str, ...] = ()
        if spec.trainable_layers != "all" or spec.lora is not None:
            if not spec.pretrained:
                self._share_what_is_frozen(backbone, spec)
            still = freeze_below_top(backbone, spec)
        return _over_pixels(spec, inputs, backbone, still)

    def save(
        self,
        spec: ImageSpec,
        encoder: Encoder,
        *,
        dataset: Dataset,
        store: ArtefactStore,
        folder: Path,
    ) -> None:
        """Write the backbone; low-rank changes are merged into the layers that they change."""
        if isinstance(encoder, ImageEncoder):
            backbone = merge_lora(deepcopy(encoder.backbone).cpu())
        else:
            with frozen_randomness():
                backbone = self.load_backbone(spec)
        # Frozen parameters are in no state of a backbone that trains.
        backbone = backbone.requires_grad_(True).to(memory_format=torch.contiguous_format)
        with quiet():
            self.save_backbone(backbone, folder)

    def blank(self, spec: ImageSpec) -> Encoder | None:
        """The backbone over images without content."""
        backbone = self.blank_backbone(spec)
        if backbone is None:
            return None
        return ImageEncoder(_BlankImages(spec.size), backbone, freeze_below_top(backbone, spec))

    def blank_backbone(self, spec: ImageSpec) -> Any | None:
        """The module without weights; None: its shapes are not known on this machine."""
        return self.load_backbone(spec)

    def input_bytes(self, spec: ImageSpec) -> int:
        """The pixels."""
        return 3 * spec.size**2

    def _share_what_is_frozen(self, backbone: nn.Module, spec: ImageSpec) -> None:
        own = top_parameters(backbone, spec) if spec.lora is None else set()
        with frozen_randomness():
            shared = self.load_backbone(spec).state_dict()
        frozen = {name: tensor for name, tensor in shared.items() if name not in own}
        backbone.load_state_dict(frozen, strict=False)

    @torch.inference_mode()
    def _write_frozen(
        self, spec: ImageSpec, pixels: Artefact, layers: tuple[int, ...], folder: Path
    ) -> None:
        """Features or, if there are ``layers``, their states.

        In evaluation mode, without touching the trial's randomness.
        """
        with frozen_randomness():
            backbone = self.load_backbone(spec)
        if layers:
            backbone = LayerwiseBackbone(backbone, layers)
        encoder = _over_pixels(spec, pixels, backbone).eval().to(frozen_device())
        chunks = torch.split(torch.arange(encoder.images.num_items), ENCODE_IMAGES)
        if layers:
            return write_layer_states(encoder, chunks, len(layers), folder)
        features_NH = torch.cat([encoder(chunk).cpu() for chunk in chunks])
        np.save(folder / "features.npy", features_NH.numpy())


class TimmFamily(ImageFamily):
    """Models of timm: packaged, from the model hub, a folder, or from scratch."""

    def weights_hash(self, spec: ImageSpec) -> str:
        """Identify the weights."""
        return timm_hash(spec)

    def load_backbone(self, spec: ImageSpec) -> Any:
        """The model without its classifier."""
        return load_timm(spec)

    def save_backbone(self, backbone: Any, folder: Path) -> None:
        """Write what timm reads as ``local-dir:``."""
        save_timm(backbone, folder)

    def second_round(self, spec: ImageSpec, dataset: Dataset, store: ArtefactStore) -> Artefact:
        """Refuse: there is no decoder."""
        raise SpecError(_NO_DECODER.format(spec.name, "an encoder of timm, which"))


class TransformersFamily(ImageFamily):
    """Models of transformers: from the model hub, a folder, or from scratch."""

    def weights_hash(self, spec: ImageSpec) -> str:
        """Identify the weights."""
        return transformers_hash(spec)

    def load_backbone(self, spec: ImageSpec) -> Any:
        """The encoder without its decoder or its text encoder."""
        return load_vit_mae(spec) if is_vit_mae(spec) else load_vision_model(spec)

    def save_backbone(self, backbone: Any, folder: Path) -> None:
        """Write the library's own folder, with the file that says how pixels are normalised."""
        model = backbone.vit if isinstance(backbone, ViTMAEEncoder) else backbone.model
        save_vision_model(model, backbone.pretrained_cfg, folder)

    def blank_backbone(self, spec: ImageSpec) -> Any | None:
        """A hub's encoder only if it is well known."""
        config = known_config(spec.name)
        if config is not None:
            return fresh_vit_mae(config)
        is_here = spec.name == TINY_RANDOM_MAE or Path(spec.name).is_dir()
        return self.load_backbone(spec) if is_here else None

    def side_layers(self, spec: ImageSpec) -> tuple[int, ...]:
        """The layers of an encoder with a class token."""
        assert spec.side is not None, spec
        return side_layers(spec.side, num_layers_of(spec), where="item.image")

    def second_round(self, spec: ImageSpec, dataset: Dataset, store: ArtefactStore) -> Artefact:
        """Masked autoencoding on the images.

        Raises:
            SpecError: it is no ViT-MAE, or its loss does not stay finite.
        """
        if not is_vit_mae(spec):
            raise SpecError(_NO_DECODER.format(spec.name, "of a family that"))
        return masked_autoencoding_round(spec, dataset, store)


class _BlankImages(PixelTable):
    """Images of a size, in the place of a catalogue's."""

    def __init__(self, size: int) -> None:
        nn.Module.__init__(self)
        self.size = size

    def forward(self, rows_N: Tensor) -> Tensor:
        """Images without content, (N, 3, S, S)."""
        return torch.empty(len(rows_N), 3, self.size, self.size, device="meta")


def _over_pixels(
    spec: ImageSpec, pixels: Artefact, backbone: Any, still: tuple[str, ...] = ()
) -> ImageEncoder:
    config = backbone.pretrained_cfg
    return ImageEncoder(PixelTable(pixels, spec, config["mean"], config["std"]), backbone, still)


TIMM, OF_TRANSFORMERS = TimmFamily(), TransformersFamily()
