"""How interactions are divided into training, validation and test: ``evaluation.split``."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from morec.config.base import Spec
from morec.errors import did_you_mean

LeaveOneOut = Literal["leave_one_out"]
LEAVE_ONE_OUT: LeaveOneOut = "leave_one_out"


class ByTimeSpec(Spec):
    """Two cut points in time, the same for all users.

    All interactions are put in the order of their times. The latest ``test`` of them lie after the
    test cut, the ``valid`` before those between the two cuts, the rest before the validation cut.
    An interaction at exactly the time of a cut lies after it. Source: Gusak et al., RecSys 2025,
    "Time to Split".
    """

    test: float = Field(0.1, gt=0, lt=1)
    """Share of the interactions after the test cut."""
    valid: float = Field(0.1, gt=0, lt=1)
    """Share of the interactions between the validation cut and the test cut."""
    target: Literal["first", "last"] = "last"
    """Which of a user's interactions in a period is predicted; ``last`` is nearest to
    leave-one-out, ``first`` to a model that is used right after its training."""

    @model_validator(mode="after")
    def _something_is_left_to_train_on(self) -> Self:
        if self.test + self.valid >= 1:
            raise ValueError(
                f"test {self.test} and valid {self.valid} leave nothing to train on; "
                "allowed: together below 1"
            )
        return self


class ByTimeSplit(Spec):
    """``{by_time: {...}}``, as it is written in place of ``leave_one_out``."""

    by_time: ByTimeSpec
    """Where the two cuts in time lie."""


def _check_split(value: Any) -> Any:
    if value == LEAVE_ONE_OUT or isinstance(value, dict | ByTimeSplit):
        return value
    near = did_you_mean(value, [LEAVE_ONE_OUT, "by_time"]) if isinstance(value, str) else ""
    raise ValueError(
        f"found {value!r}; allowed: leave_one_out, or a mapping: "
        f"{{by_time: {{test: 0.1, valid: 0.1, target: last}}}}.{near}"
    )


def _form(value: Any) -> str:
    """Which of the two forms a value has, so that mistakes are those of this form alone."""
    return "text" if isinstance(value, str) else "mapping"


SplitSpec = Annotated[
    Annotated[LeaveOneOut, Tag("text")] | Annotated[ByTimeSplit, Tag("mapping")],
    Discriminator(_form),
    BeforeValidator(_check_split),
]
"""A user's last two interactions are for test and validation, or those after two cuts in time."""
