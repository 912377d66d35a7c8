"""How much of the host's memory a trial needs: estimated before any like it ran, then measured."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from morec.config import TrialConfig, canonical_json
from morec.losses.table import LOSSES
from morec.model_profile import ModelProfile
from morec.results import TrialResult

PROCESS_BYTES = 800 * 2**20
"""Python, torch, Ray and the encoder libraries, before a trial has loaded anything."""
LEAST_PROCESS_BYTES = 500_000_000
"""The same at the very least (measured: 0.55 GB)."""
CUDA_BYTES = 3 * 2**30
"""What a process needs besides to use a GPU; assumed, not measured."""
FLOAT = 4
"""Bytes of a number in fp32."""
WEIGHTS = 2
"""Copies of all weights: the model's own and the best epoch's."""
OPTIMISED = 3
"""Numbers beside a trained weight: its gradient and AdamW's two moments."""
SCORES = 4
"""Copies of the in-batch loss's scores: raw, corrected, masked, and their gradient."""
WINDOW_BYTES = 32
"""An item of a user's window: as it was read, and as the samples of training and evaluation."""
FRAGMENTED = 2
"""The C library keeps what steps of other sizes freed: a process that trains on images grew to
twice a step's need and more. Of texts the token slots that are counted and not filled are more."""


@dataclass(frozen=True)
class TrialSize:
    """What a trial's memory follows from besides its configuration; None is not known."""

    model: ModelProfile | None
    num_users: int | None = None
    num_items: int | None = None
    input_bytes: int = 0
    """Of the files its encoders read, which are memory-mapped."""


def host_bytes(config: TrialConfig, size: TrialSize, *, on_gpu: bool) -> int:
    """Peak memory of one process of a trial on its host; what is not known counts as nothing."""
    windows = (size.num_users or 0) * (config.dataset.max_seq_len + 3) * WINDOW_BYTES
    process = PROCESS_BYTES + size.input_bytes + windows
    if on_gpu:
        weights = size.model.params_total if size.model else 0
        return process + CUDA_BYTES + WEIGHTS * FLOAT * weights
    return process + model_bytes(config, size) * (FRAGMENTED if config.item.image else 1)


def model_bytes(config: TrialConfig, size: TrialSize) -> int:
    """Peak memory of the model, its optimizer and a training step, on whatever device.

    A batch's items are counted as if all were different and every title filled its token slots.
    """
    if size.model is None:
        return 0
    return _state_bytes(size.model) + _batch_bytes(config, size, size.model)


def least_bytes(model: ModelProfile | None) -> int:
    """What no trial of this model stays below: its process, weights and optimizer, without data."""
    if model is None:
        return LEAST_PROCESS_BYTES
    return LEAST_PROCESS_BYTES + _state_bytes(model)


def _state_bytes(model: ModelProfile) -> int:
    return FLOAT * (WEIGHTS * model.params_total + OPTIMISED * model.params_trainable)


def _batch_bytes(config: TrialConfig, size: TrialSize, model: ModelProfile) -> int:
    """What a batch's forward pass keeps for its gradient."""
    training, length = config.training, config.dataset.max_seq_len
    is_pair, needs = not config.model.reads_history, LOSSES[training.loss].needs
    num_samples = training.batch_size if is_pair else _least(training.batch_size, size.num_users)
    num_slots = num_samples * (1 if is_pair else length + 1) * (2 if needs.negatives else 1)
    num_unique = _least(num_slots, size.num_items)
    scores = SCORES * FLOAT * num_samples * length * num_unique if needs.shared_items else 0
    items = _least(num_unique, training.micro_items) * model.bytes_per_item
    return num_samples * model.bytes_per_sample + items + scores


def _least(count: int, limit: int | None) -> int:
    return count if limit is None else min(count, limit)


def memory_shape(config: TrialConfig) -> str:
    """The part of a configuration that its memory depends on; trials of one shape need the same."""
    plain = config.model_dump(mode="json", exclude={"seed", "optim"})
    del plain["evaluation"]["test"]
    for name in ("max_epochs", "patience"):
        del plain["training"][name]
    return canonical_json(plain)


@dataclass(frozen=True)
class Need:
    """Memory that one process of a trial needs."""

    num_bytes: int
    is_measured: bool


class MemoryEstimates:
    """What trials need: the most that was measured of any of the same shape, else an estimate."""

    def __init__(
        self,
        results: Mapping[str, TrialResult],
        estimate: Callable[[str, TrialConfig], int],
    ) -> None:
        """Take records, which may grow, and what estimates a trial by arm and configuration."""
        self._results = results
        self._estimate = estimate
        self._seen: set[str] = set()
        self._measured: dict[str, int] = {}
        self._estimated: dict[str, int] = {}

    def of(self, arm: str, config: TrialConfig) -> Need:
        """The need of one process of a trial of ``arm``."""
        self._learn()
        shape = memory_shape(config)
        if shape in self._measured:
            return Need(self._measured[shape], is_measured=True)
        if shape not in self._estimated:
            self._estimated[shape] = self._estimate(arm, config)
        return Need(self._estimated[shape], is_measured=False)

    def _learn(self) -> None:
        for trial_id in self._results.keys() - self._seen:
            self._seen.add(trial_id)
            result = self._results[trial_id]
            peak = result.cost.host_bytes if result.cost and result.epochs else None
            if peak is not None:
                shape = memory_shape(result.config)
                self._measured[shape] = max(peak, self._measured.get(shape, 0))
