"""A trial's one checkpoint: the last epoch's full state and the best epoch's weights.

It lets an interrupted trial go on to the same numbers: weights, optimizer, schedule, every random
state, and the loader's position (the epoch, and the generator that shuffles and samples).
"""

import math
import pickle
import shutil
import struct
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from morec.results import replace_atomically
from morec.storage import Storage

MAX_SHARE = 0.1
"""Writing checkpoints takes at most about this share of a trial's time ..."""
CHEAP_S = 0.05
"""... unless a write takes less than this: then every epoch has its checkpoint."""
UNREADABLE = (
    *(OSError, EOFError, RuntimeError, pickle.UnpicklingError),
    *(LookupError, ValueError, TypeError, AttributeError, AssertionError, struct.error),
)
"""What torch's weights-only unpickler raises for a file that was cut off or spoiled (fuzzed)."""


class Checkpoints:
    """The checkpoint folder of one trial; with a storage, it is a copy of what lies there."""

    def __init__(self, folder: Path, storage: Storage | None = None) -> None:
        self.path = folder / "last.pt"
        self._storage = storage
        self._write_s = 0.0
        self._written_at = -math.inf

    @property
    def place(self) -> str:
        """Where another machine finds them: the storage's URL, or the folder."""
        return self._storage.place if self._storage else str(self.path.parent.resolve())

    def is_due(self) -> bool:
        """Whether enough time has passed since the last checkpoint to afford another."""
        waited_s = time.perf_counter() - self._written_at
        return self._write_s < CHEAP_S or waited_s >= self._write_s / MAX_SHARE

    def save(self, state: dict[str, Any]) -> None:
        """Replace the state an interrupted trial continues from."""
        start = time.perf_counter()
        replace_atomically(self.path, lambda stream: torch.save(state, stream))
        if self._storage is not None:
            self._storage.put(self.path, self.path.name)
        self._written_at = time.perf_counter()
        self._write_s = self._written_at - start

    def load(self) -> dict[str, Any] | None:
        """The last state, or None if there is none that can be read: the trial starts anew."""
        if self._storage is not None:
            self._storage.get(self.path.name, self.path)
        try:
            state: dict[str, Any] = torch.load(self.path, map_location="cpu", weights_only=True)
        except UNREADABLE:
            return None
        return state

    def remove(self) -> None:
        """Delete the folder; what a finished trial leaves behind is its record."""
        shutil.rmtree(self.path.parent, ignore_errors=True)
        if self._storage is not None:
            self._storage.remove()


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
