"""A trial's checkpoints: the last epoch's full state and the best epoch's weights, nothing else.

``last.pt`` lets an interrupted trial go on to the same numbers: weights, optimizer, schedule, every
random state, and the loader's position (the epoch, and the generator that shuffles and samples).
"""

import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch

from morec.results import replace_atomically


class Checkpoints:
    """The checkpoint folder of one trial."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save_last(self, state: dict[str, Any]) -> None:
        """Replace the state an interrupted trial continues from."""
        self._save("last.pt", state)

    def save_best(self, weights: dict[str, Any]) -> None:
        """Replace the weights of the best epoch so far."""
        self._save("best.pt", weights)

    def load_last(self) -> dict[str, Any] | None:
        """The last state, or None if there is none that can be read: the trial starts anew."""
        if not (self.folder / "best.pt").exists():
            return None
        try:
            return self._load("last.pt")
        except (OSError, RuntimeError, EOFError, pickle.UnpicklingError):
            return None

    def load_best(self) -> dict[str, Any]:
        """The weights of the best epoch."""
        return self._load("best.pt")

    def remove(self) -> None:
        """Delete the folder; what a finished trial leaves behind is its record."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _save(self, name: str, state: dict[str, Any]) -> None:
        replace_atomically(self.folder / name, lambda stream: torch.save(state, stream))

    def _load(self, name: str) -> dict[str, Any]:
        state: dict[str, Any] = torch.load(
            self.folder / name, map_location="cpu", weights_only=True
        )
        return state


def random_states(generator: np.random.Generator) -> dict[str, Any]:
    """Every random state a trial draws from."""
    states: dict[str, Any] = {
        "torch": torch.get_rng_state(),
        "numpy": generator.bit_generator.state,
    }
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state()
    return states


def restore_random_states(states: dict[str, Any], generator: np.random.Generator) -> None:
    """Undo everything drawn since ``random_states`` was called."""
    torch.set_rng_state(states["torch"])
    generator.bit_generator.state = states["numpy"]
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["cuda"])
