"""One image as it is stored, and the picture it is read into."""

import io
from pathlib import Path

from PIL import Image

from morec.data.images.pickled import FIRST_BYTE, unpickle_pixels

RawImage = Path | bytes
"""A file, or what would be in one; also pixels as the paper's scripts pickled them."""
MAX_PIXELS = 64_000_000
"""Larger images are refused: a small file can unpack to fill the memory."""
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
"""Others are refused: Pillow hands EPS to Ghostscript, whatever the file is called."""
BROKEN = (
    OSError,
    ValueError,
    SyntaxError,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)
"""What Pillow raises for images that it cannot read."""


def open_image(raw: RawImage) -> Image.Image:
    """Read the header, so that format and size are known; pixels are decoded when they are used.

    Raises:
        one of ``BROKEN``: it is no image, or a very large one.
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
