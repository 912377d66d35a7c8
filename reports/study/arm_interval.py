"""The interval of an arm, or of one of its trials, on its own: not of a difference."""

from collections.abc import Sequence

import numpy as np

from morec.results import TrialResult
from reports.study.rank_metrics import values_on_test
from reports.study.statistics import Difference, paired_difference


def interval_on_test(metric: str, results: Sequence[TrialResult]) -> Difference:
    """The mean test value of finished trials with its 95% interval, all in [0, 1].

    Over users and seeds as for a difference (from zero); of one trial over users only. The p-value
    has no meaning here.
    """
    values_SU = values_on_test(metric, results)
    return paired_difference(values_SU, np.zeros_like(values_SU), num_flips=0)
