"""The lists of the reference "popularity": the most popular candidates that a user may be given.

Only counts per item leave here. Shapes: U users, W the head of all candidates by popularity, N1 =
N + 1 (index 0: no item), K cut-offs.
"""

import numpy as np
import numpy.typing as npt

from morec.references.task import Ints, RankingTask

CELLS = 2**22
"""So many places, users times W, are looked at together."""


def popular_lists(
    task: RankingTask, popularity_N1: Ints, ranks_U: npt.NDArray[np.integer], ks: tuple[int, ...]
) -> Ints:
    """How often each item stands in a list, at every cut-off, shape (K, N1).

    As for a model, a user's target is listed where its rank is at most k. The other places go to
    the most popular candidates outside the user's history; of equal ones to the lower id.
    """
    head_W = _head(task, popularity_N1, max(ks))
    counts_KN1 = np.zeros((len(ks), len(popularity_N1)), dtype=np.int64)
    size = max(1, CELLS // max(1, len(head_W)))
    for first in range(0, task.num_users, size):
        users = slice(first, first + size)
        places_UW = _places(task, head_W, popularity_N1, users)
        for counts_N1, k in zip(counts_KN1, ks, strict=True):
            has_target_U = ranks_U[users] <= k
            is_listed_UW = (places_UW > 0) & (places_UW <= (k - has_target_U)[:, None])
            counts_N1[head_W] += is_listed_UW.sum(0)
            np.add.at(counts_N1, task.targets_U[users][has_target_U], 1)
    return counts_KN1


def _head(task: RankingTask, popularity_N1: Ints, k: int) -> Ints:
    """The most popular candidates, as many as any user's list needs: the others are masked."""
    ordered_C = task.candidates_C[np.argsort(-popularity_N1[task.candidates_C], kind="stable")]
    most_masked = int(task.count(task.history_rows_m).max())
    return ordered_C[: k + most_masked + 1]


def _places(task: RankingTask, head_W: Ints, popularity_N1: Ints, users: slice) -> Ints:
    """The place of each candidate in a user's list without history and target; 0: not in it."""
    column_N1 = np.full(len(popularity_N1), len(head_W))
    column_N1[head_W] = np.arange(len(head_W))
    targets_U = task.targets_U[users]
    span = slice(*np.searchsorted(task.history_rows_m, (users.start, users.stop)).tolist())
    is_left_UW = np.ones((len(targets_U), len(head_W) + 1), dtype=bool)
    rows_m, items_m = task.history_rows_m[span] - users.start, task.history_items_m[span]
    is_left_UW[rows_m, column_N1[items_m]] = False
    is_left_UW[np.arange(len(targets_U)), column_N1[targets_U]] = False
    is_left_UW = is_left_UW[:, :-1]
    return np.where(is_left_UW, np.cumsum(is_left_UW, axis=1, dtype=np.int64), 0)
