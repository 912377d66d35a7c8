"""What a data set holds, in numbers: ``DataProfile``. ``morec.data.profiling`` computes it.

Reading a profile needs neither pandas nor images. Shares lie in [0, 1]. A profile that is read can
be drawn: its types refuse what no axis can show.
"""

from typing import Annotated, Self

from pydantic import Field, model_validator

from morec.config import POPULARITY_LABELS, Spec

LAST_DATED_S = 253_402_300_799
"""The last second that has a date, of the year 9999, in seconds from 1970."""
Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[int, Field(ge=0, le=LAST_DATED_S)]
"""A time, in seconds from 1970."""


class Quantiles(Spec):
    """Quantiles of whole numbers. Each is one of the numbers: the smallest that at least this
    share of them does not exceed."""

    lowest: Count
    q05: Count
    q25: Count
    median: Count
    q75: Count
    q95: Count
    highest: Count


class Curve(Spec):
    """Points of a curve, at most 100; ``x`` grows."""

    x: Annotated[tuple[Positive, ...], Field(min_length=1)]
    y: tuple[Positive, ...]

    @model_validator(mode="after")
    def _every_x_has_a_y(self) -> Self:
        if len(self.x) != len(self.y):
            raise ValueError(f"a curve of {len(self.x)} x has as many y, not {len(self.y)}")
        return self


class TimeProfile(Spec):
    """When interactions happened; only of data with clock times."""

    first_s: Seconds
    last_s: Seconds
    bins_from_s: Seconds
    """Beginning of the first bin."""
    bin_s: Positive
    """Width of every bin in seconds."""
    per_bin: tuple[Count, ...]
    """Interactions in each bin, up to the last interaction."""

    @model_validator(mode="after")
    def _bins_reach_from_first_to_last(self) -> Self:
        num_bins = (self.last_s - self.bins_from_s) // self.bin_s + 1
        if not self.bins_from_s <= self.first_s <= self.last_s or num_bins != len(self.per_bin):
            raise ValueError(
                f"{len(self.per_bin)} bins of {self.bin_s} s from {self.bins_from_s} on do not "
                f"end with times from {self.first_s} to {self.last_s}"
            )
        return self


class TitleProfile(Spec):
    """The titles of the items that are kept."""

    num_filled: Count
    num_distinct: Count
    """Different titles among the filled ones."""
    words: Quantiles
    """Words per title, separated by blanks; 0 for an empty title."""
    scripts: dict[str, Share]
    """Unicode script (``Latin``, ``Cyrillic``, ``CJK``) -> share of the letters, largest first."""


class ImageProfile(Spec):
    """The images of the items that are kept, by their headers."""

    num_images: Count
    num_sampled: Count
    """Images whose headers the other fields are of."""
    widths: Quantiles
    """Pixels."""
    heights: Quantiles
    modes: dict[str, Count]
    """Pillow's mode (``RGB``, ``RGBA``, ``L``) -> images, most frequent first."""


class DataProfile(Spec):
    """A data set as its reader returns it, before windows are cut; below, what is kept of it."""

    num_users: Count
    num_items: Count
    """Items with an interaction."""
    num_interactions: Count
    per_user: Quantiles
    """Interactions."""
    per_item: Quantiles
    """Interactions, of items with any."""
    density: Annotated[float, Field(ge=0)]
    """Interactions divided by users times items."""
    repeats: Share
    """Share of the interactions that repeat an earlier one of the same user and item, whether the
    reader kept or dropped them."""
    ties: Share
    """Share of the interactions at the time of the user's one before: the file orders them."""
    unknown_items: Share
    """Share of the rows read that the reader dropped because no item of theirs is listed."""
    top_tenth: Share
    """Share of the interactions that the most popular tenth of the items has."""
    activity: Curve
    """x: interactions; y: users with at most as many."""
    popularity: Curve
    """x: an item's rank by interactions, from 1; y: its interactions."""
    times: TimeProfile | None
    titles: TitleProfile | None
    images: ImageProfile | None
    test_targets: dict[str, Share]
    """Each of ``POPULARITY_LABELS`` -> share of the test targets."""

    @model_validator(mode="after")
    def _every_label_has_a_share(self) -> Self:
        if set(self.test_targets) != set(POPULARITY_LABELS):
            raise ValueError(f"test targets have shares of {', '.join(POPULARITY_LABELS)}")
        return self
