"""Titles and images of synthetic items: words, colour and shape tell the taste.

Shape legend: N items, S side of an image in pixels.
"""

import colorsys

import numpy as np
import numpy.typing as npt

TASTE_WORDS = (
    ("ocean", "sailing", "coral", "harbor"),
    ("kitchen", "baking", "pepper", "dessert"),
    ("rocket", "galaxy", "comet", "orbit"),
    ("guitar", "melody", "concert", "chorus"),
    ("soccer", "stadium", "referee", "league"),
    ("garden", "orchid", "compost", "meadow"),
    ("castle", "knight", "dragon", "sword"),
    ("winter", "glacier", "snowfall", "sled"),
    ("detective", "murder", "alibi", "clue"),
    ("horse", "saddle", "stable", "gallop"),
    ("fashion", "velvet", "tailor", "runway"),
    ("robot", "circuit", "sensor", "laser"),
)
NEUTRAL_WORDS = ("the", "a", "new", "little", "story", "book", "of", "day", "great", "first")
P_OTHER_WORD = 0.1
"""Probability that a taste word is drawn from any taste."""
_CHUNK = 4096
"""Images drawn at once, to bound memory."""

_Ints = npt.NDArray[np.int64]
_Floats = npt.NDArray[np.float64]


def draw_titles(tastes_N: _Ints, num_tastes: int, rng: np.random.Generator) -> tuple[str, ...]:
    """Draw a title per item: neutral word, two taste words, neutral word."""
    words = np.array([taste_words(taste) for taste in range(num_tastes)])
    shape = (len(tastes_N), 2)
    is_other = rng.random(shape) < P_OTHER_WORD
    themes = np.where(is_other, rng.integers(num_tastes, size=shape), tastes_N[:, None])
    tasted = words[themes, rng.integers(words.shape[1], size=shape)]
    neutral = np.array(NEUTRAL_WORDS)[rng.integers(len(NEUTRAL_WORDS), size=shape)]
    parts = np.stack([neutral[:, 0], tasted[:, 0], tasted[:, 1], neutral[:, 1]], axis=1)
    return tuple(" ".join(row) for row in parts.tolist())


def taste_words(taste: int) -> tuple[str, ...]:
    """Return a taste's words; from the thirteenth taste on they end in a number: ``ocean2``."""
    round_, theme = divmod(taste, len(TASTE_WORDS))
    return tuple(f"{word}{round_ + 1 if round_ else ''}" for word in TASTE_WORDS[theme])


def draw_images(
    tastes_N: _Ints, num_tastes: int, size: int, rng: np.random.Generator
) -> npt.NDArray[np.uint8]:
    """Draw an image per item, (N, S, S, 3): the taste is the hue and the outline of a figure.

    Place, size, brightness and background are random.
    """
    images = np.empty((len(tastes_N), size, size, 3), dtype=np.uint8)
    for first in range(0, len(tastes_N), _CHUNK):
        tastes = tastes_N[first : first + _CHUNK]
        images[first : first + _CHUNK] = _draw_chunk(tastes, num_tastes, size, rng)
    return images


def _draw_chunk(
    tastes_N: _Ints, num_tastes: int, size: int, rng: np.random.Generator
) -> npt.NDArray[np.uint8]:
    num_items = len(tastes_N)
    hues = np.array([colorsys.hsv_to_rgb(t / num_tastes, 1.0, 1.0) for t in range(num_tastes)])
    brightness = rng.uniform(150, 255, (num_items, 1))
    colours_N3 = hues[tastes_N] * brightness
    inside_NSS = _figures(tastes_N, size, rng)
    background = rng.integers(0, 120, (num_items, 1, 1, 1))
    noise = rng.integers(0, 20, (num_items, size, size, 3))
    figure = np.where(inside_NSS[..., None], colours_N3[:, None, None, :], background)
    return np.clip(figure + noise, 0, 255).astype(np.uint8)


def _figures(tastes_N: _Ints, size: int, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Return which pixels lie in each item's disc, square or diamond (taste modulo 3)."""
    num_items = len(tastes_N)
    centre = rng.uniform(0.35, 0.65, (2, num_items, 1, 1))
    radius = rng.uniform(0.15, 0.3, (num_items, 1, 1))
    grid = (np.arange(size) + 0.5) / size
    down = np.abs(grid[None, :, None] - centre[0])
    across = np.abs(grid[None, None, :] - centre[1])
    distances = np.stack([np.hypot(down, across), np.maximum(down, across), down + across])
    picked: _Floats = distances[tastes_N % 3, np.arange(num_items)]
    inside: npt.NDArray[np.bool_] = picked < radius
    return inside
