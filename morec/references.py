"""Untrained yardsticks in the form of a trial's evaluation: popularity, and chance."""

from collections.abc import Iterable

from morec.config import Candidates, metric_name
from morec.data.dataset import Dataset
from morec.data.references import chance_hit_rate, chance_ndcg, popularity_ranking
from morec.data.slices import slicings
from morec.data.splits import Split
from morec.metrics import evaluation_of
from morec.results import Evaluation


def popularity_evaluation(
    dataset: Dataset, split: Split, ks: Iterable[int], candidates: Candidates = "all"
) -> Evaluation:
    """Rank by the number of train interactions, under the protocol of every model."""
    ranking = popularity_ranking(dataset, split, candidates)
    return evaluation_of(
        ranking.ranks_U,
        ks,
        slicings(dataset, split),
        num_tied=ranking.num_tied,
        num_forced_misses=ranking.num_forced_misses,
    )


def chance_metrics(
    dataset: Dataset, split: Split, ks: Iterable[int], candidates: Candidates = "all"
) -> dict[str, float]:
    """Expected metrics of a uniformly random order of each user's candidates."""
    cutoffs = tuple(ks)
    hit_rates = {
        metric_name("HR", k): chance_hit_rate(dataset, split, k, candidates) for k in cutoffs
    }
    return hit_rates | {
        metric_name("NDCG", k): chance_ndcg(dataset, split, k, candidates) for k in cutoffs
    }
