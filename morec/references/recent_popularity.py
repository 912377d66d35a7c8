"""The reference "recent popularity": the items with the most of the latest train interactions."""

from math import ceil

import numpy as np
import numpy.typing as npt

from morec.data.dataset import Dataset
from morec.data.splits import train_spans
from morec.references.popularity import rank_by_item_scores
from morec.references.scored import ReferenceTask, Scored, left_out

RECENT_SHARE = 0.1
"""The window: this share of the train interactions, the latest of all users together."""


def recent_popularity(task: ReferenceTask) -> Scored:
    """Rank by how often an item stands in the latest tenth of the train interactions.

    Left out where the source has no clock times. Items without a recent interaction tie.
    """
    if task.dataset.times_s is None:
        return left_out("the source has no clock times")
    counts_N1 = recent_counts_N1(task.dataset, task.dataset.times_s)
    valid, test = (
        rank_by_item_scores(task.dataset, split, task.spec, counts_N1)
        for split in ("valid", "test")
    )
    return Scored(valid, test)


def recent_counts_N1(dataset: Dataset, times_s: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Count each item's train interactions in the window; index 0 (padding) is 0.

    Interactions at the time that begins the window are all in it.
    """
    _, positions = train_spans(dataset)
    train_times_s = np.asarray(times_s[positions])
    num_recent = ceil(RECENT_SHARE * len(train_times_s))
    begin_s = np.sort(train_times_s)[-num_recent]
    recent = positions[train_times_s >= begin_s]
    return np.bincount(dataset.item_ids[recent], minlength=dataset.num_items + 1)
