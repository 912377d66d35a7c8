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
