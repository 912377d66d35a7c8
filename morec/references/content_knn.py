"""The reference "content kNN": items whose frozen features are like those of the last items.

What a modality gives for nothing: no interaction but the user's own is read, nothing is trained.
Shapes: H width of the features, B users of a block, L inputs, N items.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from morec.references.dense_ranking import Scorer, choose
from morec.references.histories import weighted_histories
from morec.references.scored import ReferenceTask, Scored

LAST_ITEMS = (1, 2, 3, 5, 10, 20, 50)
"""Grid: so many of a history's last items are averaged."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def content_knn(task: ReferenceTask) -> Scored:
    """Score an item by the cosine of its features and the mean features of the last items.

    How many items are averaged is chosen on validation. A cosine with features of zero is 0.
    """
    return choose(task, _points(task))


def _points(task: ReferenceTask) -> Iterator[tuple[dict[str, float], Scorer]]:
    assert task.features_NH is not None, "content kNN reads an encoder's features"
    features_NH = task.features_NH.astype(np.float64)
    unit_NH = _unit(features_NH)
    length = task.dataset.max_seq_len
    for number in sorted({min(number, length) for number in LAST_ITEMS}):
        yield {"last items": float(number)}, _scorer(number, length, features_NH, unit_NH)


def _scorer(number: int, length: int, features_NH: Floats, unit_NH: Floats) -> Scorer:
    # The length of a sum of features does not matter to a cosine: it need not be the mean.
    is_last_L = (np.arange(length) >= length - number).astype(np.float64)

    def score(inputs_BL: Ints) -> Floats:
        users_BH = weighted_histories(inputs_BL, is_last_L, len(features_NH)) @ features_NH
        scores_BN: Floats = _unit(users_BH) @ unit_NH.T
        return scores_BN

    return score


def _unit(vectors_nH: Floats) -> Floats:
    """Vectors of length 1; those of length 0 stay."""
    lengths_n1 = np.linalg.norm(vectors_nH, axis=1, keepdims=True)
    units_nH: Floats = vectors_nH / np.where(lengths_n1 > 0, lengths_n1, 1)
    return units_nH
