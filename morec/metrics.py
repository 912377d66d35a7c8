"""Rank of the target under full ranking, and the two metrics made of it.

Shapes: B users, N items, U users of a split.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from morec.config import metric_name


class TargetRanks(NamedTuple):
    """Where each user's target stands, 1 = best."""

    ranks_B: Tensor
    """1 + #(higher) + #(equal others); N + 1 where the target is hidden."""
    tied_B: Tensor
    """Other candidates with exactly the target's score; all are ranked before it."""
    is_hidden_B: Tensor
    """The target stands in its own masked history: a miss by the protocol, rank N + 1."""


def rank_targets(
    scores_BN: Tensor, targets_B: Tensor, history_rows: Tensor, history_items: Tensor
) -> TargetRanks:
    """Rank every target among all items outside its user's history.

    ``scores_BN[b, i]`` is the score of item id i + 1; it is overwritten where
    (``history_rows``, ``history_items``) point. Ties count against the target (the reference sorts
    them in any order): rank = 1 + #(higher) + #(equal others).
    """
    columns_B1 = (targets_B - 1)[:, None]
    target_scores_B1 = scores_BN.gather(1, columns_B1)
    scores_BN[history_rows, history_items - 1] = float("-inf")
    is_hidden_B = torch.isneginf(scores_BN.gather(1, columns_B1)).squeeze(1)
    higher_B = (scores_BN > target_scores_B1).sum(1)
    tied_B = (scores_BN == target_scores_B1).sum(1) - 1
    tied_B = tied_B.masked_fill(is_hidden_B, 0)
    ranks_B = (1 + higher_B + tied_B).masked_fill(is_hidden_B, scores_BN.shape[1] + 1)
    return TargetRanks(ranks_B, tied_B, is_hidden_B)


def hit_rate(ranks_U: npt.NDArray[np.integer], k: int) -> float:
    """HR@k = mean of 1[rank <= k] over users (Yuan et al. 2023, section 3.4)."""
    return float(np.mean(ranks_U <= k))


def ndcg(ranks_U: npt.NDArray[np.integer], k: int) -> float:
    """NDCG@k = mean over users of 1 / log2(rank + 1) where rank <= k, else 0.

    A user has one target, so that the ideal DCG is 1 (Yuan et al. 2023, section 3.4).
    """
    gains_U = 1 / np.log2(ranks_U.astype(np.float64) + 1)
    return float(np.mean(np.where(ranks_U <= k, gains_U, 0.0)))


def metrics_of(ranks_U: npt.NDArray[np.integer], ks: Iterable[int]) -> dict[str, float]:
    """``HR@k`` and ``NDCG@k`` for every k, in [0, 1]."""
    cutoffs = tuple(ks)
    hit_rates = {metric_name("HR", k): hit_rate(ranks_U, k) for k in cutoffs}
    return hit_rates | {metric_name("NDCG", k): ndcg(ranks_U, k) for k in cutoffs}
