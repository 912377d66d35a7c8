"""Users as weighted histories, and items as they stand together in train lists.

Shapes: B users of a block, U users, L inputs, N items; column i is item i + 1.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy.sparse import csc_array, csr_array, issparse

from morec.data.dataset import Dataset
from morec.data.splits import train_spans
from morec.references.dense_ranking import Scorer

DECAYS = (1.0, 0.9, 0.8, 0.7, 0.5)
"""Grid: an interaction's weight is multiplied by this with every later one of the same user."""
BLOCK_ITEMS = 512
"""Items whose co-occurrences are held densely at once."""

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def decaying(decay: float, length: int) -> Floats:
    """The weights of the last ``length`` interactions: the latest has 1, shape (L,)."""
    weights_L: Floats = decay ** np.arange(length - 1, -1, -1.0)
    return weights_L


def weighted_histories(inputs_BL: Ints, weights_L: Floats, num_items: int) -> csr_array:
    """Users as rows of item weights, (B, N); an item that stands several times has their sum."""
    rows, places = np.nonzero(inputs_BL)
    columns, values = inputs_BL[rows, places] - 1, weights_L[places]
    return csr_array((values, (rows, columns)), shape=(len(inputs_BL), num_items))


def decayed_scorer(dataset: Dataset, decay: float, weights_NN: Floats | csr_array) -> Scorer:
    """Score by the sum of a decaying history's rows of ``weights_NN``."""
    weights_L = decaying(decay, dataset.max_seq_len)

    def score(inputs_BL: Ints) -> Floats:
        summed_BN = weighted_histories(inputs_BL, weights_L, dataset.num_items) @ weights_NN
        scores_BN: Floats = summed_BN.toarray() if issparse(summed_BN) else summed_BN
        return scores_BN

    return score


def train_matrix_UN(dataset: Dataset) -> csr_array:
    """1 where an item stands in a user's train list, however often."""
    rows, positions = train_spans(dataset)
    items = dataset.item_ids[positions] - 1
    shape = (dataset.num_users, dataset.num_items)
    matrix_UN = csr_array((np.ones(len(rows)), (rows, items)), shape=shape)
    matrix_UN.sum_duplicates()
    matrix_UN.data[:] = 1
    return matrix_UN


def cooccurrences(matrix_UN: csr_array) -> Iterator[tuple[slice, csr_array]]:
    """How many users have both items: blocks of rows of (N, N), sparse, item by item."""
    by_item = csc_array(matrix_UN)
    num_items = matrix_UN.shape[1]
    for first in range(0, num_items, BLOCK_ITEMS):
        items = slice(first, min(first + BLOCK_ITEMS, num_items))
        yield items, csr_array(by_item[:, items].T @ matrix_UN)
