"""Images become pixels of one size, as torchvision resizes them; unusable images are named."""

import importlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from morec.data.dataset import Dataset
from morec.data.decoded_images import decode_images
from morec.data.images import open as raw_images
from morec.data.images.sources import ImageSource
from morec.errors import DataError
from tests.morec.data.hand_made import dataset_of


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def with_files(folder: Path, **modes: str) -> Dataset:
    """Write one 20 x 30 picture per name, in its mode, as PNG."""
    for seed, (name, mode) in enumerate(modes.items()):
        Image.fromarray(noise(20, 30, seed)).convert(mode).save(folder / f"{name}.png")
    images = ImageSource("files", folder, tuple(f"{name}.png" for name in modes))
    return replace(dataset_of([[1, 2, 3]], num_items=len(modes)), images=images)


def test_files_are_decoded_as_torchvision_decodes_them(tmp_path: Path) -> None:
    importlib.import_module("morec.torchvision_guard")
    transforms = importlib.import_module("torchvision.transforms")
    dataset = with_files(tmp_path, a="RGB", b="L", c="RGBA")
    resize = transforms.Resize((12, 12))
    paths = [tmp_path / f"{name}.png" for name in "abc"]
    expected = [np.asarray(resize(Image.open(path).convert("RGB"))) for path in paths]
    decoded = decode_images(dataset, 12)
    assert decoded.dtype == np.uint8
    assert np.array_equal(decoded, expected)


def test_drawn_images_keep_their_pixels_at_their_own_size() -> None:
    drawn = np.stack([noise(16, 16, seed) for seed in range(3)])
    dataset = replace(dataset_of([[1, 2, 3]], num_items=3), image_array=drawn)
    assert np.array_equal(decode_images(dataset, 16), drawn)
    assert decode_images(dataset, 8).shape == (3, 8, 8, 3)


def test_a_catalogue_can_be_streamed_to_disk(tmp_path: Path) -> None:
    dataset = with_files(tmp_path, a="RGB", b="RGB")
    out = np.lib.format.open_memmap(
        tmp_path / "pixels.npy", mode="w+", dtype=np.uint8, shape=(2, 12, 12, 3)
    )
    assert decode_images(dataset, 12, out) is out
    assert np.array_equal(out, decode_images(dataset, 12))


def test_an_array_of_another_shape_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"uint8 \(1, 2, 2, 3\), expected uint8 \(1, 12, 12, 3\)"):
        decode_images(with_files(tmp_path, a="RGB"), 12, np.zeros((1, 2, 2, 3), dtype=np.uint8))


def test_broken_and_missing_images_are_counted_and_named(tmp_path: Path) -> None:
    dataset = with_files(tmp_path, a="RGB", b="RGB", c="RGB")
    whole = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(whole[:-100])
    (tmp_path / "c.png").unlink()
    with pytest.raises(DataError) as error:
        decode_images(dataset, 12)
    message = str(error.value)
    assert message.startswith("2 of 3 images cannot be used: ")
    assert (
        f"'3' ({tmp_path / 'c.png'}: missing); '1' ({tmp_path / 'a.png'}: image file is" in message
    )


def test_of_many_broken_images_the_first_three_are_named(tmp_path: Path) -> None:
    dataset = with_files(tmp_path, a="RGB", b="RGB", c="RGB", d="RGB")
    for path in tmp_path.iterdir():
        path.write_bytes(b"no picture")
    with pytest.raises(DataError) as error:
        decode_images(dataset, 12)
    assert str(error.value).count("cannot identify image file") == 3
    assert "4 of 4 images" in str(error.value)


def test_an_image_with_too_many_pixels_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw_images, "MAX_PIXELS", 599)
    with pytest.raises(DataError) as error:
        decode_images(with_files(tmp_path, a="RGB"), 12)
    assert str(error.value) == (
        f"1 of 1 images cannot be used: '1' ({tmp_path / 'a.png'}: "
        "30 x 20 pixels, at most 599 are allowed)"
    )


@pytest.mark.parametrize("pillow_limit", [200, 400])
def test_a_decompression_bomb_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pillow_limit: int
) -> None:
    # Above its limit Pillow warns, above twice its limit it raises; neither may pass.
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", pillow_limit)
    with pytest.raises(DataError, match=r"1 of 1 images .*\(600 pixels\)"):
        decode_images(with_files(tmp_path, a="RGB"), 12)


def test_postscript_is_refused_with_any_suffix(tmp_path: Path) -> None:
    dataset = with_files(tmp_path, a="RGB")
    header = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 30 20\n%%EndComments\n"
    (tmp_path / "a.png").write_bytes(header + b"(%pipe%true) (w) file\n%%EOF\n")
    with pytest.raises(DataError, match=r"a\.png: cannot identify image file"):
        decode_images(dataset, 12)


def test_a_dataset_without_images_says_so() -> None:
    with pytest.raises(DataError) as error:
        decode_images(dataset_of([[1, 2, 3]], num_items=3), 12)
    assert str(error.value) == "dataset by hand has no images"


def test_an_array_of_another_type_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="out is float32"):
        decode_images(with_files(tmp_path, a="RGB"), 2, np.zeros((1, 2, 2, 3), dtype=np.float32))
