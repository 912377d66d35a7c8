"""Per-user accuracy from the target's rank: what the paired comparisons are made of."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from morec.results import TrialResult

Floats = npt.NDArray[np.float64]


def per_user(metric: str, ranks: npt.ArrayLike) -> Floats:
    """One value per user in [0, 1] for ``HR@k`` or ``NDCG@k``; the shape of ``ranks`` is kept.

    HR@k is 1 where rank <= k. NDCG@k is 1 / log2(rank + 1) there, as there is one target (paper,
    section 3.4); both are 0 elsewhere.
    """
    name, _, cutoff = metric.partition("@")
    ranks_SU = np.asarray(ranks, dtype=np.float64)
    is_hit = ranks_SU <= int(cutoff)
    gains = {"HR": np.ones_like(ranks_SU), "NDCG": 1 / np.log2(ranks_SU + 1)}
    return np.where(is_hit, gains[name], 0.0)


def values_on_test(metric: str, results: Iterable[TrialResult]) -> Floats:
    """Per-user test values in [0, 1] of finished final trials, shape (S, U): a row per trial."""
    tests = [result.test for result in results if result.test]
    return per_user(metric, np.stack([test.ranks for test in tests]))
