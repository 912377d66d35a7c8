"""The interface of every model: how a user becomes vectors, and which samples it is trained on.

Shapes: B samples or users, L inputs of each, T states of each, D width.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from morec.config import RecommenderSpec
from morec.models.batches import TrainSamples, sequence_samples


class UserEncoder(nn.Module, ABC):
    """Base of the models; by default, a model reads histories and is trained on whole ones.

    An installed package adds one by an entry point of ``morec.recommenders`` that names its class.
    """

    spec: ClassVar[type[RecommenderSpec]]
    """What a study file says about this model; its ``kind`` names the model."""
    loss_weights: ClassVar[Mapping[str, float]] = {}
    """What a loss of that name is multiplied by in training this model; 1 if it is not here."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    @classmethod
    @abstractmethod
    def build(cls, spec: Any, *, num_users: int, max_seq_len: int) -> Self:
        """The model as specified, for so many users and inputs (L)."""

    def train_samples(self, sequences_UL1: npt.NDArray[np.int32]) -> TrainSamples:
        """The samples of one epoch, made of every user's left-padded train list."""
        return sequence_samples(sequences_UL1)

    def train_states(
        self, items_BL1D: Tensor, is_item_BL1: Tensor, is_target_BT: Tensor, users_B: Tensor
    ) -> Tensor:
        """The states of training samples, of whose items the last T are what is scored.

        By default all items but the last are inputs. A model that reads both ways hides targets.
        """
        states_BTD: Tensor = self(items_BL1D[:, :-1], is_item_BL1[:, :-1], users_B)
        return states_BTD

    @abstractmethod
    def forward(
        self, items_BLD: Tensor, is_item_BL: Tensor, users_B: Tensor, *, last_only: bool = False
    ) -> Tensor:
        """Turn the vectors of users' inputs, and the users' numbers from 0, into states_BTD.

        The states score the last T items of a training sample. The last state is the user's vector
        in evaluation. A model that reads a history has a state after every input (T = L), which
        does not depend on the item it scores.

        ``is_item_BL`` and ``users_B`` are on the host, vectors on the device; ``beside`` of
        ``morec.placement`` brings one to the other. ``is_item_BL`` is False on padding, which is
        left of the items. Vectors on padding do not matter; states on padding are finite and have
        no meaning. Columns that are padding in every row may be left out. With ``last_only`` only
        the last state is computed: (B, 1, D).
        """


def xavier_normal(module: nn.Module) -> None:
    """Start a module as the paper's code starts its user encoder: biases at zero."""
    if isinstance(module, nn.Linear | nn.Embedding | nn.Conv1d):
        nn.init.xavier_normal_(module.weight)
    if isinstance(module, nn.Linear | nn.Conv1d) and module.bias is not None:
        nn.init.zeros_(module.bias)
