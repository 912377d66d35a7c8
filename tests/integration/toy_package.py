"""A package with one entry of each kind that ours has a table for; installed in a test.

A reader of lines ``user item item ...``, a metric, a loss and a recommender. The encoder is that of
``tests/morec/encoders/toy_encoders.py``.
"""

from pathlib import Path
from typing import Literal

import pandas as pd
import torch
from torch import Tensor

from morec.config import ImagesSpec, LossNeeds, RecommenderSpec
from morec.data.files.sources import locate
from morec.data.interactions import Interactions, from_rows
from morec.data.readers.reader import Reader, file_name, hash_of
from morec.losses.inputs import Loss, LossInputs
from morec.metrics import Floats
from morec.models.user_encoder import UserEncoder


class LinesSpec(ImagesSpec):
    """Lines of a user and, oldest first, the user's items; an item's title is its name."""

    kind: Literal["toy-lines"]
    lines: str


def source_files(spec: LinesSpec, root: Path) -> list[Path]:
    return locate([spec.lines], root)


def read_lines(spec: LinesSpec, root: Path) -> Interactions:
    words = [line.split() for line in source_files(spec, root)[0].read_text().splitlines()]
    pairs = [(user, item) for user, *items in words for item in items]
    rows = pd.DataFrame(pairs, columns=["user", "item"]).assign(timestamp=range(len(pairs)))
    names = tuple(dict.fromkeys(rows["item"]))
    titles = tuple(name.replace("-", " ") for name in names)
    return from_rows(rows, names, titles=titles)


READER = Reader(LinesSpec, read_lines, hash_of(source_files), file_name("lines"))


def biased_precision(ranks: Floats) -> Floats:
    return 0.5 ** (ranks - 1)


def hinge(batch: LossInputs) -> torch.Tensor:
    vectors = batch.vectors_UD
    margins_P = batch.states_PD * (vectors[batch.targets_P] - vectors[batch.negatives_P])
    return (1 - margins_P.sum(-1)).relu().sum() / batch.num_positions


HINGE = Loss(hinge, LossNeeds(negatives=True))


class MeanSpec(RecommenderSpec):
    """A user is the mean of the items so far, scaled."""

    kind: Literal["toy-mean"]
    dim: int = 8
    dropout: float = 0.0


class Mean(UserEncoder):
    spec = MeanSpec

    def __init__(self, dim: int) -> None:
        super().__init__(dim)
        self.scale = torch.nn.Parameter(torch.ones(()))

    @classmethod
    def build(cls, spec: MeanSpec, *, num_users: int, max_seq_len: int) -> "Mean":
        return cls(spec.dim)

    def forward(
        self, items_BLD: Tensor, is_item_BL: Tensor, users_B: Tensor, *, last_only: bool = False
    ) -> Tensor:
        items_BLD = items_BLD.masked_fill(~is_item_BL[..., None], 0.0)
        counts_BL1 = is_item_BL.cumsum(1).clamp(min=1)[..., None]
        states_BLD = self.scale * items_BLD.cumsum(1) / counts_BL1
        return states_BLD[:, -1:] if last_only else states_BLD
