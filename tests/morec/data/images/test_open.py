"""A stored image is opened by its header alone, and is whole if its pixels can be decoded."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from morec.data.images import open as raw_images
from morec.data.images.open import IMAGE_ERRORS, check_whole, open_image
from tests.morec.data.stored_images import pickled

PIXELS = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
FORMS = ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"]


def stored(form: str, where: Path | None = None) -> bytes | Path:
    """An image of noise, as bytes or in a file whose suffix says nothing."""
    stream = io.BytesIO()
    Image.fromarray(PIXELS).save(stream, form)
    if where is None:
        return stream.getvalue()
    (where / "a.img").write_bytes(stream.getvalue())
    return where / "a.img"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("is_file", [True, False])
def test_a_whole_image_passes_and_half_of_it_does_not(
    tmp_path: Path, form: str, is_file: bool
) -> None:
    raw = stored(form, tmp_path if is_file else None)
    with open_image(raw) as image:
        assert (image.format, image.size) == (form, (64, 48))
    check_whole(raw)
    whole = raw.read_bytes() if isinstance(raw, Path) else raw
    half = whole[: len(whole) // 2]
    if isinstance(raw, Path):
        raw.write_bytes(half)
    with pytest.raises(IMAGE_ERRORS):
        check_whole(raw if isinstance(raw, Path) else half)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("is_file", [True, False])
def test_a_whole_image_of_a_common_format_is_not_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, is_file: bool
) -> None:
    monkeypatch.setattr(raw_images, "as_rgb", pytest.fail)
    check_whole(stored(form, tmp_path if is_file else None))


@pytest.mark.parametrize(("form", "end"), [("JPEG", b"\0"), ("GIF", b"\xff\xd9")])
def test_only_what_begins_and_ends_as_a_jpeg_is_not_decoded(
    form: str, end: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[Image.Image] = []
    monkeypatch.setattr(raw_images, "as_rgb", decoded.append)
    raw = stored(form)
    assert isinstance(raw, bytes)
    check_whole(raw + end)
    assert len(decoded) == 1


def test_an_image_may_have_as_many_pixels_as_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw_images, "MAX_PIXELS", 48 * 64)
    open_image(stored("PNG")).close()
    monkeypatch.setattr(raw_images, "MAX_PIXELS", 48 * 64 - 1)
    with pytest.raises(ValueError, match="64 x 48 pixels, at most 3,071 are allowed"):
        open_image(stored("PNG"))


def test_formats_beside_the_known_ones_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^cannot identify image file; allowed: JPEG, PNG, WEBP"):
        open_image(stored("PPM"))


def test_pickled_pixels_are_read_from_bytes_alone(tmp_path: Path) -> None:
    raw = pickled(PIXELS)
    assert np.array_equal(np.asarray(open_image(raw)), PIXELS)
    check_whole(raw)
    (tmp_path / "a.png").write_bytes(raw)
    with pytest.raises(ValueError, match="cannot identify image file"):
        open_image(tmp_path / "a.png")


@pytest.mark.skipif(not features.check("avif"), reason="this build of Pillow reads no AVIF")
def test_avif_is_read_where_pillow_can() -> None:
    with open_image(stored("AVIF")) as image:
        assert (image.format, image.size) == ("AVIF", (64, 48))
    check_whole(stored("AVIF"))
