"""Cross-entropy over the items of the batch, corrected for popularity.

Shapes: P target positions, B users, L1 item slots of a user, D width, U rows of item vectors (row 0
is padding).
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from morec.losses.inputs import LossInputs


def in_batch_ce(batch: LossInputs) -> Tensor:
    """In-batch cross-entropy corrected for popularity (the authors' README; Yi et al. 2019).

    Scores are dot products of states with every row of item vectors. Candidates are all item slots
    of the batch; slots whose item the user has in the train sequence are hidden, except the target.
    The paper's code keeps one column per slot. Equal slots have equal scores, so one column per
    unique item with log(count) added is the same sum.
    """
    logits_PU = batch.states_PD @ batch.vectors_UD.T - batch.log_popularity_U
    num_rows = logits_PU.shape[1]
    counts_U = torch.bincount(batch.items_BL1.flatten(), minlength=num_rows)
    candidates_PU = logits_PU + counts_U.to(logits_PU.dtype).log()
    hidden_PU = _is_in_sequence(batch.items_BL1, num_rows)[batch.users_P]
    candidates_PU = candidates_PU.masked_fill(hidden_PU, float("-inf"))
    target_P1 = logits_PU.gather(1, batch.targets_P[:, None])
    candidates_PU = candidates_PU.scatter(1, batch.targets_P[:, None], target_P1)
    return F.cross_entropy(candidates_PU, batch.targets_P, reduction="sum") / batch.num_positions


def _is_in_sequence(items_BL1: Tensor, num_rows: int) -> Tensor:
    """Whether each row of item vectors is in each user's sequence; padding always is."""
    member_BU = torch.zeros(
        len(items_BL1), num_rows, dtype=torch.bool, device=items_BL1.device
    ).scatter(1, items_BL1, True)
    member_BU[:, 0] = True
    return member_BU
