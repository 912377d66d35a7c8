"""What a reference has to rank: each user's target, the candidates, and what is masked.

References are ranked as trained models are: the target among the candidates, the user's history
masked unless ``mask_history`` is off. Shapes: U users of the split, C candidates before masking and
without a target that is none of them, N1 = N + 1 (index 0 is padding), m history entries.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from morec.config import EvaluationSpec
from morec.data.dataset import Dataset
from morec.data.splits import Split, is_candidate_N1, masked_spans

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class RankingTask:
    """One split: candidates, targets, and every user's distinct masked candidates."""

    num_users: int
    candidates_C: Ints
    targets_U: Ints
    history_rows_m: Ints
    history_items_m: Ints
    is_masked_U: npt.NDArray[np.bool_]
    """The target stands in its own history and is masked: a forced miss."""
    is_added_U: npt.NDArray[np.bool_]
    """The target is none of the candidates and is ranked beside them."""

    @property
    def num_ranks_U(self) -> Ints:
        """How many ranks each user's target can have; 0 where it is masked."""
        num_ranks_U = len(self.candidates_C) + self.is_added_U - self.count(self.history_rows_m)
        return np.where(self.is_masked_U, 0, num_ranks_U)

    def count(self, rows: Ints) -> Ints:
        """How often each user's row stands in ``rows``, shape (U,)."""
        return np.bincount(rows, minlength=self.num_users)


def ranking_task(dataset: Dataset, split: Split, spec: EvaluationSpec) -> RankingTask:
    """Collect what is ranked on a split."""
    _, starts_U, positions_U = dataset.rows_of(split)
    targets_U = dataset.item_ids[positions_U].astype(np.int64)
    rows, positions = masked_spans(starts_U, positions_U, mask_history=spec.mask_history)
    stride = dataset.num_items + 1
    pairs = np.sort(rows * stride + dataset.item_ids[positions])
    rows, items = np.divmod(pairs[np.diff(pairs, prepend=-1) > 0], stride)
    hits = rows[items == targets_U[rows]]
    is_one_N1 = is_candidate_N1(dataset, spec.candidates)
    return RankingTask(
        num_users=len(targets_U),
        candidates_C=np.flatnonzero(is_one_N1),
        targets_U=targets_U,
        history_rows_m=rows[is_one_N1[items]],
        history_items_m=items[is_one_N1[items]],
        is_masked_U=np.bincount(hits, minlength=len(targets_U)) > 0,
        is_added_U=~is_one_N1[targets_U],
    )
