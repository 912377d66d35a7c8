"""Computes the profile of a data set while it is read: one pass over the interactions.

Comes in: a ``DatasetSpec``. Goes out: the ``Dataset`` and its ``DataProfile``. Shape legend: U
users, N items, n interactions or values.
"""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from morec.config import LEAVE_ONE_OUT, DatasetSpec, SplitSpec
from morec.data.clock import FIRST_CLOCK_S, LAST_CLOCK_S
from morec.data.dataset import Dataset, make_dataset, read_interactions, source_hash
from morec.data.images.open import RawImage, open_image
from morec.data.images.sources import ImageSource, for_each_image
from morec.data.interactions import Interactions
from morec.data.profile import (
    Curve,
    DataProfile,
    ImageProfile,
    Quantiles,
    TimeProfile,
    TitleProfile,
)
from morec.data.slices import slicings

MAX_POINTS = 100
"""Points of a curve, and bins of time."""
MAX_IMAGES = 1_000
"""Images whose headers are read, evenly spaced among the items."""
DAY_S = 86_400
BINS_S = (1, 60, 600, 3_600, 21_600, DAY_S, 7 * DAY_S, 28 * DAY_S, 91 * DAY_S, 364 * DAY_S)
"""Widths of a bin of time; the narrowest of at most ``MAX_POINTS`` bins is taken, else the last."""
MAX_SCRIPTS = 4
"""Scripts that are named; letters of the others are of the script ``other``."""
TITLES_AT_ONCE = 10_000

_Ints = npt.NDArray[np.int64]


def load_profiled(
    spec: DatasetSpec,
    root: Path,
    interactions: Interactions | None = None,
    *,
    split: SplitSpec = LEAVE_ONE_OUT,
) -> tuple[Dataset, DataProfile]:
    """Read a data set once, as ``load_dataset`` does, and compute its profile.

    ``interactions``: what ``read_interactions`` gave for the sources of ``spec``, if known already.

    Raises:
        DataError: as ``load_dataset``.
    """
    digest = source_hash(spec, root)
    interactions = interactions or read_interactions(spec, root)
    dataset = make_dataset(spec, digest, interactions, split)
    return dataset, make_profile(interactions, dataset)


def make_profile(interactions: Interactions, dataset: Dataset) -> DataProfile:
    """Compute the profile of what was read and of what is kept of it."""
    per_user = _positive(np.bincount(interactions.user_ids))
    per_item = _positive(np.bincount(interactions.item_ids))
    num_interactions, counts = len(interactions.item_ids), dataset.counts
    return DataProfile(
        num_users=len(per_user),
        num_items=len(per_item),
        num_interactions=num_interactions,
        per_user=quantiles(per_user),
        per_item=quantiles(per_item),
        density=num_interactions / (len(per_user) * len(per_item)),
        repeats=_share_of_repeats(num_interactions, dataset),
        ties=counts.get("time_ties", 0) / num_interactions,
        unknown_items=counts.get("unknown_item_rows", 0) / max(counts.get("rows_read", 0), 1),
        top_tenth=_share_of_top_tenth(per_item),
        activity=_activity(per_user),
        popularity=_popularity(per_item),
        times=_times(interactions),
        titles=_titles(dataset.titles),
        images=_images(dataset),
        test_targets=_test_targets(dataset),
    )


def quantiles(values_n: _Ints) -> Quantiles:
    """Return quantiles of at least one value; see ``Quantiles``."""
    at = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
    found = np.quantile(values_n, at, method="inverted_cdf").tolist()
    return Quantiles(**dict(zip(Quantiles.model_fields, map(int, found), strict=True)))


def script_of(letter: str) -> str:
    """Return a letter's Unicode script, as its name begins: ``Latin``, ``CJK``, ``Hangul``."""
    words = unicodedata.name(letter, "other").split()
    is_wide = words[0] in ("FULLWIDTH", "HALFWIDTH")
    word = words[is_wide]
    return word if word in ("CJK", "other") else word.capitalize()


def _positive(values_n: _Ints) -> _Ints:
    return values_n[values_n > 0]


def _share_of_repeats(num_interactions: int, dataset: Dataset) -> float:
    names = ("repeated_interactions_dropped", "repeated_interactions_kept")
    dropped, kept = (dataset.counts.get(name, 0) for name in names)
    by_images = dataset.counts.get("interactions_dropped_by_images", 0)
    return (dropped + kept) / (num_interactions + dropped + by_images)


