"""A trial's one checkpoint, from which an interrupted trial goes on to the same numbers.

A file of plain values and tensors: ``format``, and what ``STORED`` names. A second round of
pre-training has a checkpoint with parts of its own.
"""

import math
import pickle
import shutil
import struct
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from morec.results import replace_atomically
from morec.storage import Storage, sibling

MAX_SHARE = 0.03
"""Writing checkpoints takes at most about this share of a trial's time ..."""
CHEAP_S = 0.02
"""... unless a write takes less than this: then every epoch has its checkpoint."""
FORMAT = 1
"""Raise it when ``STORED``, or the meaning of a part of a checkpoint, changes."""
STORED: Mapping[str, Collection[str]] = {
    # After the last epoch. "random" holds, worker by worker, the states of torch (dropout), numpy
    # (the loader's order, targets and negatives) and the GPU.
    "trainer": ("weights", "optimizer", "schedule", "random"),
    # The best epoch's weights, by the names of their parameters.
    "best_weights": (),
    # Every epoch's record, the best epoch's validation, and what all starts have spent.
    "progress": ("epochs", "best_epoch", "best_valid", "num_starts", "spent_s", "energy_j"),
}
"""What a trial's checkpoint stores: its parts, and the keys of those that always have the same."""
UNREADABLE = (
    *(OSError, EOFError, RuntimeError, pickle.UnpicklingError),
    *(LookupError, ValueError, TypeError, AttributeError, AssertionError, struct.error),
)
"""What torch's weights-only unpickler raises for a file that was cut off or spoiled (fuzzed)."""


class Checkpoints:
    """The checkpoint folder of one trial; with a storage, it is a copy of what lies there.

    ``stored`` says what a whole checkpoint holds, as ``STORED`` does for a trial.
    """

    def __init__(
        self,
        folder: Path,
        storage: Storage | None = None,
        *,
        stored: Mapping[str, Collection[str]] = STORED,
    ) -> None:
        self.path = folder / "last.pt"
        self._storage = storage
        self._stored = stored
        self._write_s = 0.0
        self._written_at = -math.inf

    @property
    def place(self) -> str:
        """Where another machine finds them: the storage's URL, or the folder."""
        return self._storage.place if self._storage else str(self.path.parent.resolve())

    def beside(self, trial_id: str) -> "Checkpoints":
        """The checkpoints of another trial of the same study."""
        if self._storage is None:
            return Checkpoints(self.path.parent.parent / trial_id)
        # The local folder is this trial's own copy, and is removed with it.
        storage = Storage(sibling(self._storage.place, trial_id))
        return Checkpoints(self.path.parent / trial_id, storage)

    def is_due(self) -> bool:
        """Whether enough time has passed since the last checkpoint to afford another."""
        waited_s = time.perf_counter() - self._written_at
        return self._write_s < CHEAP_S or waited_s >= self._write_s / MAX_SHARE

    def save(self, state: dict[str, Any]) -> None:
        """Replace the state an interrupted trial continues from."""
        start = time.perf_counter()
        whole = {"format": FORMAT, **state}
        replace_atomically(self.path, lambda stream: torch.save(whole, stream))
        if self._storage is not None:
            self._storage.put(self.path, self.path.name)
        self._written_at = time.perf_counter()
        self._write_s = self._written_at - start

    def load(self) -> dict[str, Any] | None:
        """The last state, or None: the trial starts anew.

        None is returned where there is no file, where it cannot be read, where it has another
        format or none, and where something is missing.
        """
        if self._storage is not None:
            self._storage.get(self.path.name, self.path)
        try:
            state = torch.load(self.path, map_location="cpu", weights_only=True)
        except UNREADABLE:
            return None
        return state if self._is_whole(state) else None

    def _is_whole(self, state: Any) -> bool:
        """Whether a checkpoint is of this format and holds every part with its keys."""
        if not isinstance(state, dict) or state.get("format") != FORMAT:
            return False
        return all(
            part in state and (not keys or _keys(state[part]) == set(keys))
            for part, keys in self._stored.items()
        )

    def remove(self) -> None:
        """Delete the folder; what a finished trial leaves behind is its record."""
        shutil.rmtree(self.path.parent, ignore_errors=True)
        if self._storage is not None:
            self._storage.remove()


def _keys(part: Any) -> set[str]:
    return set(part) if isinstance(part, dict) else set()


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
