"""Untrained yardsticks: what popularity and pure chance score on a dataset.

Both rank as trained models are ranked: each user's target among the candidates, with the user's
history masked. Shape legend: U users, C candidates before masking and without a target that is not
one of them, N1 = N + 1 (index 0 is padding), m history entries.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from morec.config import Candidates
from morec.data.dataset import Dataset
from morec.data.splits import (
    Split,
    is_candidate_N1,
    spans,
    target_positions_U,
    train_popularity_N1,
)

_Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Ranking:
    """Where each user's target ranks."""

    ranks_U: _Ints
    """1 is best; N + 1 is a forced miss."""
    num_tied: int
    """Users whose target shares its score with another candidate."""
    num_forced_misses: int
    """Users whose target stands in their own masked history."""


@dataclass(frozen=True)
class _Task:
    """One split: candidates, targets, and every user's distinct masked candidates."""

    candidates_C: _Ints
    targets_U: _Ints
    history_rows: _Ints
    history_items: _Ints
    is_masked_U: npt.NDArray[np.bool_]
    """The target is itself masked."""
    is_added_U: npt.NDArray[np.bool_]
    """The target is none of the candidates and is ranked beside them."""


def popularity_ranking(dataset: Dataset, split: Split, candidates: Candidates = "all") -> Ranking:
    """Rank by how often an item stands in the train lists.

    Ties are pessimistic: rank = 1 + unmasked candidates with a higher score + other unmasked
    candidates with the same score. A target that is masked itself has rank N + 1.
    """
    task = _task(dataset, split, candidates)
    popularity_N1 = train_popularity_N1(dataset)
    scores_U = popularity_N1[task.targets_U]
    scores_m, targets_m = popularity_N1[task.history_items], scores_U[task.history_rows]
    ordered_C = np.sort(popularity_N1[task.candidates_C])
    num_users = dataset.num_users
    above = len(ordered_C) - np.searchsorted(ordered_C, scores_U, side="right")
    above -= _count(task.history_rows[scores_m > targets_m], num_users)
    equal = len(ordered_C) - np.searchsorted(ordered_C, scores_U, side="left") + task.is_added_U
    equal -= _count(task.history_rows[scores_m >= targets_m], num_users) + above
    return Ranking(
        # "equal" counts the target itself, which is the 1 of the rank.
        ranks_U=np.where(task.is_masked_U, dataset.num_items + 1, above + equal),
        num_tied=int((~task.is_masked_U & (equal > 1)).sum()),
        num_forced_misses=int(task.is_masked_U.sum()),
    )


def chance_hit_rate(
    dataset: Dataset, split: Split, k: int, candidates: Candidates = "all"
) -> float:
    """Return the expected HR@k of a uniformly random order of each user's unmasked candidates.

    With R of them: min(k, R) / R; a masked target never hits.
    """
    return _mean_over_ranks(_task(dataset, split, candidates), np.ones(k))


def chance_ndcg(dataset: Dataset, split: Split, k: int, candidates: Candidates = "all") -> float:
    """Return the expected NDCG@k of a uniformly random order of each user's unmasked candidates.

    With R of them: the sum of 1 / log2(rank + 1) over ranks 1..min(k, R), divided by R.
    """
    gains_k = 1 / np.log2(np.arange(2, k + 2))
    return _mean_over_ranks(_task(dataset, split, candidates), gains_k)


def _mean_over_ranks(task: _Task, gains_k: npt.NDArray[np.float64]) -> float:
    """Average over users the mean gain of a target that is equally likely at every rank."""
    num_users = len(task.targets_U)
    ranked_U = len(task.candidates_C) + task.is_added_U - _count(task.history_rows, num_users)
    summed = np.concatenate([[0.0], np.cumsum(gains_k)])
    gained_U = summed[np.minimum(ranked_U, len(gains_k))] / np.maximum(ranked_U, 1)
    return float(np.where(task.is_masked_U, 0.0, gained_U).mean())


def _task(dataset: Dataset, split: Split, candidates: Candidates) -> _Task:
    positions_U = target_positions_U(dataset, split)
    targets_U = dataset.item_ids[positions_U].astype(np.int64)
    rows, positions = spans(dataset.offsets_U1[:-1], positions_U)
    stride = dataset.num_items + 1
    pairs = np.sort(rows * stride + dataset.item_ids[positions])
    rows, items = np.divmod(pairs[np.diff(pairs, prepend=-1) > 0], stride)
    hits = rows[items == targets_U[rows]]
    is_one_N1 = is_candidate_N1(dataset, candidates)
    return _Task(
        candidates_C=np.flatnonzero(is_one_N1),
        targets_U=targets_U,
        history_rows=rows[is_one_N1[items]],
        history_items=items[is_one_N1[items]],
        is_masked_U=_count(hits, dataset.num_users) > 0,
        is_added_U=~is_one_N1[targets_U],
    )


def _count(rows: _Ints, num_users: int) -> _Ints:
    return np.bincount(rows, minlength=num_users)
