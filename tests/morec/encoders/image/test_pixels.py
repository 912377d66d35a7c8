"""Pixels are decoded once, named by what they depend on, and normalised when asked for."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from morec.config import ImageSpec
from morec.data.dataset import Dataset
from morec.data.images.sources import ImageSource
from morec.encoders.artefacts import ArtefactStore
from morec.encoders.image.pixels import PixelTable, image_pixels, pixels_key
from morec.errors import DataError

SIZE = 16
MEAN, STD = (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)
ROWS = [5, 0, 5]


def spec_of(**changes: Any) -> ImageSpec:
    return ImageSpec.model_validate({"name": "resnet18", "size": SIZE, **changes})


def table(dataset: Dataset, store: ArtefactStore, **changes: Any) -> PixelTable:
    spec = spec_of(**changes)
    return PixelTable(image_pixels(spec, dataset, store), spec, MEAN, STD)


@pytest.mark.parametrize(
    ("normalization", "mean", "std"), [("model", MEAN, STD), ("half", (0.5,) * 3, (0.5,) * 3)]
)
def test_images_are_shares_of_255_less_the_mean_over_the_deviation(
    dataset: Dataset,
    shared_store: ArtefactStore,
    normalization: str,
    mean: tuple[float, ...],
    std: tuple[float, ...],
) -> None:
    pixels = table(dataset, shared_store, normalization=normalization)
    found = pixels(torch.tensor(ROWS)).numpy()
    assert dataset.image_array is not None
    expected = [
        [(image[:, :, c] / 255 - mean[c]) / std[c] for c in range(3)]
        for image in dataset.image_array[ROWS].astype(float)
    ]
    np.testing.assert_allclose(found, np.array(expected), rtol=0, atol=1e-6)
    assert found.dtype == np.float32


def test_a_table_knows_its_number_of_images_and_is_in_no_state(
    dataset: Dataset, shared_store: ArtefactStore
) -> None:
    pixels = table(dataset, shared_store)
    assert (pixels.num_items, pixels.size) == (dataset.num_items, SIZE)
    assert not pixels.state_dict()
    assert pixels.double()(torch.tensor([1])).dtype == torch.float64


def test_drawn_images_are_kept_as_they_are(dataset: Dataset, shared_store: ArtefactStore) -> None:
    found = image_pixels(spec_of(), dataset, shared_store)
    assert found.path.name.startswith("pixels-")
    assert np.array_equal(found.array("pixels"), dataset.image_array)
    assert found.array("pixels").dtype == np.uint8


def test_other_images_or_sizes_have_other_keys(dataset: Dataset) -> None:
    assert dataset.image_array is not None
    other = replace(dataset, image_array=dataset.image_array[::-1])
    keys = [
        pixels_key(spec_of(), dataset),
        pixels_key(spec_of(size=17), dataset),
        pixels_key(spec_of(), other),
    ]
    assert [key["size"] for key in keys] == [SIZE, 17, SIZE]
    assert keys[0]["images"] == keys[1]["images"] != keys[2]["images"]
    options = spec_of(trainable_layers="all", normalization="half")
    assert pixels_key(options, dataset) == keys[0]


def test_image_files_are_named_by_the_data_and_by_which_is_whose(
    dataset: Dataset, store: ArtefactStore, tmp_path: Path
) -> None:
    for shade, name in ((50, "b.png"), (200, "a.png")):
        Image.new("RGB", (20, 30), (shade, 0, shade)).save(tmp_path / name)
    source = ImageSource("files", tmp_path, ("b.png", "a.png"))
    few = replace(dataset, num_items=2, image_array=None, images=source)
    swapped = replace(few, images=source.select([1, 0]))
    later = replace(few, sha256="other")
    pixels = image_pixels(spec_of(), few, store).array("pixels")
    assert pixels.shape == (2, SIZE, SIZE, 3)
    assert pixels[:, 3, 4].tolist() == [[50, 0, 50], [200, 0, 200]]
    assert image_pixels(spec_of(), swapped, store).array("pixels")[0, 0, 0, 0] == 200
    hashes = {pixels_key(spec_of(), data)["images"] for data in (few, swapped, later)}
    assert len(hashes) == 3


def test_data_without_images_are_refused_by_name(dataset: Dataset) -> None:
    without = replace(dataset, image_array=None, images=None)
    with pytest.raises(DataError, match=r"^item\.image: dataset 'synthetic' has no images$"):
        pixels_key(spec_of(), without)
