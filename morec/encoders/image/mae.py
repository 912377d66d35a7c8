"""Second-round pre-training of an image encoder: masked autoencoding of the item images."""

import json
from pathlib import Path

import torch
from torch import Tensor
from transformers import ViTMAEForPreTraining

from morec.config import ImageSpec
from morec.data.dataset import Dataset
from morec.encoders.artefacts import Artefact, ArtefactStore
from morec.encoders.image.pixels import PixelTable, image_pixels, pixels_key
from morec.encoders.image.vit_mae import PREPROCESSOR, load_vit_mae_for_pretraining, mean_and_std
from morec.encoders.second_round import second_round
from morec.encoders.weights.image import transformers_hash


class MaskedAutoencoding:
    """Reconstruct the pixels of the masked patches (He et al. 2022), 75% of them.

    Weights without a decoder get a fresh one; it is trained with the rest.
    """

    where = "item.image.second_round"

    def __init__(self, spec: ImageSpec, pixels: PixelTable, model: ViTMAEForPreTraining) -> None:
        self.title = f"{spec.name} masked autoencoding"
        self.num_items = pixels.num_items
        self.model = model
        self._pixels = pixels
        self._own_normalization = mean_and_std(spec)

    def loss(self, rows_B: Tensor) -> tuple[Tensor, int]:
        """Mean squared error over the masked patches, as many of every image; and the images."""
        num_patches = self.model.vit.embeddings.patch_embeddings.num_patches
        # Drawn on the CPU, so that masks do not depend on the device.
        noise_BP = torch.rand(len(rows_B), num_patches)
        device = self.model.device
        images_BCSS = self._pixels.to(device)(rows_B)
        loss: Tensor = self.model(images_BCSS, noise=noise_BP.to(device)).loss
        return loss, len(rows_B)

    def save(self, folder: Path) -> None:
        """Write weights, decoder included, and how pixels were normalised before this round."""
        self.model.save_pretrained(folder)
        mean, std = self._own_normalization
        about = json.dumps({"image_mean": mean, "image_std": std})
        (folder / PREPROCESSOR).write_text(about + "\n", encoding="utf-8")


def masked_autoencoding_round(spec: ImageSpec, dataset: Dataset, store: ArtefactStore) -> Artefact:
    """Find or train a ViT-MAE's second round.

    Raises:
        DataError: the weights or the images cannot be had.
        SpecError: the loss does not stay finite.
    """
    assert spec.second_round is not None
    pixels = image_pixels(spec, dataset, store)
    key = {
        **pixels_key(spec, dataset),
        "weights": transformers_hash(spec),
        "normalization": spec.normalization,
    }

    def make() -> MaskedAutoencoding:
        table = PixelTable(pixels, spec, *mean_and_std(spec))
        return MaskedAutoencoding(spec, table, load_vit_mae_for_pretraining(spec))

    return second_round("masked-autoencoding-round", key, spec.second_round, make, store)
