"""A trained trial in memory: its recommenders with their best weights, and its record."""

from dataclasses import dataclass

import torch

from morec.checkpoints import Checkpoints
from morec.config import TrialConfig
from morec.config.ensemble import weight_grid
from morec.data.dataset import Dataset
from morec.encoders.artefacts import ArtefactStore
from morec.errors import TrialError
from morec.late_fusion import fuse
from morec.models.recommender import Recommender
from morec.results import TrialResult, TrialStatus
from morec.trial import Report, Trial, TrialInputs
from morec.workers import Workers


@dataclass(frozen=True)
class TrainedTrial:
    """What an export is written of."""

    config: TrialConfig
    dataset: Dataset
    store: ArtefactStore
    recommenders: tuple[Recommender, ...]
    """With the best epoch's weights: one, or the members of a late fusion in order."""
    weights: tuple[float, ...] = ()
    """One per member of a late fusion, as validation chose them."""


def train_again(
    config: TrialConfig,
    inputs: TrialInputs,
    *,
    checkpoints: Checkpoints,
    report: Report,
    device: str = "cpu",
) -> tuple[TrainedTrial, TrialResult]:
    """Train a trial, or go on from its checkpoint: a finished one trains nothing.

    ``report`` and the record are those of ``run_any_trial``, whose numbers come out.

    Raises:
        TrialError: the trial did not come to its end; says why.
    """
    if config.ensemble:
        trials, result = fuse(config, inputs, checkpoints=checkpoints, report=report, device=device)
    else:
        trial = Trial(config, inputs, checkpoints, Workers(), torch.device(device))
        trials, result = [trial], trial.run(report)
    if result.status is not TrialStatus.COMPLETED or result.best_epoch is None:
        raise TrialError(f"{result.trial_id} {result.status}: {result.error}")
    for one in trials:
        one.load_best()
    weights = weight_grid(len(trials))[result.best_epoch - 1] if config.ensemble else ()
    recommenders = tuple(one.trainer.recommender.eval() for one in trials)
    return TrainedTrial(config, inputs.dataset, inputs.store, recommenders, weights), result
