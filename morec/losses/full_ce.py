"""Cross-entropy over the whole catalogue."""

from torch import Tensor

from morec.losses.blockwise_ce import candidates_ce
from morec.losses.inputs import LossInputs


def full_ce(batch: LossInputs) -> Tensor:
    """Softmax cross-entropy of the target among all items.

    As negatives of ``bce``, items without a train interaction count too, and the user's other train
    items do not. Beside the vectors and their gradients, memory holds one block of scores: 64
    positions x all items at least, never all positions x all items.
    """
    zeros_U = batch.vectors_UD.new_zeros(len(batch.vectors_UD))
    return candidates_ce(batch, None, zeros_U[1:], zeros_U[batch.targets_P])
