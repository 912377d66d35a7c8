"""Decodes and resizes the items' images into one array of pixels.

Shape legend: N items, S side in pixels.
"""

import numpy as np
import numpy.typing as npt
from PIL import Image

from morec.data.dataset import Dataset
from morec.data.images.open import RawImage, open_image
from morec.data.images.rgb import as_rgb
from morec.data.images.sources import NUM_SHOWN, ImageSource, for_each_image
from morec.errors import DataError

_Pixels = npt.NDArray[np.uint8]


def decode_images(dataset: Dataset, size: int, out: _Pixels | None = None) -> _Pixels:
    """Return all images as RGB (see ``as_rgb``), (N, S, S, 3) uint8, item i at index i - 1.

    Images are resized bilinearly to ``size`` x ``size`` whatever their proportions, as
    ``Resize((size, size))`` of torchvision does. ``out`` receives the pixels if given: a
    ``np.memmap`` streams a large catalogue to disk.

    Raises:
        DataError: the dataset has no images, or some are missing, broken or too large.
    """
    if not dataset.has_images:
        raise DataError(f"dataset {dataset.name} has no images")
    shape = (dataset.num_items, size, size, 3)
    pixels = np.empty(shape, dtype=np.uint8) if out is None else out
    if pixels.shape != shape or pixels.dtype != np.uint8:
        raise ValueError(f"out is {pixels.dtype} {pixels.shape}, expected uint8 {shape}")
    if dataset.images is not None:
        _decode_into(pixels, dataset, dataset.images)
    elif dataset.image_array is not None:
        for index, image in enumerate(dataset.image_array):
            pixels[index] = _resized(Image.fromarray(np.asarray(image)), size)
    return pixels


def _decode_into(pixels: _Pixels, dataset: Dataset, source: ImageSource) -> None:
    def decode(index: int, raw: RawImage) -> None:
        with open_image(raw) as image:
            pixels[index] = _resized(image, pixels.shape[1])

    unreadable = for_each_image(source, decode)
    problems = {index: f"{source.location(index)}: missing" for index in unreadable.missing}
    problems |= unreadable.broken
    if problems:
        shown = [
            f"{dataset.name_of(index + 1)!r} ({why})"
            for index, why in list(problems.items())[:NUM_SHOWN]
        ]
        raise DataError(
            f"{len(problems):,} of {len(pixels):,} images cannot be used: {'; '.join(shown)}"
        )


def _resized(image: Image.Image, size: int) -> _Pixels:
    return np.asarray(as_rgb(image).resize((size, size), Image.Resampling.BILINEAR))
