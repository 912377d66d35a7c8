"""What a data set holds, in numbers: ``DataProfile``. ``morec.data.profiling`` computes it.

Reading a profile needs neither pandas nor images. Shares lie in [0, 1].
"""

from morec.config import Spec


class Quantiles(Spec):
    """Quantiles of whole numbers. Each is one of the numbers: the smallest that at least this
    share of them does not exceed."""

    lowest: int
    q05: int
    q25: int
    median: int
    q75: int
    q95: int
    highest: int


class Curve(Spec):
    """Points of a curve, at most 100; ``x`` grows."""

    x: tuple[int, ...]
    y: tuple[int, ...]


class TimeProfile(Spec):
    """When interactions happened; only of data with clock times. Times are seconds from 1970."""

    first_s: int
    last_s: int
    bins_from_s: int
    """Beginning of the first bin."""
    bin_s: int
    """Width of every bin in seconds."""
    per_bin: tuple[int, ...]
    """Interactions in each bin, up to the last interaction."""


class TitleProfile(Spec):
    """The titles of the items that are kept."""

    num_filled: int
    num_distinct: int
    """Different titles among the filled ones."""
    words: Quantiles
    """Words per title, separated by blanks; 0 for an empty title."""
    scripts: dict[str, float]
    """Unicode script (``Latin``, ``Cyrillic``, ``CJK``) -> share of the letters, largest first."""


class ImageProfile(Spec):
    """The images of the items that are kept, by their headers."""

    num_images: int
    num_sampled: int
    """Images whose headers the other fields are of."""
    widths: Quantiles
    """Pixels."""
    heights: Quantiles
    modes: dict[str, int]
    """Pillow's mode (``RGB``, ``RGBA``, ``L``) -> images, most frequent first."""


class DataProfile(Spec):
    """A data set as its reader returns it, before windows are cut; below, what is kept of it."""

    num_users: int
    num_items: int
    """Items with an interaction."""
    num_interactions: int
    per_user: Quantiles
    """Interactions."""
    per_item: Quantiles
    """Interactions, of items with any."""
    density: float
    """Interactions divided by users times items."""
    repeats: float
    """Share of the interactions that repeat an earlier one of the same user and item, whether the
    reader kept or dropped them."""
    ties: float
    """Share of the interactions at the time of the user's one before: the file orders them."""
    unknown_items: float
    """Share of the rows read that the reader dropped because no item of theirs is listed."""
    top_tenth: float
    """Share of the interactions that the most popular tenth of the items has."""
    activity: Curve
    """x: interactions; y: users with at most as many."""
    popularity: Curve
    """x: an item's rank by interactions, from 1; y: its interactions."""
    times: TimeProfile | None
    titles: TitleProfile | None
    images: ImageProfile | None
    test_targets: dict[str, float]
    """Label of popularity (new, cold, tail, mid, head) -> share of the test targets."""
