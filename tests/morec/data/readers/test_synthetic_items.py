"""Titles and images of synthetic items show their taste and differ between items."""

import numpy as np
import pytest

from morec.data.readers import synthetic_items
from morec.data.readers.synthetic_items import draw_images, draw_titles, taste_words


def test_every_taste_has_words_of_its_own() -> None:
    words = [word for taste in range(40) for word in taste_words(taste)]
    assert len(set(words)) == len(words)
    assert taste_words(0)[0] == "ocean"
    assert taste_words(12)[0] == "ocean2"


def test_a_title_is_two_taste_words_between_neutral_ones() -> None:
    tastes = np.arange(300) % 3
    titles = draw_titles(tastes, 3, np.random.default_rng(0))
    own = 0
    for taste, title in zip(tastes, titles, strict=True):
        first, one, two, last = title.split()
        assert {first, last} <= set(synthetic_items.NEUTRAL_WORDS)
        own += (one in taste_words(taste)) + (two in taste_words(taste))
    # One word in ten is drawn from any taste, a third of those from the item's own.
    assert 0.88 < own / 600 < 0.98


def test_images_of_one_item_differ_from_every_other() -> None:
    images = draw_images(np.array([0, 0, 1, 2]), 3, 16, np.random.default_rng(0))
    assert images.shape == (4, 16, 16, 3)
    assert len({image.tobytes() for image in images}) == 4


def test_images_drawn_in_several_chunks_show_the_tastes_of_their_items(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(synthetic_items, "_CHUNK", 2)
    tastes = np.array([2, 0, 1, 1, 2])
    images = draw_images(tastes, 3, 16, np.random.default_rng(0))
    # Of three tastes the hues are red, green and blue; the figure is the brightest thing.
    assert images.max(axis=(1, 2)).argmax(axis=1).tolist() == tastes.tolist()