def _share_of_top_tenth(per_item_N: _Ints) -> float:
    num_top = -(-len(per_item_N) // 10)
    top = np.partition(per_item_N, len(per_item_N) - num_top)[-num_top:]
    return int(top.sum()) / int(per_item_N.sum())


def _spread(first: int, last: int) -> _Ints:
    """Return whole numbers from ``first`` to ``last``, evenly spaced on a logarithmic axis."""
    return np.unique(np.geomspace(first, last, MAX_POINTS).round().astype(np.int64))


def _activity(per_user_U: _Ints) -> Curve:
    in_order = np.sort(per_user_U)
    x = _spread(in_order[0], in_order[-1])
    return _curve(x, np.searchsorted(in_order, x, side="right"))


def _popularity(per_item_N: _Ints) -> Curve:
    ranks = _spread(1, len(per_item_N))
    return _curve(ranks, np.sort(per_item_N)[::-1][ranks - 1])


def _curve(x: _Ints, y: _Ints) -> Curve:
    return Curve(x=tuple(x.tolist()), y=tuple(y.tolist()))


def _times(interactions: Interactions) -> TimeProfile | None:
    """Count interactions per bin of time; times outside ``read_clock``'s range are none."""
    if interactions.ticks_per_s is None:
        return None
    seconds = interactions.timestamps // interactions.ticks_per_s
    seconds = seconds[(seconds >= FIRST_CLOCK_S) & (seconds < LAST_CLOCK_S)]
    if not len(seconds):
        return None
    first, last = int(seconds.min()), int(seconds.max())
    fitting = (bin_s for bin_s in BINS_S if last // bin_s - first // bin_s < MAX_POINTS)
    bin_s = next(fitting, BINS_S[-1])
    per_bin = np.bincount(seconds // bin_s - first // bin_s)
    return TimeProfile(
        first_s=first,
        last_s=last,
        bins_from_s=first // bin_s * bin_s,
        bin_s=bin_s,
        per_bin=tuple(per_bin.tolist()),
    )


def _titles(titles: Sequence[str] | None) -> TitleProfile | None:
    if titles is None:
        return None
    filled = [title for title in titles if title]
    lengths = np.fromiter((len(title.split()) for title in titles), np.int64, len(titles))
    return TitleProfile(
        num_filled=len(filled),
        num_distinct=len(set(filled)),
        words=quantiles(lengths),
        scripts=_scripts(filled),
    )


def _scripts(titles: Sequence[str]) -> dict[str, float]:
    """Return the scripts' shares of the letters; each different letter is looked up once."""
    letters: Counter[str] = Counter()
    for first in range(0, len(titles), TITLES_AT_ONCE):
        text = "".join(titles[first : first + TITLES_AT_ONCE])
        points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
        codes, numbers = np.unique(points, return_counts=True)
        letters.update(dict(zip(map(chr, codes.tolist()), numbers.tolist(), strict=True)))
    scripts: Counter[str] = Counter()
    for letter, number in letters.items():
        if letter.isalpha():
            scripts[script_of(letter)] += number
    return _largest(scripts)


def _largest(scripts: Counter[str]) -> dict[str, float]:
    total = scripts.total()
    shares = {name: number / total for name, number in scripts.most_common(MAX_SCRIPTS)}
    if other := total - sum(number for _, number in scripts.most_common(MAX_SCRIPTS)):
        shares["other"] = shares.get("other", 0.0) + other / total
    return shares


def _images(dataset: Dataset) -> ImageProfile | None:
    if dataset.image_array is not None:
        number, height, width, _ = dataset.image_array.shape
        return _image_profile(number, [(width, height, "RGB")] * number)
    if dataset.images is None:
        return None
    every = -(-dataset.num_items // MAX_IMAGES)
    return _image_profile(
        dataset.num_items, _headers(dataset.images.select(range(0, dataset.num_items, every)))
    )


def _headers(images: ImageSource) -> list[tuple[int, int, str]]:
    """Return width, height and mode of every readable image."""
    found: dict[int, tuple[int, int, str]] = {}

    def read(index: int, raw: RawImage) -> None:
        with open_image(raw) as image:
            found[index] = (*image.size, image.mode)

    for_each_image(images, read)
    return list(found.values())


def _image_profile(number: int, headers: list[tuple[int, int, str]]) -> ImageProfile | None:
    if not headers:
        return None
    widths, heights, modes = zip(*headers, strict=True)
    return ImageProfile(
        num_images=number,
        num_sampled=len(headers),
        widths=quantiles(np.array(widths)),
        heights=quantiles(np.array(heights)),
        modes=dict(Counter(modes).most_common()),
    )


def _test_targets(dataset: Dataset) -> dict[str, float]:
    """Return the share of the test targets with each label of popularity."""
    (by,) = (one for one in slicings(dataset, "test") if one.dimension == "popularity")
    numbers = np.bincount(by.codes_U, minlength=len(by.labels))
    return dict(zip(by.labels, (numbers / numbers.sum()).tolist(), strict=True))
