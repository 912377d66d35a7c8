"""The per-user test values that paired comparisons are made of."""

from collections.abc import Iterable

import numpy as np

from morec.metrics import Floats, per_user
from morec.results import TrialResult


def values_on_test(metric: str, results: Iterable[TrialResult]) -> Floats:
    """Per-user test values in [0, 1] of finished final trials, shape (S, U): a row per trial."""
    tests = [result.test for result in results if result.test]
    return per_user(metric, np.stack([test.ranks for test in tests]))
