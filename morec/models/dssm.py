"""The user tower of the paper's DSSM (Huang et al. 2013, as released by Yuan et al. 2023).

Shapes: B samples or users, D width.
"""

from collections.abc import Mapping
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from morec.config import DSSMSpec
from morec.encoders.fusion import dense_layers
from morec.models.batches import TrainSamples, pair_samples
from morec.models.user_encoder import UserEncoder, xavier_normal
from morec.placement import beside


class DSSM(UserEncoder):
    """A trained vector per user, then Dropout -> Linear -> GELU layers; no history is read.

    Its one state scores a user's target without any input. Users count from 0 and none is padding,
    so the table has one row fewer than in the paper's code. The item tower is the item encoder.
    """

    spec = DSSMSpec
    loss_weights: ClassVar[Mapping[str, float]] = {"bce": 0.5}
    """The released code takes one mean over positives and negatives; ``bce`` sums two means."""

    def __init__(self, *, dim: int, num_users: int, num_layers: int, dropout: float) -> None:
        super().__init__(dim)
        self.embedding = nn.Embedding(num_users, dim)
        self.embedding.apply(xavier_normal)
        self.dnn = dense_layers(dim, num_layers, dropout)

    @classmethod
    def build(cls, spec: DSSMSpec, *, num_users: int, max_seq_len: int) -> Self:
        """The model as specified, for so many users; it does not depend on the inputs."""
        return cls(
            dim=spec.dim,
            num_users=num_users,
            num_layers=spec.mlp_layers,
            dropout=spec.dropout,
        )

    @staticmethod
    def train_samples(sequences_UL1: npt.NDArray[np.int32]) -> TrainSamples:
        """One sample per train interaction."""
        return pair_samples(sequences_UL1)

    def forward(
        self, items_BLD: Tensor, is_item_BL: Tensor, users_B: Tensor, *, last_only: bool = False
    ) -> Tensor:
        """Look the users up: states_B1D, the same whatever the items."""
        users_B = beside(users_B, self.embedding.weight)
        states_BD: Tensor = self.dnn(self.embedding(users_B))
        return states_BD[:, None]
