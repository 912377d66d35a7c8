"""Untrained yardsticks in the form of a trial's evaluation: popularity, and chance."""

from collections.abc import Iterable

from morec.config import metric_name
from morec.data.dataset import Dataset
from morec.data.references import chance_hit_rate, chance_ndcg, popularity_ranking
from morec.data.splits import Split
from morec.metrics import metrics_of
from morec.results import Evaluation, pack_ranks


def popularity_evaluation(dataset: Dataset, split: Split, ks: Iterable[int]) -> Evaluation:
    """Rank by the number of train interactions, under the protocol of every model."""
    ranking = popularity_ranking(dataset, split)
    return Evaluation(
        metrics=metrics_of(ranking.ranks_U, ks),
        num_users=len(ranking.ranks_U),
        num_tied=ranking.num_tied,
        num_forced_misses=ranking.num_forced_misses,
        packed_ranks=pack_ranks(ranking.ranks_U),
    )


def chance_metrics(dataset: Dataset, split: Split, ks: Iterable[int]) -> dict[str, float]:
    """Expected metrics of a uniformly random order of each user's candidates."""
    cutoffs = tuple(ks)
    hit_rates = {metric_name("HR", k): chance_hit_rate(dataset, split, k) for k in cutoffs}
    return hit_rates | {metric_name("NDCG", k): chance_ndcg(dataset, split, k) for k in cutoffs}
