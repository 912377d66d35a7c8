"""The reference "popularity": every user gets the items with the most train interactions."""

import numpy as np
import numpy.typing as npt

from morec.config import EvaluationSpec
from morec.data.dataset import Dataset
from morec.data.slices import slicings
from morec.data.splits import Split, train_popularity_N1
from morec.evaluation import evaluation_of
from morec.list_metrics import catalogue_of, list_metrics_of
from morec.metrics import NEVER_FOUND
from morec.references.popular_lists import popular_lists
from morec.references.task import ranking_task
from morec.results import Evaluation


def popularity(dataset: Dataset, split: Split, spec: EvaluationSpec) -> Evaluation:
    """Evaluate the ranking by how often an item stands in the train lists."""
    return rank_by_item_scores(dataset, split, spec, train_popularity_N1(dataset))


def rank_by_item_scores(
    dataset: Dataset, split: Split, spec: EvaluationSpec, scores_N1: npt.NDArray[np.int64]
) -> Evaluation:
    """Evaluate scores that are the same for every user, without a score per user and item.

    Ties are pessimistic: rank = 1 + unmasked candidates with a higher score + other unmasked
    candidates with the same score. A target that is masked itself is never found. This equals
    ``dense_ranking``, in a time that grows with users plus items, not with their product.
    """
    task = ranking_task(dataset, split, spec)
    scores_U = scores_N1[task.targets_U]
    scores_m, targets_m = scores_N1[task.history_items_m], scores_U[task.history_rows_m]
    ordered_C = np.sort(scores_N1[task.candidates_C])
    above = len(ordered_C) - np.searchsorted(ordered_C, scores_U, side="right")
    above -= task.count(task.history_rows_m[scores_m > targets_m])
    equal = len(ordered_C) - np.searchsorted(ordered_C, scores_U, side="left") + task.is_added_U
    equal -= task.count(task.history_rows_m[scores_m >= targets_m]) + above
    # "equal" counts the target itself, which is the 1 of the rank.
    ranks_U = np.where(task.is_masked_U, NEVER_FOUND, above + equal)
    lists: dict[str, float] = {}
    if split == "test":
        counts_KN1 = popular_lists(task, scores_N1, ranks_U, spec.ks)
        lists = list_metrics_of(counts_KN1, spec.ks, catalogue_of(dataset, spec.candidates))
    return evaluation_of(
        ranks_U,
        spec.ks,
        slicings(dataset, split),
        num_tied=int((~task.is_masked_U & (equal > 1)).sum()),
        lists=lists,
    )
