"""Opens one stored image, or checks that it is whole, mostly without decoding it."""

import io
import os
from pathlib import Path

from PIL import Image, UnidentifiedImageError, features

from morec.data.images.pickled import FIRST_BYTE, unpickle_pixels
from morec.data.images.rgb import as_rgb

RawImage = Path | bytes
"""A file, the bytes of an image file, or pixels as the paper's scripts pickled them."""
MAX_PIXELS = 64_000_000
"""Larger images are refused: a small file can unpack to fill memory."""
FORMATS = {
    "JPEG": (".jpg", ".jpeg", ".jfif"),
    "PNG": (".png",),
    "WEBP": (".webp",),
    "GIF": (".gif",),
    "BMP": (".bmp",),
    "TIFF": (".tif", ".tiff"),
    **({"AVIF": (".avif",)} if features.check("avif") else {}),
}
"""Formats with their suffixes. Other formats are refused: Pillow would pass EPS to Ghostscript,
whatever the suffix. Not every build of Pillow reads AVIF."""
JPEG_END = b"\xff\xd9"
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
        one of ``IMAGE_ERRORS``: it is no image of ``FORMATS``, or has more than ``MAX_PIXELS``.
    """
    if isinstance(raw, bytes) and raw.startswith(FIRST_BYTE):
        return Image.fromarray(unpickle_pixels(raw))
    try:
        image = Image.open(
            io.BytesIO(raw) if isinstance(raw, bytes) else raw, formats=tuple(FORMATS)
        )
    except UnidentifiedImageError as error:
        raise ValueError(f"cannot identify image file; allowed: {', '.join(FORMATS)}") from error
    if image.width * image.height > MAX_PIXELS:
        image.close()
        raise ValueError(
            f"{image.width} x {image.height} pixels, at most {MAX_PIXELS:,} are allowed"
        )
    return image


def check_whole(raw: RawImage) -> None:
    """Check that an image can be decoded, mostly without decoding it.

    A JPEG is whole if it ends as a JPEG does: its decoder bridges damage before the end. A PNG has
    checksums. A WebP states its length, which is checked when it is opened. Every other image, and
    one that fails its check, is decoded. A JPEG or PNG costs a tenth of its decoding or less.

    Raises:
        one of ``IMAGE_ERRORS``: it is no image, too large, or its pixels are cut off or damaged.
    """
    with open_image(raw) as image:
        if _is_surely_whole(image, raw):
            return
    with open_image(raw) as image:
        as_rgb(image)


def _is_surely_whole(image: Image.Image, raw: RawImage) -> bool:
    if image.format == "PNG":
        try:
            image.verify()
        except (*IMAGE_ERRORS, IndexError):  # Pillow raises the last for a PNG without pixels.
            return False
        return True
    if image.format == "WEBP":
        return True
    return image.format == "JPEG" and _last_bytes(raw, len(JPEG_END)) == JPEG_END


def _last_bytes(raw: RawImage, count: int) -> bytes:
    if isinstance(raw, bytes):
        return raw[-count:]
    with raw.open("rb") as stream:
        stream.seek(-count, os.SEEK_END)
        return stream.read()
