"""Untrained yardsticks: what popularity and pure chance score on a dataset.

Both rank all N items for every user, with the user's history masked, as trained models are
ranked. Shape legend: U users, N1 = N + 1 (index 0 is padding), m history entries.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from morec.data.dataset import Dataset
from morec.data.splits import Split, spans, target_positions_U, train_popularity_N1

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
    """One split: targets, and every user's distinct masked items."""

    targets_U: _Ints
    history_rows: _Ints
    history_items: _Ints
    is_masked_U: npt.NDArray[np.bool_]
    """The target is itself masked."""


def popularity_ranks(dataset: Dataset, split: Split) -> _Ints:
    """Return ranks_U of ``popularity_ranking``."""
    return popularity_ranking(dataset, split).ranks_U


def popularity_ranking(dataset: Dataset, split: Split) -> Ranking:
    """Rank by how often an item stands in the train lists.

    Ties are pessimistic: rank = 1 + unmasked items with a higher score + other unmasked items
    with the same score. A target that is masked itself has rank N + 1.
    """
    task = _task(dataset, split)
    popularity_N1 = train_popularity_N1(dataset)
    scores_U = popularity_N1[task.targets_U]
    scores_m, targets_m = popularity_N1[task.history_items], scores_U[task.history_rows]
    ordered = np.sort(popularity_N1[1:])
    num_users, num_items = dataset.num_users, dataset.num_items
    above = num_items - np.searchsorted(ordered, scores_U, side="right")
    above -= _count(task.history_rows[scores_m > targets_m], num_users)
    equal = num_items - np.searchsorted(ordered, scores_U, side="left")
    equal -= _count(task.history_rows[scores_m >= targets_m], num_users) + above
    return Ranking(
        # "equal" counts the target itself, which is the 1 of the rank.
        ranks_U=np.where(task.is_masked_U, num_items + 1, above + equal),
        num_tied=int((~task.is_masked_U & (equal > 1)).sum()),
        num_forced_misses=int(task.is_masked_U.sum()),
    )


def chance_hit_rate(dataset: Dataset, split: Split, k: int) -> float:
    """Return the expected HR@k of a uniformly random order of each user's unmasked items.

    C candidates: min(k, C) / C; a masked target never hits.
    """
    return _mean_over_candidates(dataset, split, np.ones(k))


def chance_ndcg(dataset: Dataset, split: Split, k: int) -> float:
    """Return the expected NDCG@k of a uniformly random order of each user's unmasked items.

    C candidates: the sum of 1 / log2(rank + 1) over ranks 1..min(k, C), divided by C.
    """
    return _mean_over_candidates(dataset, split, 1 / np.log2(np.arange(2, k + 2)))


def _mean_over_candidates(
    dataset: Dataset, split: Split, gains_k: npt.NDArray[np.float64]
) -> float:
    """Average over users the mean gain of a target that is equally likely at every rank."""
    task = _task(dataset, split)
    candidates_U = dataset.num_items - _count(task.history_rows, dataset.num_users)
    summed = np.concatenate([[0.0], np.cumsum(gains_k)])
    gained_U = summed[np.minimum(candidates_U, len(gains_k))] / np.maximum(candidates_U, 1)
    return float(np.where(task.is_masked_U, 0.0, gained_U).mean())


def _task(dataset: Dataset, split: Split) -> _Task:
    positions_U = target_positions_U(dataset, split)
    targets_U = dataset.item_ids[positions_U].astype(np.int64)
    rows, positions = spans(dataset.offsets_U1[:-1], positions_U)
    stride = dataset.num_items + 1
    pairs = np.sort(rows * stride + dataset.item_ids[positions])
    rows, items = np.divmod(pairs[np.diff(pairs, prepend=-1) > 0], stride)
    hits = rows[items == targets_U[rows]]
    return _Task(targets_U, rows, items, _count(hits, dataset.num_users) > 0)


def _count(rows: _Ints, num_users: int) -> _Ints:
    return np.bincount(rows, minlength=num_users)
