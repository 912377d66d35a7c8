"""Opens one stored image."""

import io
from pathlib import Path

from PIL import Image

from morec.data.images.pickled import FIRST_BYTE, unpickle_pixels

RawImage = Path | bytes
"""A file, the bytes of an image file, or pixels as the paper's scripts pickled them."""
MAX_PIXELS = 64_000_000
"""Larger images are refused: a small file can unpack to fill memory."""
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
"""Other formats are refused: Pillow would pass EPS to Ghostscript, whatever the suffix."""
IMAGE_ERRORS = (
    OSError,
    ValueError,
    SyntaxError,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)
"""Errors that Pillow raises for images that it cannot read."""


def open_image(raw: RawImage) -> Image.Image:
    """Read an image's header: format and size. Pixels are decoded when they are used.

    Raises:
        one of ``IMAGE_ERRORS``: it is no image, or has more than ``MAX_PIXELS``.
    """
    if isinstance(raw, bytes) and raw.startswith(FIRST_BYTE):
        return Image.fromarray(unpickle_pixels(raw))
    image = Image.open(io.BytesIO(raw) if isinstance(raw, bytes) else raw, formats=FORMATS)
    if image.width * image.height > MAX_PIXELS:
        image.close()
        raise ValueError(
            f"{image.width} x {image.height} pixels, at most {MAX_PIXELS:,} are allowed"
        )
    return image
