"""How far a trial has come: its epochs and the best of them, early stopping, time and energy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from morec.errors import CollapsedError
from morec.results import EpochRecord, Evaluation

CLEARLY_ABOVE_CHANCE = 4.0
"""A score this many times chance that falls to chance or below has collapsed (figure 5)."""


@dataclass
class Progress:
    """What a trial has done so far; a checkpoint holds it next to the trainer's state."""

    epochs: list[EpochRecord] = field(default_factory=list)
    best_epoch: int = 0
    best_valid: Evaluation | None = None
    num_starts: int = 1
    spent_s: float = 0.0
    """Seconds spent by earlier starts, up to their last checkpoint."""
    energy_j: float | None = 0.0
    """Joules up to the end of the last epoch; None once a part of them is not known."""

    def add_energy(self, laps_j: Sequence[float | None]) -> None:
        """Add what each counter of the workers' devices has gone on by."""
        known = [lap for lap in (self.energy_j, *laps_j) if lap is not None]
        self.energy_j = sum(known) if len(known) > len(laps_j) else None

    def is_best(self, score: float, select: str) -> bool:
        """Whether ``score`` is better than that of every epoch before."""
        return self.best_valid is None or score > self.best_valid.metrics[select]

    def is_over(self, max_epochs: int, patience: int) -> bool:
        """Whether early stopping or the epoch budget ends the training."""
        num_epochs = len(self.epochs)
        return num_epochs >= max_epochs or num_epochs - self.best_epoch > patience

    def check_above_chance(self, score: float, select: str, chance: float) -> None:
        """Compare the new epoch's score with the best one and with chance.

        Raises:
            CollapsedError: the model was clearly better than chance and no longer is.
        """
        best = self.best_valid
        was_learning = best and best.metrics[select] >= CLEARLY_ABOVE_CHANCE * chance
        if was_learning and score <= chance:
            raise CollapsedError(
                f"validation {select} fell to {score:.4f}, no better than chance ({chance:.4f})"
            )

    def to_state(self) -> dict[str, Any]:
        """Plain values for a checkpoint; ``checkpoints.STORED`` names them."""
        epochs = [record.model_dump_json() for record in self.epochs]
        best_valid = self.best_valid.model_dump_json() if self.best_valid else None
        return {**vars(self), "epochs": epochs, "best_valid": best_valid}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "Progress":
        """Undo ``to_state``."""
        best = state["best_valid"]
        epochs = [EpochRecord.model_validate_json(text) for text in state["epochs"]]
        best_valid = Evaluation.model_validate_json(best) if best else None
        return cls(**{**state, "epochs": epochs, "best_valid": best_valid})
