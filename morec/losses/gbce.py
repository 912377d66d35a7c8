"""Generalised binary cross-entropy (gSASRec). Shapes: P target positions, K negatives of each."""

from torch import Tensor

from morec.losses.bce import bce
from morec.losses.inputs import LossInputs
from morec.losses.sampled_scores import negative_scores


def gbce(batch: LossInputs) -> Tensor:
    """gBCE of Petrov and Macdonald, RecSys 2023 (section 5): a positive counts ``beta`` times.

    With k negatives: -(beta log s(positive) + sum of log(1 - s(negative))) / (k + 1). The paper
    draws negatives of each target. A shared negative that its user has trained on adds nothing.
    """
    k = batch.training.negatives
    weight = beta(k, batch.num_items, batch.training.calibration)
    positive_P, scores = batch.target_scores_P, negative_scores(batch)
    return bce(positive_P, scores, batch.num_positions, positive_weight=weight) / (k + 1)


def beta(num_negatives: int, num_items: int, calibration: float) -> float:
    """The power of a positive's probability: a (t (1 - 1 / a) + 1 / a), a = k / (N - 1).

    t = 0 gives 1, which is BCE; t = 1 gives a, with which scores are calibrated.
    """
    sampled_share = num_negatives / (num_items - 1)
    return sampled_share * (calibration * (1 - 1 / sampled_share) + 1 / sampled_share)
