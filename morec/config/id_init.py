"""ID vectors that start from content."""

from typing import Literal, Self

from pydantic import Field, model_validator

from morec.config.base import Spec
from morec.config.encoders import EncoderSpec, ImageSpec, TextSpec
from morec.config.vectors import VectorsSpec

ID_INIT = "id_init"
"""Where the encoder stands from whose features the ID vectors start."""


class IdInitSpec(Spec):
    """Start the ID vectors from content: from the frozen features of one encoder.

    The features are turned by a principal component analysis of the items with a train
    interaction; the first ``model.dim`` components are an item's start (Pembek et al. 2025).
    """

    text: TextSpec | None = None
    image: ImageSpec | None = None
    vectors: VectorsSpec | None = None
    scale: Literal["unit", "random"] = "unit"
    """``unit``: every start has length 1; ``random``: all starts times one number, so that they are
    as large as random ones are on average. These are so short that bounded or frozen ones hardly
    tell items apart."""
    max_distance: float | None = Field(None, gt=0)
    """How far a vector may go from its start, in lengths of the start. Not given: anywhere."""
    freeze: bool = False
    """Whether the vectors stay as they start."""

    @property
    def encoder(self) -> EncoderSpec:
        """The encoder whose frozen features are the content."""
        (given,) = self._given()
        return given

    def _given(self) -> tuple[EncoderSpec, ...]:
        return tuple(spec for spec in (self.text, self.image, self.vectors) if spec is not None)

    @model_validator(mode="after")
    def _one_frozen_encoder(self) -> Self:
        if len(self._given()) != 1:
            raise ValueError(
                "id_init starts from one encoder's features: give text:, image: or vectors:"
            )
        if self.freeze and self.max_distance is not None:
            raise ValueError("id_init.max_distance has no effect: freeze: true lets nothing move")
        spec = self.encoder
        for option, default in (("trainable_layers", 0), ("dnn_layers", 0), ("side", None)):
            if getattr(spec, option) != default:
                raise ValueError(
                    f"id_init reads frozen features, so {option} has no effect there; leave it out"
                )
        if spec.control == "constant":
            raise ValueError(
                "id_init: control: constant gives all items the same start; allowed: shuffle, noise"
            )
        return self
