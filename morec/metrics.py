"""Metrics of a target's rank, all made from one table: what a rank is worth.

A user has one target (leave-one-out), so that a metric is the mean over users of ``gain(rank)``
where rank <= k, and 0 elsewhere. A target that is masked has the rank ``NEVER_FOUND``: a miss at
every k, even above the number of candidates. The trainer's metrics, chance, per-user values and
the audit are all computed from ``GAINS``. Shapes: U users of a split; ranks count from 1, the best.
"""

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

from morec.extensions import Table

NEVER_FOUND = 2**32 - 1
"""The rank of a target that no order of the candidates can find (a forced miss): the largest
uint32. Records older than this value hold the number of items plus 1 instead."""

Floats = npt.NDArray[np.float64]
Gain = Callable[[Floats], Floats]
"""Ranks of any shape -> what each is worth, in [0, 1], before the cut-off at k."""


def hit_rate(ranks: Floats) -> Floats:
    """HR: every rank within the cut-off is worth 1 (paper, section 3.4)."""
    return np.ones_like(ranks)


def ndcg(ranks: Floats) -> Floats:
    """NDCG: 1 / log2(rank + 1), as the ideal DCG of one target is 1 (paper, section 3.4)."""
    gains: Floats = 1 / np.log2(ranks + 1)
    return gains


def mrr(ranks: Floats) -> Floats:
    """MRR: 1 / rank, the reciprocal rank of a user's one target (Voorhees, TREC-8, 1999)."""
    gains: Floats = 1 / ranks
    return gains


GAINS: Table[Gain] = Table("morec.metrics", {"HR": hit_rate, "NDCG": ndcg, "MRR": mrr})
"""Every metric by its name in ``HR@10``; the order of their columns."""


def metric_name(metric: str, k: int) -> str:
    """``HR@10``: the key of a metric in records, studies and reports; spelled only here."""
    return f"{metric}@{k}"


def parse_metric(name: str) -> tuple[str, int]:
    """Undo ``metric_name``: ``HR@10`` -> ("HR", 10).

    Raises:
        ValueError: the name is not a metric, ``@`` and a cut-off.
    """
    metric, _, cutoff = name.partition("@")
    return metric, int(cutoff)


def metric_names(ks: Iterable[int]) -> tuple[str, ...]:
    """The names of all metrics at every cut-off, metric by metric."""
    cutoffs = tuple(ks)
    return tuple(metric_name(metric, k) for metric in GAINS for k in cutoffs)


def per_user(name: str, ranks: npt.ArrayLike) -> Floats:
    """Each rank's value in [0, 1] for a metric like ``HR@10``; the shape of ``ranks`` is kept.

    ``NEVER_FOUND`` is worth 0 at every k.
    """
    metric, k = parse_metric(name)
    ranks_SU = np.asarray(ranks, dtype=np.float64)
    is_hit_SU = (ranks_SU <= k) & (ranks_SU < NEVER_FOUND)
    return np.where(is_hit_SU, GAINS[metric](ranks_SU), 0.0)


def mean_over_users(name: str, ranks_U: npt.NDArray[np.integer]) -> float:
    """A metric like ``HR@10``: the mean over users, in [0, 1]."""
    return float(np.mean(per_user(name, ranks_U)))


def metrics_of(ranks_U: npt.NDArray[np.integer], ks: Iterable[int]) -> dict[str, float]:
    """Every metric at every cut-off: the mean over users, in [0, 1]."""
    return {name: mean_over_users(name, ranks_U) for name in metric_names(ks)}


def expected_metrics(num_ranks_U: npt.NDArray[np.integer], ks: Iterable[int]) -> dict[str, float]:
    """What every metric is on average where the target is equally likely at every rank.

    ``num_ranks_U`` says how many ranks a user's target can have: with R of them, the sum of the
    gains of ranks 1 to min(k, R), divided by R. 0 ranks are a target that is never found.
    """
    return {name: _expected(name, num_ranks_U) for name in metric_names(ks)}


def _expected(name: str, num_ranks_U: npt.NDArray[np.integer]) -> float:
    k = min(parse_metric(name)[1], int(np.max(num_ranks_U)))
    summed = np.concatenate([[0.0], np.cumsum(per_user(name, np.arange(1, k + 1)))])
    return float(np.mean(summed[np.minimum(num_ranks_U, k)] / np.maximum(num_ranks_U, 1)))
