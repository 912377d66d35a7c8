"""The reference "EASE": a linear model of items in closed form, over a recency-weighted history.

H. Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019, equation 8. Differences:
users who are scored weight their history by recency; what is learned is as in the paper.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy.linalg.lapack import dpotrf, dpotri
from scipy.sparse import csr_array

from morec.references.dense_ranking import Scorer, choose
from morec.references.histories import DECAYS, cooccurrences, decayed_scorer, train_matrix_UN
from morec.references.scored import ReferenceTask, Scored, left_out

LAMBDAS = (30.0, 100.0, 300.0, 1000.0)
"""Grid of the ridge penalty."""
MAX_ITEMS = 10_000
"""With more items EASE is left out: an inverse takes N ** 3 operations (7.7 CPU-seconds at 6,000
items), the grid has one per penalty, and two matrices of N x N in fp64 are held (1.6 GB)."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def ease(task: ReferenceTask) -> Scored:
    """Score the items by B = I - P / diag(P), P = inverse of (X'X + lambda I), of a history.

    X is 1 where an item stands in a user's train list. The penalty and the weight that a history
    loses per interaction are chosen on validation.
    """
    if task.dataset.num_items > MAX_ITEMS:
        return left_out(f"{task.dataset.num_items:,} items, and it takes at most {MAX_ITEMS:,}")
    return choose(task, _points(task))


def item_weights_NN(matrix_UN: csr_array, penalty: float) -> Floats:
    """B: column j holds the weights of all other items in the score of item j + 1.

    It minimises |X - X B|^2 + penalty |B|^2 with a diagonal of zero.
    """
    inverse_NN = _inverse(matrix_UN, penalty)
    diagonal_N = inverse_NN.diagonal().copy()
    inverse_NN /= -diagonal_N
    np.fill_diagonal(inverse_NN, 0)
    return inverse_NN


def _points(task: ReferenceTask) -> Iterator[tuple[dict[str, float], Scorer]]:
    matrix_UN = train_matrix_UN(task.dataset)
    for penalty in LAMBDAS:
        yield from _decays(task, penalty, item_weights_NN(matrix_UN, penalty))


def _decays(
    task: ReferenceTask, penalty: float, weights_NN: Floats
) -> Iterator[tuple[dict[str, float], Scorer]]:
    for decay in DECAYS:
        yield {"lambda": penalty, "decay": decay}, decayed_scorer(task.dataset, decay, weights_NN)


def _inverse(matrix_UN: csr_array, penalty: float) -> Floats:
    """P, by Cholesky's decomposition in one matrix's memory."""
    num_items = matrix_UN.shape[1]
    gram_NN = np.empty((num_items, num_items))
    for items, rows in cooccurrences(matrix_UN):
        gram_NN[items] = rows.toarray()
    gram_NN[np.diag_indices(num_items)] += penalty
    # The transpose of a symmetric matrix is itself, and has the order of columns LAPACK works in.
    factor_NN, _ = dpotrf(gram_NN.T, lower=1, overwrite_a=1)
    inverse_NN, _ = dpotri(factor_NN, lower=1, overwrite_c=1)
    whole_NN: Floats = inverse_NN.T
    _mirror(whole_NN)
    return whole_NN


def _mirror(upper_NN: Floats) -> None:
    """Fill the lower triangle with the upper one, row by row."""
    for row in range(1, len(upper_NN)):
        upper_NN[row, :row] = upper_NN[:row, row]
