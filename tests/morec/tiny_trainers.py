"""Trainers of tiny trials, alone or as one of several workers."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from morec.config import TrialConfig
from morec.data.dataset import Dataset
from morec.encoders.artefacts import ArtefactStore
from morec.trainer import Trainer
from morec.workers import Workers
from tests.morec.tiny_trials import FROZEN_TEXT, TRAINED_TEXT, TRAININGS

CPU = torch.device("cpu")
ALONE = Workers()
ONE_STEP = {"batch_size": 64}
ITEMS: dict[str, dict[str, Any]] = {
    "id": {"id": True},
    "frozen text": FROZEN_TEXT,
    "trained text": TRAINED_TEXT,
    "id and text": {"id": True, **FROZEN_TEXT, "fusion": "concat", "fusion_layers": 1},
}


def is_affordable(loss: str, item: str) -> bool:
    """Whether a loss of ``TRAININGS`` is allowed with an item of ``ITEMS``."""
    training = TRAININGS[loss]
    encodes_many = training.get("negatives", 1) > 1 and not training.get("shared_negatives")
    return item != "trained text" or not (loss == "full_ce" or encodes_many)


def affordable(items: Iterable[str] = ITEMS) -> list[tuple[str, str]]:
    """Every loss of ``TRAININGS`` with each of these items that it is allowed with."""
    return [(loss, item) for loss in TRAININGS for item in items if is_affordable(loss, item)]


def trainer_of(
    config: TrialConfig,
    dataset: Dataset,
    folder: Path,
    workers: Workers = ALONE,
    *,
    device: torch.device = CPU,
) -> Trainer:
    return Trainer(config, dataset, ArtefactStore(folder), workers=workers, device=device)


def without_dropout(model: nn.Module) -> None:
    for module in model.modules():
        for name in ("p", "dropout_p", "dropout_prob"):
            if isinstance(getattr(module, name, None), float):
                setattr(module, name, 0.0)


def gradients_of(trainer: Trainer) -> dict[str, Tensor]:
    named = trainer.recommender.named_parameters()
    return {name: p.grad.clone() for name, p in named if p.grad is not None}
