"""Example users: a few of the test users whose target two arms rank most differently.

Written once a run has ended, with titles and pictures, so that the report needs no data set. What
the arms recommend stands in the records (``kept_lists``). No user's id is here or there.
"""

from typing import Annotated, Literal

from pydantic import Field

from morec.config import Spec


class ExampleItem(Spec):
    """An item that an example user met or is recommended."""

    item: int = Field(ge=1)
    """Its number in the data set, as in ``KeptLists``."""
    title: str
    """Cut to ``MAX_TITLE`` characters; the item's own id in data without titles."""
    picture: str = ""
    """A small JPEG in base64; empty without an image."""


class ExampleUser(Spec):
    """One test user."""

    user: int = Field(ge=0)
    """The user's number in the test split; ranks and kept lists have the same order."""
    history: tuple[Annotated[int, Field(ge=1)], ...]
    """The last items before the target, the latest last."""
    target: int = Field(ge=1)


class ExampleSide(Spec):
    """The users whose target one arm ranks higher than the other arm does."""

    arm: str
    """The arm's own name, without data set and condition."""
    num_users: int = Field(ge=0)
    """All such users among those that are compared."""
    num_drawn_from: int = Field(ge=0)
    """Those of them with the largest ratio of the two ranks, of which ``users`` were drawn."""
    least_ratio: float = Field(ge=1)
    """The smallest ratio of the ranks among them; 1 where there are none."""
    users: tuple[ExampleUser, ...]
    """Those with a larger ratio first."""


class ExamplePair(Spec):
    """Two arms of one data set under one condition, on one seed."""

    dataset: str = ""
    condition: str = ""
    """As in ``ArmEntry``."""
    kind: Literal["named", "exploratory"]
    """Whether the study named the comparison, or it is of the baseline and the best arm."""
    seed: int
    """Of the seeds that both arms have, the one with the median difference on validation."""
    num_seeds: int = Field(ge=1)
    """How many seeds both arms have."""
    trial_ids: tuple[str, str]
    """The two final trials, in the order of ``sides``."""
    num_users: int = Field(ge=1)
    """The users that are compared: those whose lists both trials keep."""
    num_equal: int = Field(ge=0)
    """Those of them whose target has the same rank in both."""
    sides: tuple[ExampleSide, ExampleSide]
    items: tuple[ExampleItem, ...]
    """Every item that is shown, once."""


class StudyExamples(Spec):
    """The example users of a study, one pair of arms per data set, under the first condition."""

    pairs: tuple[ExamplePair, ...]
