"""The reference "ItemKNN": items that stand in the same train lists as those of the history.

Sarwar et al., "Item-based collaborative filtering recommendation algorithms", WWW 2001, with the
shrinkage of Bell and Koren (2007), as in the comparison of Ferrari Dacrema et al. (RecSys 2019).
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array, vstack

from morec.references.dense_ranking import Scorer, choose
from morec.references.histories import DECAYS, cooccurrences, decayed_scorer, train_matrix_UN
from morec.references.scored import ReferenceTask, Scored

NEIGHBOURS = (10, 20, 50, 100, 200)
"""Grid: an item's score sums over this many of its nearest items; equally near ones all count."""
SHRINKAGE = 10.0
"""Added to the denominator of the cosine: items with few users in common are less near."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def item_knn(task: ReferenceTask) -> Scored:
    """Score an item by the sum of its similarities to the history's items among its neighbours.

    Similarity of two items: users of both / (sqrt(users of one * users of the other) + shrinkage).
    The number of neighbours and the weight that a history loses per interaction are chosen on
    validation.
    """
    return choose(task, _points(task))


def nearest(matrix_UN: csr_array, num_neighbours: int) -> csr_array:
    """Row i: the similarities of item i + 1 to its nearest items, (N, N), sparse.

    All that are as similar as the last of ``num_neighbours`` belong to them.
    """
    num_users_N = np.asarray(matrix_UN.sum(axis=0))
    blocks = []
    for items, rows in cooccurrences(matrix_UN):
        owners = np.repeat(np.arange(items.start, items.stop), np.diff(rows.indptr))
        cosine_of = np.sqrt(num_users_N[owners] * num_users_N[rows.indices])
        rows.data = np.where(owners == rows.indices, 0, rows.data / (cosine_of + SHRINKAGE))
        blocks.append(_keep_largest(rows, num_neighbours))
    return csr_array(vstack(blocks))


def _points(task: ReferenceTask) -> Iterator[tuple[dict[str, float], Scorer]]:
    widest_NN = nearest(train_matrix_UN(task.dataset), max(NEIGHBOURS))
    for num_neighbours in NEIGHBOURS:
        # Scores sum over rows of the history's items, so neighbours of an item form a column.
        columns_NN = csr_array(_keep_largest(widest_NN, num_neighbours).T)
        for decay in DECAYS:
            values = {"neighbours": float(num_neighbours), "decay": decay}
            yield values, decayed_scorer(task.dataset, decay, columns_NN)


def _keep_largest(rows: csr_array, number: int) -> csr_array:
    """The same rows with only the values that reach each row's ``number``-th largest, above 0."""
    bounds = zip(rows.indptr[:-1].tolist(), rows.indptr[1:].tolist(), strict=True)
    least_of_row = np.array(
        [
            np.partition(rows.data[start:end], -number)[-number] if end - start > number else 0
            for start, end in bounds
        ]
    )
    is_kept = (rows.data >= np.repeat(least_of_row, np.diff(rows.indptr))) & (rows.data > 0)
    kept = rows.copy()
    kept.data[~is_kept] = 0
    kept.eliminate_zeros()
    return kept
