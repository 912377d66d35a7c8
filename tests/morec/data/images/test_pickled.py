"""Pixels pickled by the paper's scripts are read; no other pickle is, and none runs code."""

import pickle

import numpy as np
import pytest

from morec.data.images.open import open_image
from morec.data.images.pickled import FIRST_BYTE, unpickle_pixels
from tests.morec.data.stored_images import LMDB_Image, RunsCode, pickled

PIXELS = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)


@pytest.mark.parametrize("protocol", range(3, pickle.HIGHEST_PROTOCOL + 1))
def test_an_object_of_the_papers_scripts_is_read_as_its_pixels(protocol: int) -> None:
    stored = pickle.dumps(LMDB_Image(PIXELS, 5), protocol)
    assert stored.startswith(FIRST_BYTE)
    assert np.array_equal(unpickle_pixels(stored), PIXELS)
    assert np.array_equal(np.asarray(open_image(stored)), PIXELS)


def test_one_channel_is_grey() -> None:
    grey = PIXELS[:, :, :1]
    assert np.array_equal(unpickle_pixels(pickled(grey)), np.repeat(grey, 3, axis=2))


def test_a_pickle_that_asks_for_anything_else_is_refused_and_runs_nothing() -> None:
    with pytest.raises(ValueError, match=r"no pickled image: it asks for \w+.system"):
        unpickle_pixels(pickle.dumps(RunsCode()))


def test_code_within_the_right_class_is_refused_too() -> None:
    image = LMDB_Image(PIXELS, 5)
    image.image = RunsCode()
    with pytest.raises(ValueError, match=r"it asks for \w+.system"):
        unpickle_pixels(pickle.dumps(image))


@pytest.mark.parametrize("attribute", ["channels", "size", "image"])
def test_an_object_that_lacks_something_is_refused(attribute: str) -> None:
    image = LMDB_Image(PIXELS, 5)
    delattr(image, attribute)
    with pytest.raises(ValueError, match="no pickled image"):
        unpickle_pixels(pickle.dumps(image))


def test_pixels_that_do_not_fit_their_size_are_refused() -> None:
    image = LMDB_Image(PIXELS, 5)
    image.size = (4, 5)
    with pytest.raises(ValueError, match="cannot reshape array of size 72"):
        unpickle_pixels(pickle.dumps(image))
    with pytest.raises(ValueError, match="a pickled image of 2 channels, allowed: 1 or 3"):
        unpickle_pixels(pickled(PIXELS[:, :, :2]))


def test_a_truncated_pickle_is_refused() -> None:
    with pytest.raises(ValueError, match="no pickled image"):
        unpickle_pixels(pickled(PIXELS)[:-20])
