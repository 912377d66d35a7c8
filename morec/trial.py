"""One trial from its configuration to its record: epochs, early stopping, checkpoints, cost."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import torch

from morec import cost
from morec.checkpoints import Checkpoints
from morec.code_version import code_version
from morec.config import TrialConfig
from morec.data.dataset import Dataset
from morec.encoders.artefacts import ArtefactStore
from morec.encoders.macs import count_macs
from morec.energy import EnergyMeter
from morec.errors import CollapsedError, DivergedError
from morec.references.chance import chance
from morec.results import (
    Cost,
    EpochRecord,
    Evaluation,
    Reason,
    TrialResult,
    TrialStatus,
    utc_now,
)
from morec.trainer import Trainer
from morec.workers import Workers

CLEARLY_ABOVE_CHANCE = 4.0
"""A score this many times chance that falls to chance or below has collapsed (figure 5)."""

Report = Callable[[tuple[EpochRecord, ...], Cost], None]
"""Called after every epoch with all epochs and the cost so far; may raise ``SystemExit``."""


@dataclass
class Progress:
    """How far a trial has come; a checkpoint holds it beside the trainer's state."""

    epochs: list[EpochRecord] = field(default_factory=list)
    best_epoch: int = 0
    best_valid: Evaluation | None = None
    num_starts: int = 1
    spent_s: float = 0.0
    """Seconds spent by earlier starts, up to their last checkpoint."""
    energy_j: float | None = 0.0
    """Joules up to the end of the last epoch; None once a part of them is not known."""

    def add_energy(self, laps_j: Sequence[float | None]) -> None:
        """Add what each worker's device took."""
        known = [lap for lap in (self.energy_j, *laps_j) if lap is not None]
        self.energy_j = sum(known) if len(known) > len(laps_j) else None

    def is_best(self, score: float, select: str) -> bool:
        """Whether ``score`` is better than every epoch's before."""
        return self.best_valid is None or score > self.best_valid.metrics[select]

    def is_over(self, max_epochs: int, patience: int) -> bool:
        """Whether early stopping or the epoch budget ends the training."""
        num_epochs = len(self.epochs)
        return num_epochs >= max_epochs or num_epochs - self.best_epoch > patience

    def to_state(self) -> dict[str, Any]:
        """Plain values for a checkpoint."""
        best = self.best_valid.model_dump_json() if self.best_valid else None
        return {
            "epochs": [record.model_dump_json() for record in self.epochs],
            "best_epoch": self.best_epoch,
            "best_valid": best,
            "num_starts": self.num_starts,
            "spent_s": self.spent_s,
            "energy_j": self.energy_j,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "Progress":
        """Undo ``to_state``."""
        best = state["best_valid"]
        return cls(
            epochs=[EpochRecord.model_validate_json(text) for text in state["epochs"]],
            best_epoch=state["best_epoch"],
            best_valid=Evaluation.model_validate_json(best) if best else None,
            num_starts=state["num_starts"],
            spent_s=state["spent_s"],
            energy_j=state.get("energy_j"),
        )


def run_trial(
    config: TrialConfig,
    dataset: Dataset,
    store: ArtefactStore,
    *,
    sources: Mapping[str, str],
    checkpoints: Checkpoints,
    report: Report,
    workers: Workers | None = None,
    device: str = "cpu",
) -> TrialResult:
    """Train until early stopping, then evaluate the best epoch; go on from a checkpoint if any.

    A diverged or collapsed trial is a result with that status, not an exception. The test split is
    read only if ``config.evaluation.test`` is set, and then once, after training. The checkpoints
    are left to the caller, who removes them once the record is safe; several workers have to see
    the same ones.
    """
    trial = _Trial(config, dataset, store, checkpoints, workers or Workers(), torch.device(device))
    outcome: dict[str, Any]
    try:
        trial.train(report)
        outcome = trial.evaluate_best()
    except DivergedError as error:
        outcome = {
            "status": TrialStatus.FAILED,
            "reason": Reason.DIVERGED,
            "error": trial.where(error),
        }
    except CollapsedError as error:
        outcome = {"status": TrialStatus.COLLAPSED, "error": trial.where(error)}
    return TrialResult(
        trial_id=config.trial_id(sources),
        config=config,
        sources=dict(sources),
        epochs=tuple(trial.progress.epochs),
        cost=trial.cost(),
        num_starts=trial.progress.num_starts,
        code=code_version(),
        finished_at=utc_now(),
        **outcome,
    )


class _Trial:
    """The state of ``run_trial``."""

    def __init__(
        self,
        config: TrialConfig,
        dataset: Dataset,
        store: ArtefactStore,
        checkpoints: Checkpoints,
        workers: Workers,
        device: torch.device,
    ) -> None:
        self.started = time.perf_counter()
        self.memory = cost.PeakMemory(device)
        self.energy = EnergyMeter(device)
        self.trainer = Trainer(config, dataset, store, workers=workers, device=device)
        self.config = config
        self.checkpoints = checkpoints
        self.progress = Progress()
        self.best_weights: dict[str, torch.Tensor] = {}
        self.chance = chance(dataset, "valid", config.evaluation)[config.evaluation.select]
        self.macs = self._count_macs()

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
        self._check_above_chance(record)
        self.progress.epochs.append(record)
        self.progress.add_energy(self.trainer.workers.gather(self.energy.lap_j()))
        self._keep(record, valid)

    def _keep(self, record: EpochRecord, valid: Evaluation) -> None:
        """Remember the epoch if it is the best so far."""
        select = self.config.evaluation.select
        if self.progress.is_best(record.valid[select], select):
            self.progress.best_epoch, self.progress.best_valid = record.epoch, valid
            weights = self.trainer.recommender.state_dict()
            self.best_weights = {name: value.clone() for name, value in weights.items()}

    def _save_if_due(self, *, is_last: bool) -> None:
        """Write a checkpoint when the first worker can afford it, and after the last epoch.

        Every worker takes part, since the state holds everyone's random states.
        """
        workers = self.trainer.workers
        if not (is_last or workers.gather(self.checkpoints.is_due())[0]):
            return
        state = self.trainer.state()
        if workers.is_first:
            progress = self.progress.to_state() | {"spent_s": self._spent_s()}
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

    def _check_above_chance(self, record: EpochRecord) -> None:
        select = self.config.evaluation.select
        best = self.progress.best_valid
        was_learning = best and best.metrics[select] >= CLEARLY_ABOVE_CHANCE * self.chance
        if was_learning and record.valid[select] <= self.chance:
            raise CollapsedError(
                f"validation {select} fell to {record.valid[select]:.4f}, "
                f"no better than chance ({self.chance:.4f})"
            )

    def evaluate_best(self) -> dict[str, Any]:
        """Load the best epoch's weights; look at the test split if, and only if, asked to."""
        outcome: dict[str, Any] = {
            "status": TrialStatus.COMPLETED,
            "best_epoch": self.progress.best_epoch,
            "valid": self.progress.best_valid,
        }
        if self.config.evaluation.test:
            self.trainer.recommender.load_state_dict(self.best_weights)
            outcome["test"] = self.trainer.evaluate("test")
        return outcome

    def where(self, error: Exception) -> str:
        """The error with the epoch it happened in."""
        return f"epoch {len(self.progress.epochs) + 1}: {error}"

    def _spent_s(self) -> float:
        return self.progress.spent_s + time.perf_counter() - self.started

    def _count_macs(self) -> dict[str, Any]:
        trainer = self.trainer
        state = trainer.generator.bit_generator.state
        batch = next(trainer.batches())
        trainer.generator.bit_generator.state = state
        samples = trainer.to_device(batch)
        # In evaluation mode, so that BatchNorm's statistics do not move; the count is the same.
        trainer.recommender.eval()
        macs, uncounted = count_macs(lambda: trainer.recommender(samples))
        num_inputs = samples.items_BL1.shape[1] - 1
        return {
            "forward_macs_paper": cost.paper_macs(trainer.recommender, num_inputs, trainer.device),
            "forward_macs_run": macs // len(samples.users_B),
            "uncounted_ops": tuple(sorted(uncounted)),
        }

    def cost(self) -> Cost:
        """What the trial spent up to now."""
        total, trainable = cost.count_parameters(self.trainer.recommender)
        train_s = [record.train_s for record in self.progress.epochs]
        eval_s = [record.eval_s for record in self.progress.epochs]
        return Cost(
            params_total=total,
            params_trainable=trainable,
            first_epoch_s=train_s[0] if train_s else None,
            epoch_s=median(train_s[1:]) if len(train_s) > 1 else None,
            eval_s=median(eval_s) if eval_s else None,
            total_s=self._spent_s(),
            peak_memory_bytes=self.memory.num_bytes(),
            memory_kind=self.memory.kind,
            peak_host_bytes=self.memory.num_host_bytes(),
            energy_j=self.progress.energy_j if train_s else None,
            device=cost.device_name(self.trainer.device, self.config.training.precision),
            micro_items=self.trainer.recommender.micro_items,
            **self.macs,
        )
