"""Trials of a second or less: their configuration, and a way to run and to interrupt them."""

from pathlib import Path
from typing import Any

from morec.checkpoints import Checkpoints
from morec.config import TrialConfig
from morec.data.dataset import Dataset
from morec.encoders.artefacts import ArtefactStore
from morec.results import Cost, EpochRecord, TrialResult
from morec.trial import Report, TrialInputs, run_trial
from morec.workers import Workers

TINY_DATA = {
    "kind": "synthetic",
    "num_users": 41,
    "num_items": 30,
    "image_size": 16,
    "max_seq_len": 6,
}
TRAINED_TEXT = {
    "text": {"name": "tiny-random", "pretrained": False, "trainable_layers": "all", "max_tokens": 6}
}
DSSM = {"kind": "dssm", "mlp_layers": 1}
GRU4REC = {"kind": "gru4rec"}
NEXTITNET = {"kind": "nextitnet"}
BERT4REC = {"kind": "bert4rec", "mask_share": 0.5}
OTHER_MODELS = [DSSM, GRU4REC, NEXTITNET, BERT4REC]
FROZEN_TEXT = {"text": {"name": "tiny-random", "pretrained": False, "max_tokens": 6}}


TRAININGS: dict[str, dict[str, Any]] = {
    "bce": {"loss": "bce"},
    "bce of 3": {"loss": "bce", "negatives": 3},
    "bce shared": {"loss": "bce", "negatives": 5, "shared_negatives": True},
    "in_batch_ce": {"loss": "in_batch_ce"},
    "gbce": {"loss": "gbce", "negatives": 4, "calibration": 0.6},
    "gbce shared": {"loss": "gbce", "negatives": 6, "shared_negatives": True},
    "sampled_ce": {"loss": "sampled_ce", "negatives": 3},
    "sampled_ce by popularity": {
        "loss": "sampled_ce",
        "negatives": 4,
        "negatives_by": "popularity",
    },
    "sampled_ce shared": {"loss": "sampled_ce", "negatives": 7, "shared_negatives": True},
    "sampled_ce shared by popularity": {
        "loss": "sampled_ce",
        "negatives": 6,
        "shared_negatives": True,
        "negatives_by": "popularity",
    },
    "full_ce": {"loss": "full_ce"},
}
"""Sections ``training`` with every loss and every kind of its negatives."""


def tiny_config(**sections: Any) -> TrialConfig:
    """An ID trial of two epochs; a section given replaces those of its values it names."""
    config: dict[str, Any] = {
        "dataset": TINY_DATA,
        "item": sections.pop("item", {"id": True}),
        "model": {"dim": 8, "dropout": 0.1},
        "optim": {"lr": 0.01, "weight_decay": 0.01},
        "training": {"batch_size": 8, "max_epochs": 2},
        "evaluation": {"batch_size": 16},
    }
    for name, section in sections.items():
        config[name] = config[name] | section if isinstance(section, dict) else section
    return TrialConfig.model_validate(config)


def run(
    config: TrialConfig,
    dataset: Dataset,
    folder: Path,
    *,
    report: Report | None = None,
    workers: Workers | None = None,
    device: str = "cpu",
) -> TrialResult:
    """Run a trial whose checkpoints and artefacts lie in ``folder``."""
    return run_trial(
        config,
        TrialInputs(dataset, ArtefactStore(folder / "artefacts"), {"data": dataset.sha256}),
        checkpoints=Checkpoints(folder / "checkpoints"),
        report=report or (lambda epochs, cost: None),
        workers=workers,
        device=device,
    )


def stop_after(num_epochs: int) -> Report:
    """Interrupt a trial as a scheduler or Ctrl-C would, once it has reported so many epochs."""

    def report(epochs: tuple[EpochRecord, ...], cost: Cost) -> None:
        if len(epochs) >= num_epochs:
            raise SystemExit

    return report


def numbers(result: TrialResult) -> dict[str, Any]:
    """Everything in a result that must not depend on time, place or interruptions."""
    plain = result.model_dump(mode="json")
    for record in plain["epochs"]:
        del record["train_s"], record["eval_s"]
    return {name: plain[name] for name in ("status", "epochs", "best_epoch", "valid", "test")}
