"""Own vectors of items: ``item.vectors``, in files of any encoder, by names the user chooses."""

import re
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from morec.config.features import Control, FeaturesSpec

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
"""Names are a part of dotted paths, and of the names of trials and their files."""
_TAKEN = ("id", "text", "image")


class VectorsSpec(FeaturesSpec):
    """Vectors in a file and their DT layer; the vectors never train."""

    part: ClassVar[Literal["vectors"]] = "vectors"
    trainable_layers: ClassVar[Literal[0]] = 0
    lora: ClassVar[None] = None
    side: ClassVar[None] = None
    second_round: ClassVar[None] = None
    file: str
    """A ``.parquet``, a ``.csv`` or ``.tsv`` with a header, or a ``.npy`` of shape (rows, width);
    relative to the study file."""
    ids: str
    """Whose vector a row is, by the data set's own item ids: a column of ``file``. Of a ``.npy`` it
    is another file, relative to the study file: a ``.npy`` of ids, or a text with one id a line."""
    column: str | None = None
    """The column of a Parquet file with a list of numbers a row. Not given: every column but
    ``ids`` is one dimension."""
    dnn_layers: int = Field(0, ge=0)
    """Dropout -> Linear -> GELU layers after the DT layer."""
    control: Control | None = None
    """Replace the vectors, as a control; drawn from the trial's seed. Not given: none."""

    @property
    def name(self) -> str:
        """What stands for an encoder's name: the file."""
        return self.file

    @property
    def is_array(self) -> bool:
        """Whether the file is a ``.npy``, whose ids lie in another file."""
        return self.file.lower().endswith(".npy")

    @model_validator(mode="after")
    def _nothing_is_ignored(self) -> Self:
        if self.column is not None and (self.is_array or self.ids == self.column):
            raise ValueError(
                f"column: {self.column!r} has no effect: "
                + ("a .npy has no columns" if self.is_array else "it holds the ids")
            )
        return self


def by_name(vectors: Any) -> Any:
    """Leave out what is null, and sort by name, so that equal mappings are fused alike.

    Raises:
        ValueError: something is no name of vectors.
    """
    if not isinstance(vectors, dict):
        return {} if vectors is None else vectors
    wrong = [name for name in vectors if not _NAME.fullmatch(str(name)) or name in _TAKEN]
    if wrong:
        raise ValueError(
            f"{', '.join(map(repr, wrong))}: no name for vectors; allowed: letters, digits, - and "
            f"_, the first a letter or digit, but not {', '.join(_TAKEN)}"
        )
    return {name: vectors[name] for name in sorted(vectors) if vectors[name] is not None}
