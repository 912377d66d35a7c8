"""An image becomes what a viewer shows, computed here by hand, wherever the image lies."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from morec.data.decoded_images import decode_images
from morec.data.images.open import IMAGE_ERRORS, check_whole
from morec.data.images.rgb import as_rgb
from morec.data.images.sources import find_images
from tests.morec.data.hand_made import dataset_of, quick
from tests.morec.data.stored_images import write_lmdb, write_parquet

RED, BLUE, WHITE = (200, 10, 20), (30, 40, 210), (255, 255, 255)
ORIENTATION = 0x0112
TAGGED = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01"
"""An EXIF block up to the value of its only tag, the orientation."""


def stored(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def halves(left: tuple[int, ...], right: tuple[int, ...], mode: str = "RGB") -> Image.Image:
    """4 x 2 pixels."""
    image = Image.new(mode, (4, 2), left)
    image.paste(right, (2, 0, 4, 2))
    return image


def shown(raw: bytes) -> np.ndarray:
    check_whole(raw)
    return np.asarray(as_rgb(Image.open(io.BytesIO(raw))))


def palette() -> bytes:
    image = Image.new("P", (4, 2), 1)
    image.paste(0, (2, 0, 4, 2))
    image.putpalette([*BLUE, *RED])
    return stored(image, transparency=bytes([0, 255]))


def sixteen_bits(values: list[int]) -> bytes:
    return stored(Image.fromarray(np.array([values], np.uint16)))


TRANSPARENT = {
    "RGBA": stored(halves((*RED, 255), (0, 0, 0, 0), "RGBA")),
    "WebP": stored(halves((*RED, 255), (0, 0, 0, 0), "RGBA"), "WEBP", lossless=True),
    "a palette": palette(),
    "a colour key": stored(halves(RED, BLUE), transparency=BLUE),
    "GIF": stored(halves((*RED, 255), (0, 0, 0, 0), "RGBA"), "GIF"),
    "TIFF": stored(halves((*RED, 255), (0, 0, 0, 0), "RGBA"), "TIFF"),
}


@pytest.mark.parametrize("form", TRANSPARENT)
def test_what_is_transparent_is_white(form: str) -> None:
    assert shown(TRANSPARENT[form]).tolist() == [[list(RED)] * 2 + [list(WHITE)] * 2] * 2


@quick
@given(colour=st.integers(0, 255), alpha=st.integers(0, 255), is_grey=st.booleans())
def test_a_half_transparent_colour_is_mixed_with_white(
    colour: int, alpha: int, is_grey: bool
) -> None:
    mode, pixel = ("LA", (colour, alpha)) if is_grey else ("RGBA", (colour, 7, 250, alpha))
    mixed = shown(stored(Image.new(mode, (1, 1), pixel)))[0, 0]
    colours = [colour] * 3 if is_grey else [colour, 7, 250]
    expected = [(alpha * one + (255 - alpha) * 255) / 255 for one in colours]
    assert np.abs(mixed - expected).max() <= 1
    if alpha in (0, 255):
        assert mixed.tolist() == expected


@pytest.mark.parametrize("form", ["La", "RGBa", "PA"])
def test_rare_forms_of_transparency_are_laid_on_white_too(form: str) -> None:
    assert as_rgb(Image.new(form, (1, 1))).getpixel((0, 0)) == WHITE


def test_grey_of_16_bits_is_scaled_and_not_clipped() -> None:
    values = [0, 257, 300, 32_768, 65_278, 65_535]
    expected = [0, 1, round(300 / 257), 128, 254, 255]
    assert shown(sixteen_bits(values))[0].tolist() == [[grey] * 3 for grey in expected]


@given(values=st.lists(st.integers(0, 65_535), min_size=1, max_size=8))
def test_every_grey_of_16_bits_is_scaled_to_the_nearest(values: list[int]) -> None:
    expected = [round(value * 255 / 65_535) for value in values]
    assert shown(sixteen_bits(values))[0, :, 0].tolist() == expected


@pytest.mark.parametrize("mode", ["I", "I;16B", "I;16L"])
def test_other_spellings_of_16_bits_are_scaled_alike(mode: str) -> None:
    assert as_rgb(Image.new(mode, (1, 1), 51_400)).getpixel((0, 0)) == (200, 200, 200)


def test_the_transparent_grey_of_a_16_bit_png_is_white() -> None:
    image = Image.fromarray(np.array([[0, 257, 51_400]], np.uint16))
    assert shown(stored(image, transparency=257))[0, :, 0].tolist() == [0, 255, 200]


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (Image.new("F", (2, 2)), "fractions without a known range"),
        (Image.new("I", (2, 2), 70_000), "32-bit pixels from 70000 to 70000"),
        (Image.new("I", (2, 2), -1), "32-bit pixels from -1 to -1"),
    ],
)
def test_pixels_of_an_unknown_range_are_refused(image: Image.Image, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        check_whole(stored(image, "TIFF"))


def test_a_png_without_pixels_is_broken() -> None:
    whole = stored(Image.new("RGB", (4, 4)), "PNG")
    begin, end = whole.index(b"IDAT") - 4, whole.index(b"IEND") - 4
    with pytest.raises(IMAGE_ERRORS):
        check_whole(whole[:begin] + whole[end:])


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize(
    ("orientation", "rows"),
    [(1, ["RB", "GW"]), (3, ["WG", "BR"]), (6, ["GR", "WB"]), (8, ["BW", "RG"]), (2, ["BR", "WG"])],
)
def test_an_image_is_turned_as_its_exif_block_says(
    form: str, orientation: int, rows: list[str]
) -> None:
    colours = {"R": (255, 0, 0), "G": (0, 255, 0), "B": (0, 0, 255), "W": WHITE}
    image = Image.new("RGB", (32, 32))
    for index, name in enumerate("RBGW"):
        left, top = 16 * (index % 2), 16 * (index // 2)
        image.paste(colours[name], (left, top, left + 16, top + 16))
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    seen = shown(stored(image, form, exif=exif)).astype(int)
    for row, names in enumerate(rows):
        for column, name in enumerate(names):
            pixel = seen[16 * row + 8, 16 * column + 8]
            assert np.abs(pixel - colours[name]).max() < 12, (row, column, pixel)


@pytest.mark.parametrize(
    "block", [b"Exif\0\0nonsense", TAGGED[:12], TAGGED + b"\xff\xff\0\0\xff\xff\xff\xff"]
)
def test_a_broken_exif_block_does_not_make_an_image_broken(block: bytes) -> None:
    image = Image.new("RGB", (16, 8), (120, 120, 120))
    assert shown(stored(image, "JPEG", exif=block)).shape == (8, 16, 3)


def test_cmyk_and_the_first_frame_of_an_animation_stay_right() -> None:
    grey = shown(stored(Image.new("CMYK", (16, 16), (0, 0, 0, 255)), "JPEG"))
    assert grey.max() < 5
    frames = [Image.new("RGB", (16, 16), colour) for colour in (RED, BLUE)]
    for form in ("WEBP", "GIF"):
        raw = stored(frames[0], form, save_all=True, append_images=frames[1:], lossless=True)
        assert np.abs(shown(raw)[0, 0].astype(int) - RED).max() < 3


@pytest.mark.parametrize("kind", ["files", "lmdb", "parquet"])
def test_every_source_gives_the_same_pixels(tmp_path: Path, kind: str) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    top, bottom = Image.new("RGB", (32, 16), WHITE), (0, 0, 0)
    turned = ImageOps.expand(top, (0, 0, 0, 16), bottom)
    values = {
        "a": TRANSPARENT["RGBA"],
        "b": sixteen_bits([51_400]),
        "c": stored(turned, "JPEG", exif=exif, quality=95),
    }
    if kind == "files":
        for name, value in values.items():
            (tmp_path / f"{name}.png").write_bytes(value)
        path = tmp_path
    elif kind == "lmdb":
        path = write_lmdb(tmp_path / "images", values)
    else:
        path = write_parquet(tmp_path / "images.parquet", values)
    dataset = replace(dataset_of([[1, 2, 3]], num_items=3), images=find_images(path, list("abc")))
    transparent, deep, upright = decode_images(dataset, 16)
    assert np.array_equal(transparent[0, [0, -1]], [RED, WHITE])
    assert np.array_equal(deep[0, 0], [200, 200, 200])
    # The lower, black half was stored; turned clockwise it is the left one.
    assert upright[:, 2].max() < 12
    assert upright[:, 13].min() > 243


def test_all_greys_of_16_bits_are_scaled_to_the_nearest_and_no_larger_one_is() -> None:
    greys = np.arange(65_536, dtype=np.uint16).reshape(256, 256)
    found = np.asarray(as_rgb(Image.fromarray(greys)))[:, :, 0]
    assert np.array_equal(found, np.rint(greys / 65_535 * 255))
    assert as_rgb(Image.new("I", (1, 1), 65_535)).getpixel((0, 0)) == WHITE
    with pytest.raises(ValueError, match="32-bit pixels from 65536 to 65536"):
        as_rgb(Image.new("I", (1, 1), 65_536))
