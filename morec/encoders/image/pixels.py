"""The catalogue's images as an encoder reads them: decoded once, normalised when asked for.

Shapes: N items asked for, row r = item r + 1; S side in pixels, C channels.
"""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from morec.config import ImageSpec, canonical_json
from morec.data.dataset import Dataset
from morec.data.decoded_images import decode_images
from morec.encoders.artefacts import Artefact, ArtefactStore
from morec.errors import DataError
from morec.placement import beside

HALF = (0.5, 0.5, 0.5)
"""Mean and deviation of the paper's code, for every encoder."""


class PixelTable(nn.Module):
    """The pixels of all items, which stay in their memory-mapped file."""

    def __init__(
        self, pixels: Artefact, spec: ImageSpec, mean: tuple[float, ...], std: tuple[float, ...]
    ) -> None:
        """Take what ``image_pixels`` made and the encoder's own mean and deviation."""
        super().__init__()
        if spec.normalization == "half":
            mean, std = HALF, HALF
        self._pixels_NSSC = torch.from_numpy(pixels.array("pixels"))
        self.num_items = len(self._pixels_NSSC)
        self.size = spec.size
        self.register_buffer("mean_C11", torch.tensor(mean)[:, None, None], persistent=False)
        self.register_buffer("std_C11", torch.tensor(std)[:, None, None], persistent=False)

    def forward(self, rows_N: Tensor) -> Tensor:
        """Normalised images_NCSS, on the device of this module."""
        mean_C11 = self.get_buffer("mean_C11")
        images_NSSC = beside(self._pixels_NSSC[rows_N], mean_C11)
        images_NCSS = images_NSSC.permute(0, 3, 1, 2).to(mean_C11.dtype) / 255
        return (images_NCSS - mean_C11) / self.get_buffer("std_C11")


def image_pixels(spec: ImageSpec, dataset: Dataset, store: ArtefactStore) -> Artefact:
    """Find or make the decoded images of all items, N x S x S x 3 bytes.

    Raises:
        DataError: the images cannot be had.
    """

    def make(folder: Path) -> None:
        shape = (dataset.num_items, spec.size, spec.size, 3)
        pixels = np.lib.format.open_memmap(folder / "pixels.npy", "w+", np.uint8, shape)
        decode_images(dataset, spec.size, out=pixels)
        pixels.flush()

    return store.get_or_make("pixels", pixels_key(spec, dataset), make)


def pixels_key(spec: ImageSpec, dataset: Dataset) -> dict[str, Any]:
    """What the pixels depend on.

    Raises:
        DataError: the dataset has no images.
    """
    if not dataset.has_images:
        raise DataError(f"item.image: dataset {dataset.name!r} has no images")
    return {"images": _images_hash(dataset), "size": spec.size}


def _images_hash(dataset: Dataset) -> str:
    """Drawn images by their pixels; others by the sources' hash and by which image is whose."""
    if dataset.image_array is not None:
        return hashlib.sha256(dataset.image_array.tobytes()).hexdigest()
    keys = dataset.images.keys if dataset.images else ()
    return hashlib.sha256(canonical_json([dataset.sha256, keys]).encode()).hexdigest()
