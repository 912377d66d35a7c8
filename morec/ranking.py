"""The rank of each user's target among the candidates, and the best of them, from scores.

Shapes: B users, N items, K places of a list.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from morec.metrics import NEVER_FOUND

ROWS_SORTED = 64
"""So many users' scores are sorted whole at once."""


class TargetRanks(NamedTuple):
    """Where each user's target stands, 1 = best."""

    ranks_B: Tensor
    """1 + #(higher) + #(equal others); ``NEVER_FOUND`` where the target stands in its
    own masked history: a miss by the protocol."""
    tied_B: Tensor
    """Other candidates with exactly the target's score; all are ranked before it."""


def rank_targets(
    scores_BN: Tensor,
    targets_B: Tensor,
    history_rows: Tensor,
    history_items: Tensor,
    is_candidate_N: Tensor | None = None,
) -> TargetRanks:
    """Rank every target among the candidates outside its user's history.

    The target itself is always a candidate, and without ``is_candidate_N`` all items are.
    ``scores_BN[b, i]`` is the score of item id i + 1; it is overwritten where (``history_rows``,
    ``history_items``) point or i is no candidate. Ties count against the target (the reference
    sorts them in any order): rank = 1 + #(higher) + #(equal others).
    """
    columns_B1 = (targets_B - 1)[:, None]
    target_scores_B1 = scores_BN.gather(1, columns_B1)
    if is_candidate_N is not None:
        scores_BN.masked_fill_(~is_candidate_N, float("-inf"))
        scores_BN.scatter_(1, columns_B1, target_scores_B1)
    scores_BN[history_rows, history_items - 1] = float("-inf")
    is_hidden_B = torch.isneginf(scores_BN.gather(1, columns_B1)).squeeze(1)
    is_so_BN = torch.empty_like(scores_BN)
    higher_B = _count(torch.gt(scores_BN, target_scores_B1, out=is_so_BN))
    tied_B = _count(torch.eq(scores_BN, target_scores_B1, out=is_so_BN)) - 1
    tied_B = tied_B.masked_fill(is_hidden_B, 0)
    ranks_B = (1 + higher_B + tied_B).masked_fill(is_hidden_B, NEVER_FOUND)
    return TargetRanks(ranks_B, tied_B)


def top_items(scores_BN: Tensor, targets_B: Tensor | None, k: int) -> Tensor:
    """Each user's k best items, the best first: item ids (B, min(k, N)), 0 where none is left.

    ``scores_BN`` are those that ``rank_targets`` leaves: -inf where an item is not ranked. Of equal
    scores the target stands last and the others by item id. So a target stands in the list exactly
    where its rank is at most k. Without targets all stand by item id.
    """
    # One place more than the list has, since a tie may reach over its end.
    values_BK, columns_BK = scores_BN.topk(min(k + 1, scores_BN.shape[1]))
    is_tied_BK = values_BK[:, 1:] == values_BK[:, :-1]
    for rows in torch.split(is_tied_BK.any(1).nonzero().squeeze(1), ROWS_SORTED):
        columns = _sorted_columns(scores_BN[rows], None if targets_B is None else targets_B[rows])
        columns_BK[rows] = columns[:, : columns_BK.shape[1]]
    return (columns_BK + 1).masked_fill(values_BK.isneginf(), 0)[:, :k]


def _sorted_columns(scores_BN: Tensor, targets_B: Tensor | None) -> Tensor:
    """Columns by descending score; equal ones by column, the target's last."""
    if targets_B is None:
        return scores_BN.argsort(dim=1, descending=True, stable=True)
    is_target_BN = torch.zeros_like(scores_BN).scatter_(1, (targets_B - 1)[:, None], 1.0)
    by_column_BN = is_target_BN.argsort(dim=1, stable=True)
    by_score_BN = scores_BN.gather(1, by_column_BN).argsort(dim=1, descending=True, stable=True)
    return by_column_BN.gather(1, by_score_BN)


def _count(is_so_BN: Tensor) -> Tensor:
    """Sum zeros and ones in the scores' own type: as bool, torch's choice, it takes 2.7 times as
    long on a CPU. In fp32 exact for up to 2 ** 24 items."""
    return is_so_BN.sum(1).long()
