"""Every loss at one position by its formula, with numbers for items; no code of ours is used.

A position is a user's state with a target. ``own`` are the items that the user has trained on.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Position:
    """What a position's loss depends on, beside ``score``."""

    score: Callable[[int], Tensor]
    """The dot product of the state with an item's vector."""
    target: int
    own: frozenset[int]
    negatives: Sequence[int]
    shared: Sequence[int]
    batch_items: Sequence[int]
    """The item in every slot of the batch, padding (0) too."""
    popularity: Sequence[float]
    """Each item's share of the train interactions; the first is padding's."""
    num_items: int


def loss_at(position: Position, training: dict[str, Any]) -> Tensor:
    """The loss at a position; a batch's is the mean."""
    if training["loss"] in ("bce", "gbce"):
        return _binary(position, training)
    if training["loss"] == "in_batch_ce":
        return _in_batch(position)
    return _softmax(position, training)


def _binary(position: Position, training: dict[str, Any]) -> Tensor:
    drawn = [*position.negatives, *(j for j in position.shared if j not in position.own)]
    positive = torch.sigmoid(position.score(position.target)).log()
    negative = sum((1 - torch.sigmoid(position.score(j))).log() for j in drawn)
    if training["loss"] == "bce":
        return -(positive + negative)
    k, t = training["negatives"], training.get("calibration", 0.75)
    a = k / (position.num_items - 1)
    b = a * (t * (1 - 1 / a) + 1 / a)
    return -(b * positive + negative) / (k + 1)


def _in_batch(position: Position) -> Tensor:
    """Every slot is a column, corrected for popularity; of the user's own only the target."""
    slots = Counter(j for j in position.batch_items if j and j not in position.own)
    corrected = [n * position.score(j).exp() / position.popularity[j] for j, n in slots.items()]
    target = position.score(position.target).exp() / position.popularity[position.target]
    return -(target / (target + sum(corrected))).log()


def _softmax(position: Position, training: dict[str, Any]) -> Tensor:
    target = position.score(position.target).exp()
    others = sum(
        (weight * position.score(j).exp() for j, weight in weighted(position, training)),
        torch.zeros((), dtype=target.dtype),
    )
    return -(target / (target + others)).log()


def weighted(position: Position, training: dict[str, Any]) -> list[tuple[int, float]]:
    """The negatives of a softmax: each with 1 over how often it is expected among them."""
    n, own = position.num_items, position.own
    if training["loss"] == "full_ce":
        return [(j, 1.0) for j in range(1, n + 1) if j not in own]
    k = training["negatives"]
    by_popularity = training.get("negatives_by") == "popularity"
    q = position.popularity if by_popularity else [0.0] + [1 / n] * n
    if training.get("shared_negatives"):
        return [(j, 1 / (k * q[j])) for j in position.shared if j not in own]
    free = 1 - sum(q[j] for j in own)
    return [(j, free / (k * q[j])) for j in position.negatives]
