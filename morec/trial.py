"""One trial from its configuration to its record: epochs, early stopping, checkpoints, cost."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from morec.checkpoints import Checkpoints
from morec.config import TrialConfig
from morec.data.dataset import Dataset
from morec.encoders.artefacts import ArtefactStore
from morec.errors import CollapsedError, DivergedError
from morec.progress import Progress
from morec.references.chance import chance
from morec.results import Cost, EpochRecord, Reason, TrialResult, TrialStatus, utc_now
from morec.trainer import Trainer
from morec.trial_code import trial_code
from morec.trial_cost import CostMeter, forward_macs
from morec.workers import Workers

Report = Callable[[tuple[EpochRecord, ...], Cost], None]
"""Called after every epoch with all epochs and the cost so far; may raise ``SystemExit``."""


@dataclass(frozen=True)
class TrialInputs:
    """What a trial reads besides its configuration."""

    dataset: Dataset
    store: ArtefactStore
    """The artefacts that trials share, such as tokenised titles."""
    sources: Mapping[str, str]
    """Hashes of the data and weights the configuration points at; part of the trial's identity."""


def run_trial(
    config: TrialConfig,
    inputs: TrialInputs,
    *,
    checkpoints: Checkpoints,
    report: Report,
    workers: Workers | None = None,
    device: str = "cpu",
) -> TrialResult:
    """Train until early stopping, then evaluate the best epoch; continue from a checkpoint if any.

    A diverged or collapsed trial is a result with that status, not an exception. The test split is
    read only if ``config.evaluation.test`` is set, and then once, after training. The caller
    removes the checkpoints once the record is safe. Several workers must see the same checkpoints.
    """
    trial = Trial(config, inputs, checkpoints, workers or Workers(), torch.device(device))
    return trial.run(report)


class Trial:
    """The parts of a running trial: trainer, progress, checkpoints and the meter of its cost."""

    def __init__(
        self,
        config: TrialConfig,
        inputs: TrialInputs,
        checkpoints: Checkpoints,
        workers: Workers,
        device: torch.device,
    ) -> None:
        assert inputs.dataset.split == config.evaluation.split, "windows of another split"
        self.meter = CostMeter(device)
        self.trainer = Trainer(config, inputs.dataset, inputs.store, workers=workers, device=device)
        self.config = config
        self.sources = inputs.sources
        self.checkpoints = checkpoints
        self.progress = Progress()
        self.best_weights: dict[str, torch.Tensor] = {}
        spec = config.evaluation
        self.chance = chance(inputs.dataset, "valid", spec)[spec.select]
        self.macs = forward_macs(self.trainer)

    def run(self, report: Report) -> TrialResult:
        """Train, evaluate the best epoch, and say what came of it; see ``run_trial``."""
        outcome: dict[str, Any]
        try:
            self.train(report)
            outcome = self.evaluate_best()
        except DivergedError as error:
            outcome = {
                "status": TrialStatus.FAILED,
                "reason": Reason.DIVERGED,
                "error": self.where(error),
            }
        except CollapsedError as error:
            outcome = {"status": TrialStatus.COLLAPSED, "error": self.where(error)}
        return TrialResult(
            trial_id=self.config.trial_id(self.sources),
            config=self.config,
            sources=dict(self.sources),
            epochs=tuple(self.progress.epochs),
            cost=self.cost(),
            num_starts=self.progress.num_starts,
            code=trial_code(self.config),
            finished_at=utc_now(),
            **outcome,
        )

    def train(self, report: Report) -> None:
        """Train to the end, from the last checkpoint if there is one."""
        self._continue_from_checkpoint()
        training = self.config.training
        if self.progress.epochs:
            report(tuple(self.progress.epochs), self.cost())
        while not self.progress.is_over(training.max_epochs, training.patience):
            self._epoch()
            is_last = self.progress.is_over(training.max_epochs, training.patience)
            self._save_if_due(is_last=is_last)
            report(tuple(self.progress.epochs), self.cost())

    def _epoch(self) -> None:
        start = time.perf_counter()
        loss = self.trainer.train_epoch()
        trained = time.perf_counter()
        valid = self.trainer.evaluate("valid")
        record = EpochRecord(
            epoch=len(self.progress.epochs) + 1,
            train_loss=loss,
            valid=valid.metrics,
            train_s=trained - start,
            eval_s=time.perf_counter() - trained,
        )
        select = self.config.evaluation.select
        score = record.valid[select]
        self.progress.check_above_chance(score, select, self.chance)
        self.progress.epochs.append(record)
        self.progress.add_energy(self.trainer.workers.gather(self.meter.energy.lap_j()))
        if self.progress.is_best(score, select):
            self.progress.best_epoch, self.progress.best_valid = record.epoch, valid
            weights = self.trainer.recommender.state_dict()
            self.best_weights = {name: value.clone() for name, value in weights.items()}

    def _save_if_due(self, *, is_last: bool) -> None:
        """Write a checkpoint when the first worker can afford it, and after the last epoch.

        Every worker takes part, since the state holds the random states of all.
        """
        workers = self.trainer.workers
        if not (is_last or workers.gather(self.checkpoints.is_due())[0]):
            return
        state = self.trainer.state()
        if workers.is_first:
            progress = self.progress.to_state() | {"spent_s": self.meter.spent_s(self.progress)}
            self.checkpoints.save(
                {"trainer": state, "best_weights": self.best_weights, "progress": progress}
            )
        workers.wait()

    def _continue_from_checkpoint(self) -> None:
        state = self.checkpoints.load()
        if state is None:
            return
        self.trainer.restore(state["trainer"])
        self.best_weights = state["best_weights"]
        self.progress = Progress.from_state(state["progress"])
        self.progress.num_starts += 1

    def evaluate_best(self) -> dict[str, Any]:
        """Load the best epoch's weights; look at the test split if, and only if, asked to."""
        outcome: dict[str, Any] = {
            "status": TrialStatus.COMPLETED,
            "best_epoch": self.progress.best_epoch,
            "valid": self.progress.best_valid,
        }
        if self.config.evaluation.test:
            self.load_best()
            outcome["test"] = self.trainer.evaluate("test")
        return outcome

    def load_best(self) -> None:
        """Give the recommender the best epoch's weights."""
        self.trainer.recommender.load_state_dict(self.best_weights)

    def where(self, error: Exception) -> str:
        """The error with the epoch it happened in."""
        return f"epoch {len(self.progress.epochs) + 1}: {error}"

    def cost(self) -> Cost:
        """What the trial spent up to now."""
        return self.meter.read(self.trainer, self.progress, self.macs)
