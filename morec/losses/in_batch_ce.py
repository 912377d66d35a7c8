"""Cross-entropy over the items of the batch, corrected for popularity.

Shapes: U item vectors, S item slots of the batch.
"""

import torch
from torch import Tensor

from morec.losses.blockwise_ce import candidates_ce
from morec.losses.inputs import LossInputs


def in_batch_ce(batch: LossInputs) -> Tensor:
    """In-batch cross-entropy corrected for popularity (the authors' README; Yi et al. 2019).

    Scores are dot products of states with every row of item vectors. Candidates are all item slots
    of the batch; slots whose item the user has in the train sequence are hidden, except the target.
    The paper's code keeps one column per slot. Equal slots have equal scores, so one column per
    unique item with log(count) added is the same sum.
    """
    offset_U = -batch.log_popularity_U.to(batch.states_PD.dtype)
    # On a GPU torch.bincount waits for the largest number.
    slots_S = batch.items_BL1.flatten()
    ones_S = offset_U.new_ones(len(slots_S))
    counts_U = torch.zeros_like(offset_U).index_add(0, slots_S, ones_S)
    log_weight_U = counts_U.log() + offset_U
    return candidates_ce(batch, None, log_weight_U[1:], offset_U[batch.targets_P])
