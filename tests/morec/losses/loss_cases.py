"""Made-up batches for losses: ragged sequences with repeats, drawn negatives, popularity, in fp64.

Shapes: B users, L inputs, L1 = L + 1, K negatives of a target, M shared, D width, U = items + 1.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st
from torch import Tensor

from morec.config import TrainingSpec
from morec.config.losses import loss_needs
from morec.losses.inputs import LossInputs
from morec.models.negatives import NegativeSampler, negatives_of
from tests.morec.losses.formulas import Position

DIM = 3
NUM_ITEMS = 8


@dataclass(frozen=True)
class Case:
    """A batch before any loss; every item of the catalogue is a row of vectors."""

    states_BLD: Tensor
    vectors_UD: Tensor
    items_BL1: Tensor
    popularity_U: Tensor
    negatives_BLK: Tensor
    shared_M: Tensor
    training: TrainingSpec

    @property
    def places(self) -> list[tuple[int, int]]:
        """(user, position) of every target position."""
        real_BL = (self.items_BL1[:, :-1] > 0) & (self.items_BL1[:, 1:] > 0)
        return [(user, position) for user, position in real_BL.nonzero().tolist()]

    def inputs(self) -> LossInputs:
        """What a loss is given."""
        users_P, positions_P = (torch.tensor(column) for column in zip(*self.places, strict=True))
        return LossInputs(
            states_PD=self.states_BLD[users_P, positions_P],
            targets_P=self.items_BL1[users_P, positions_P + 1],
            negatives_PK=self.negatives_BLK[users_P, positions_P],
            shared_M=self.shared_M,
            users_P=users_P,
            items_BL1=self.items_BL1,
            vectors_UD=self.vectors_UD,
            log_popularity_U=self.popularity_U.log(),
            num_positions=len(users_P),
            num_items=len(self.vectors_UD) - 1,
            training=self.training,
        )

    def positions(self) -> list[Position]:
        """The same for the formulas."""
        return [
            Position(
                score=lambda item, u=user, p=position: (
                    self.states_BLD[u, p] @ self.vectors_UD[item]
                ),
                target=int(self.items_BL1[user, position + 1]),
                own=frozenset(self.items_BL1[user].tolist()) - {0},
                negatives=self.negatives_BLK[user, position].tolist(),
                shared=self.shared_M.tolist(),
                batch_items=self.items_BL1.flatten().tolist(),
                popularity=self.popularity_U.tolist(),
                num_items=len(self.vectors_UD) - 1,
            )
            for user, position in self.places
        ]

    def gradients(self, loss: Tensor) -> tuple[Tensor | None, ...]:
        """Of states and item vectors."""
        leaves = (self.states_BLD, self.vectors_UD)
        return torch.autograd.grad(loss, leaves, allow_unused=True, retain_graph=True)


def case_of(
    sequences: list[list[int]], training: dict[str, Any], *, seed: int, num_items: int = NUM_ITEMS
) -> Case:
    """A batch of these users, whose negatives are drawn as a trainer draws them."""
    length = max(map(len, sequences))
    items_BL1 = np.array([[0] * (length - len(row)) + row for row in sequences], dtype=np.int32)
    spec, generator = TrainingSpec.model_validate(training), torch.Generator().manual_seed(seed)
    sampler = NegativeSampler(negatives_of(spec, loss_needs(spec.loss)), items_BL1, num_items)
    rng = np.random.default_rng(seed)
    is_target_BL = items_BL1[:, :-1] > 0
    counts = Counter(items_BL1[items_BL1 > 0].tolist())
    # As in training: 0 is the log of an item without interactions.
    total = counts.total()
    shares = [counts[item] / total if counts[item] else 1.0 for item in range(num_items + 1)]

    def numbers(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator).double().requires_grad_()

    return Case(
        states_BLD=numbers(*is_target_BL.shape, DIM),
        vectors_UD=numbers(num_items + 1, DIM),
        items_BL1=torch.from_numpy(items_BL1).long(),
        popularity_U=torch.tensor(shares).double(),
        negatives_BLK=torch.from_numpy(sampler.draw_each(is_target_BL, items_BL1, rng)),
        shared_M=torch.from_numpy(sampler.draw_shared(rng)),
        training=spec,
    )


@st.composite
def sequences(draw: st.DrawFn) -> list[list[int]]:
    """Two to four users, none of whom has trained on every trained item; repeats are likely."""
    ragged = st.lists(st.integers(1, NUM_ITEMS - 2), min_size=2, max_size=4)
    return [*draw(st.lists(ragged, min_size=1, max_size=3)), [NUM_ITEMS - 1, NUM_ITEMS]]
