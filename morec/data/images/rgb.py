"""Turns an opened image into what a viewer shows: upright, 8 bits a channel, on white."""

import struct

import numpy as np
from PIL import Image, ImageOps

WHITE = (255, 255, 255, 255)
DEEP_GREY = ("I;16", "I;16B", "I;16L", "I;16N", "I")
"""Modes of 16-bit grey; Pillow's own conversion would clip them at 255. Some files of 16 bits are
opened as ``I``, which has room for 32."""
DEEPEST = 65_535
_BROKEN_EXIF = (
    ArithmeticError,
    AttributeError,
    LookupError,
    OSError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
)
"""What Pillow raises for EXIF blocks that are not as the standard says."""


def as_rgb(image: Image.Image) -> Image.Image:
    """Decode an image to RGB: the first frame, turned as its EXIF orientation says.

    What is transparent is laid on white, as on a shop's page. 16-bit grey is scaled to 8 bits.

    Raises:
        one of ``open.IMAGE_ERRORS``: the pixels are broken, or their range is not known.
    """
    # Pixels are decoded first, so that only what a broken EXIF block raises is caught below.
    image.load()
    turned = _upright(image)
    if turned.mode in DEEP_GREY:
        return _from_deep_grey(turned)
    if turned.mode == "F":
        raise ValueError("pixels are fractions without a known range; save them with 8 or 16 bits")
    if not turned.has_transparency_data:
        return turned.convert("RGB")
    # Pillow turns grey with premultiplied transparency into RGBA in two steps only.
    straight = turned.convert("LA") if turned.mode == "La" else turned
    layer = straight.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, WHITE), layer).convert("RGB")


def _upright(image: Image.Image) -> Image.Image:
    """The image as it is to be seen; one whose EXIF block is broken stays as it is stored."""
    try:
        return ImageOps.exif_transpose(image)
    except _BROKEN_EXIF:
        return image


def _from_deep_grey(image: Image.Image) -> Image.Image:
    grey = np.asarray(image).astype(np.int32)
    if grey.min() < 0 or grey.max() > DEEPEST:
        raise ValueError(f"32-bit pixels from {grey.min()} to {grey.max()}; save them with 16 bits")
    # 65,535 is 255 x 257: this rounds to the nearest.
    scaled = ((grey + 128) // 257).astype(np.uint8)
    # A PNG without an alpha channel may name one grey that is transparent.
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        scaled[grey == transparent] = 255
    return Image.fromarray(scaled).convert("RGB")
