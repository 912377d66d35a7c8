"""Item images as one array of pixels, decoded and resized once.

Shape legend: N items, S side in pixels.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from morec.data.dataset import Dataset
from morec.errors import DataError

MAX_PIXELS = 64_000_000
"""Larger images are refused: a small file can unpack to fill the memory."""
NUM_SHOWN = 3
"""Broken images named in an error."""
_BROKEN = (
    OSError,
    ValueError,
    SyntaxError,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)

_Pixels = npt.NDArray[np.uint8]


def decode_images(dataset: Dataset, size: int, out: _Pixels | None = None) -> _Pixels:
    """Return all images as RGB, (N, S, S, 3) uint8, item i at index i - 1.

    Resized bilinearly to ``size`` x ``size`` without keeping the proportions, as torchvision's
    ``Resize((size, size))`` does. Give ``out``, for example a ``np.memmap``, to stream a large
    catalogue to disk.

    Raises:
        DataError: the dataset has no images, or some are missing, broken or too large.
    """
    if not dataset.has_images:
        raise DataError(f"dataset {dataset.name} has no images")
    shape = (dataset.num_items, size, size, 3)
    pixels = np.empty(shape, dtype=np.uint8) if out is None else out
    if pixels.shape != shape or pixels.dtype != np.uint8:
        raise ValueError(f"out is {pixels.dtype} {pixels.shape}, expected uint8 {shape}")
    if dataset.image_paths is not None:
        _decode_into(pixels, dataset.image_paths)
    elif dataset.image_array is not None:
        for index, image in enumerate(dataset.image_array):
            pixels[index] = _resized(Image.fromarray(np.asarray(image)), size)
    return pixels


def _decode_into(pixels: _Pixels, paths: Sequence[Path]) -> None:
    def decode(index: int) -> str | None:
        try:
            pixels[index] = _open(paths[index], pixels.shape[1])
        except _BROKEN as error:
            return f"{paths[index]} ({error})"
        return None

    # Threads are enough: Pillow decodes and resizes outside the interpreter lock.
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        broken = [problem for problem in pool.map(decode, range(len(paths))) if problem]
    if broken:
        raise DataError(
            f"{len(broken):,} of {len(paths):,} images cannot be used: "
            + "; ".join(broken[:NUM_SHOWN])
        )


def _open(path: Path, size: int) -> _Pixels:
    with Image.open(path) as image:
        if image.width * image.height > MAX_PIXELS:
            raise ValueError(
                f"{image.width} x {image.height} pixels, at most {MAX_PIXELS:,} are allowed"
            )
        return _resized(image, size)


def _resized(image: Image.Image, size: int) -> _Pixels:
    rgb = image.convert("RGB")
    return np.asarray(rgb.resize((size, size), Image.Resampling.BILINEAR))
