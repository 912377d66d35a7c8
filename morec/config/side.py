"""The options of a side network, which trains beside a frozen encoder."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from morec.config.base import Spec


class SideSpec(Spec):
    """Train a small network beside a frozen encoder, which reads the states of several layers.

    The states are computed once, before the trials, and pooled as ``pooling`` says (IISAN, Fu et
    al. 2024). The network's learning rate is ``optim.lr``.
    """

    layers: Literal["all"] | tuple[Annotated[int, Field(ge=0)], ...] = "all"
    """The layers whose states are read, from the bottom up; 0 is the embedding below the first."""
    width: int = Field(64, ge=1)
    """Numbers between the two linear layers of a block."""

    @model_validator(mode="after")
    def _layers_go_up(self) -> Self:
        if self.layers != "all" and (not self.layers or sorted(set(self.layers)) != [*self.layers]):
            raise ValueError(
                f"side.layers: {[*self.layers]} is not a list of layers from the bottom up, each "
                "once; allowed: all, or such a list, like [0, 3, 6]"
            )
        return self
