"""Options of features, whatever they are made of: how they are processed, and controls."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from morec.config.base import Spec

Control = Literal["shuffle", "noise", "constant"]
"""What stands in for the contents of items, as a control: another item's content; Gaussian vectors
with the mean and deviation of every dimension of the frozen features; or one content for all items,
which is the mean of the frozen features or, of an encoder that trains, one item's content."""
PROCESSING: Mapping[str, Any] = {"pca": None, "whiten": False, "normalize": False}
"""The options of ``FeaturesSpec``, and the values with which nothing is processed."""


class FeaturesSpec(Spec):
    """How frozen features are processed, in this order; what is fitted is fitted on train items.

    Train items are those with a train interaction.
    """

    pca: int | None = Field(None, ge=1)
    """Keep only the first so many principal components. Not given: all dimensions."""
    whiten: bool = False
    """Whiten (ZCA, as WhitenRec does, arXiv 2402.10602): mean 0, variance 1, no correlation.
    Directions in which the train items do not differ become 0."""
    normalize: bool = False
    """Scale every item's features to length 1."""

    @property
    def processing(self) -> dict[str, Any]:
        """The options that are given; empty where features stay as their encoder made them."""
        given = {option: getattr(self, option) for option in PROCESSING}
        return {option: value for option, value in given.items() if value != PROCESSING[option]}
