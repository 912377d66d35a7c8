"""Metrics of all users' lists together: what a recommender recommends, not whether it is right.

A list holds the k candidates that stand highest for a user, as ``morec.ranking`` orders them. Every
metric is a function of how often each item stands in a list and of what is known of the items. More
is not better by itself. Shapes: N items, N1 = N + 1 (index 0: no item), K cut-offs, B users.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from morec.config import POPULARITY_LABELS, Candidates
from morec.data.dataset import Dataset
from morec.data.slices import popularity_codes_N1
from morec.data.splits import is_candidate_N1, train_popularity_N1
from morec.metrics import metric_name

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Catalogue:
    """What the metrics know of the items."""

    popularity_N: Ints
    """Train interactions."""
    is_candidate_N: Bools
    """Ranked for every user; a user's own target may stand beside these."""
    is_tail_N: Bools
    """Of the popularity slices new, cold or tail."""


ListMetric = Callable[[Ints, Catalogue], float]
"""How often each item stands in a list, shape (N,), and the items -> the value."""


def coverage(counts_N: Ints, items: Catalogue) -> float:
    """Share of the candidates that stand in at least one list, in [0, 1] (Ge et al. 2010)."""
    return float(np.mean(counts_N[items.is_candidate_N] > 0))


def mean_popularity(counts_N: Ints, items: Catalogue) -> float:
    """Train interactions of a recommended item, the mean over all lists' entries.

    That is ARP, the average recommendation popularity (Abdollahpouri et al. 2019), whose lists all
    have one length: so do ours, unless a user has fewer than k candidates.
    """
    return _per_entry(counts_N, items.popularity_N)


def tail_share(counts_N: Ints, items: Catalogue) -> float:
    """Share of the lists' entries whose item is of the slices new, cold or tail, in [0, 1].

    As APLT (Abdollahpouri et al. 2019), with the popularity slices of ``morec.data.slices``.
    """
    return _per_entry(counts_N, items.is_tail_N.astype(np.int64))


def gini(counts_N: Ints, items: Catalogue) -> float:
    """Gini coefficient of how often each candidate is recommended, in [0, 1).

    0: all equally often. sum_i (2 i - n - 1) c_i / (n sum_i c_i), with c ascending and i from 1.
    """
    ascending_C = np.sort(counts_N[items.is_candidate_N]).astype(np.float64)
    num = len(ascending_C)
    weights_C = 2 * np.arange(1, num + 1) - num - 1
    return float(weights_C @ ascending_C / max(num * ascending_C.sum(), 1))


def _per_entry(counts_N: Ints, values_N: Ints) -> float:
    return float(counts_N @ values_N / max(counts_N.sum(), 1))


LIST_METRICS: Mapping[str, ListMetric] = {
    "coverage": coverage,
    "mean popularity": mean_popularity,
    "tail share": tail_share,
    "gini": gini,
}
"""Every metric of lists by its name in ``coverage@10``; the order of their columns."""


class ListCounts:
    """How often each item stands in the users' lists, at every cut-off: no list is kept."""

    def __init__(self, ks: tuple[int, ...], num_items: int) -> None:
        self.ks = ks
        self.counts_KN1 = np.zeros((len(ks), num_items + 1), dtype=np.int64)

    def add(self, items_BK: Ints) -> None:
        """Count some users' lists: item ids, the best first, 0 where a list is shorter."""
        for counts_N1, k in zip(self.counts_KN1, self.ks, strict=True):
            counts_N1 += np.bincount(items_BK[:, :k].ravel(), minlength=len(counts_N1))


def catalogue_of(dataset: Dataset, candidates: Candidates) -> Catalogue:
    """What the metrics know of a dataset's items."""
    is_tail_N1 = popularity_codes_N1(dataset) <= POPULARITY_LABELS.index("tail")
    return Catalogue(
        popularity_N=train_popularity_N1(dataset)[1:],
        is_candidate_N=is_candidate_N1(dataset, candidates)[1:],
        is_tail_N=is_tail_N1[1:],
    )


def list_metrics_of(counts_KN1: Ints, ks: tuple[int, ...], items: Catalogue) -> dict[str, float]:
    """Every metric at every cut-off, metric by metric."""
    return {
        metric_name(name, k): metric(counts_N1[1:], items)
        for name, metric in LIST_METRICS.items()
        for k, counts_N1 in zip(ks, counts_KN1, strict=True)
    }
