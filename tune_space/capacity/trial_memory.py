"""Memory of the host that a trial needs: an estimate until a trial of the same shape was measured.

The shape is the part of a configuration that memory depends on.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from morec.config import TrialConfig, canonical_json
from morec.losses.blockwise_ce import BLOCK_SCORES, FEWEST_POSITIONS
from morec.losses.table import LOSSES
from morec.model_profile import ModelProfile
from morec.models.negatives import negatives_of
from morec.results import TrialResult
from tune_space.capacity.model_profiles import known_counts, profile_of
from tune_space.ledger.manifest import DatasetEntry, Preparation
from tune_space.study.arm import Arm
from tune_space.study.spec import StudySpec

PROCESS_BYTES = 800 * 2**20
"""Python, torch, Ray and the encoder libraries, before a trial has loaded anything."""
LEAST_PROCESS_BYTES = 500_000_000
"""The same at the very least (measured: 0.55 GB)."""
CUDA_BYTES = 3 * 2**30
"""What a process that uses a GPU needs in addition; assumed, not measured."""
FLOAT = 4
"""Bytes of a number in fp32."""
WEIGHTS = 2
"""Copies of all weights: the model's own and the best epoch's."""
OPTIMISED = 3
"""Numbers per trained weight, in addition to it: its gradient and AdamW's two moments."""
WINDOW_BYTES = 32
"""Bytes per item of a user's window: as read, and in the samples of training and evaluation."""
FRAGMENTED = 2
"""Factor for trials with images. The C library keeps memory that steps of other sizes freed: such a
process grew to twice what a step needs and more. Texts need no factor: the estimate counts token
slots that titles do not fill, which is more."""


@dataclass(frozen=True)
class TrialSize:
    """The sizes, in addition to a configuration, that a trial's memory follows from.

    None where a size is not known.
    """

    model: ModelProfile | None
    num_users: int | None = None
    num_items: int | None = None
    input_bytes: int = 0
    """Size of the files that its encoders read; they are memory-mapped."""


def host_bytes(config: TrialConfig, size: TrialSize, *, on_gpu: bool) -> int:
    """Peak memory of one process of a trial on its host; a size that is not known counts as 0."""
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
    """A lower bound for trials of this model: process, weights and optimizer, without data."""
    return LEAST_PROCESS_BYTES + (_state_bytes(model) if model else 0)


def _state_bytes(model: ModelProfile) -> int:
    return FLOAT * (WEIGHTS * model.params_total + OPTIMISED * model.params_trainable)


def _batch_bytes(config: TrialConfig, size: TrialSize, model: ModelProfile) -> int:
    """Activations that the forward pass of a batch keeps for the gradient."""
    training, length = config.training, config.dataset.max_seq_len
    is_pair, needs = not config.model.reads_history, LOSSES[training.loss].needs
    negatives = negatives_of(training, needs)
    num_samples = training.batch_size if is_pair else _least(training.batch_size, size.num_users)
    num_slots = num_samples * (1 if is_pair else length + 1) * (1 + negatives.each)
    num_shared = (size.num_items or 0) if negatives.catalogue else negatives.shared
    num_unique = _least(num_slots + num_shared, size.num_items)
    num_candidates = num_unique if needs.shared_items else num_shared
    loss = _softmax_bytes(num_samples * length, num_candidates, config.model.dim)
    items = _least(num_unique, training.micro_items) * model.bytes_per_item
    return num_samples * model.bytes_per_sample + items + loss


def _softmax_bytes(num_positions: int, num_candidates: int, dim: int) -> int:
    """A block of scores, and the gradients of states and candidates, which are kept meanwhile."""
    if not num_candidates:
        return 0
    block = max(BLOCK_SCORES["cpu"], FEWEST_POSITIONS * num_candidates)
    return FLOAT * (block + dim * (num_positions + num_candidates))


def _least(count: int, limit: int | None) -> int:
    return count if limit is None else min(count, limit)


def memory_shape(config: TrialConfig) -> str:
    """The part of a configuration that memory depends on: trials of one shape need the same."""
    plain = config.model_dump(mode="json", exclude={"seed", "optim"})
    del plain["evaluation"]["test"]
    for name in ("max_epochs", "patience"):
        del plain["training"][name]
    return canonical_json(plain)


@dataclass(frozen=True)
class TrialMemory:
    """Memory of one process of a trial, or of all of them together."""

    num_bytes: int
    is_measured: bool


class MemoryEstimates:
    """Memory by shape: the largest measured peak of a trial of that shape, else an estimate."""

    def __init__(
        self,
        results: Mapping[str, TrialResult],
        estimate: Callable[[str, TrialConfig], int],
    ) -> None:
        """Take records, to which more may be added, and a function of arm and configuration."""
        self._results = results
        self._estimate = estimate
        self._seen: set[str] = set()
        self._measured: dict[str, int] = {}
        self._estimated: dict[str, int] = {}

    def of(self, arm: str, config: TrialConfig) -> TrialMemory:
        """Memory of one process of a trial of ``arm``."""
        self._learn()
        shape = memory_shape(config)
        if shape in self._measured:
            return TrialMemory(self._measured[shape], is_measured=True)
        if shape not in self._estimated:
            self._estimated[shape] = self._estimate(arm, config)
        return TrialMemory(self._estimated[shape], is_measured=False)

    def _learn(self) -> None:
        """Take in the peaks of records that were added since the last call."""
        for trial_id in self._results.keys() - self._seen:
            self._seen.add(trial_id)
            result = self._results[trial_id]
            if result.epochs and result.cost and (peak := result.cost.host_bytes) is not None:
                shape = memory_shape(result.config)
                self._measured[shape] = max(peak, self._measured.get(shape, 0))


def memory_estimates(
    study: StudySpec,
    arms: Sequence[Arm],
    *,
    datasets: Sequence[DatasetEntry],
    preparations: Sequence[Preparation],
    results: Mapping[str, TrialResult],
) -> MemoryEstimates:
    """Memory of a study's trials, from its records or, without one, from their configurations."""
    by_name = {arm.name: arm for arm in arms}

    def estimate(name: str, config: TrialConfig) -> int:
        num_users, num_items = known_counts(study, by_name[name], datasets)
        size = TrialSize(
            model=profile_of(config, num_users, num_items),
            num_users=num_users,
            num_items=num_items,
            input_bytes=sum(each.num_bytes for each in preparations if name in each.used_by),
        )
        return host_bytes(config, size, on_gpu=study.resources.gpus > 0)

    return MemoryEstimates(results, estimate)
