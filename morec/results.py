"""The record of one trial: status, epochs, metrics, ranks, cost and where it ran.

A ``TrialResult`` is one JSON file. Metrics are in [0, 1]; a trial without a finite metric has none.
"""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, BinaryIO, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, StringConstraints, model_validator

from morec.config import SCHEMA_VERSION, Spec, TrialConfig
from morec.errors import DataError
from morec.kept_lists import KeptLists
from morec.metrics import NEVER_FOUND, mean_over_users
from morec.packing import pack_integers, unpack_integers

Metric = Annotated[float, Field(ge=0, le=1)]
TrialId = Annotated[
    str, StringConstraints(max_length=200, pattern=r"^([^./\\\x00-\x1f][^/\\\x00-\x1f]*)?$")
]
"""A trial's name, which is also that of its files and folders, so that it leads into no other one.
Empty where there is no trial."""
ListName = Annotated[str, StringConstraints(pattern=r"^[^@]{1,100}@[1-9][0-9]{0,8}$")]
GPU_MEMORY, HOST_MEMORY = "GPU allocated", "process resident set"
"""The kinds of memory that a peak is measured of."""
GPU_COUNTER, PACKAGE_COUNTER = "GPU (NVML)", "CPU packages (RAPL)"
"""The counters that energy is read of."""


class TrialStatus(StrEnum):
    """How a trial ended."""

    COMPLETED = "completed"
    PRUNED = "pruned"
    FAILED = "failed"
    COLLAPSED = "collapsed"


class Reason(StrEnum):
    """Why a trial failed; ``TrialResult.error`` has the details."""

    EXCEPTION = "exception"
    DIVERGED = "diverged"
    """Its loss or a score became NaN or infinite."""
    HOST_MEMORY = "out of memory"
    DEVICE_MEMORY = "out of device memory"
    NO_DISK = "disk refuses writes"
    """The disk is full or read-only: no trial's fault, so the study stops and records nothing."""
    PROCESS_LOST = "process lost"
    """Its process, a worker of its group, or their machine died."""
    HUNG = "hung"
    """No epoch ended within ``resources.silence_minutes``."""


class EpochRecord(Spec):
    """One epoch: mean training loss, validation metrics, seconds spent."""

    epoch: int = Field(ge=1)
    """Counts from 1."""
    train_loss: float
    """Mean over the epoch's steps."""
    valid: dict[str, Metric]
    train_s: float
    eval_s: float


class Cost(Spec):
    """What the trial spent; ``None`` means "not known", never 0."""

    params_total: int
    """Parameters of the model; frozen layers below the first trainable one are not part of it."""
    params_trainable: int
    forward_macs_paper: int | None
    """Multiply-accumulates of one padded training sample, every item slot encoded (table 6); a
    sample is a user's sequence, or for dssm a (user, item) pair."""
    forward_macs_run: int | None
    """Multiply-accumulates per sample of a training batch's forward pass as it is run."""
    uncounted_ops: tuple[str, ...] = ()
    """Operations that are not counted, since the counter has no formula for them."""
    first_epoch_s: float | None
    """Seconds of the first epoch (training only), which includes warming up."""
    epoch_s: float | None
    """Median seconds per epoch (training only), without the first."""
    eval_s: float | None
    """Median seconds of one validation pass."""
    total_s: float
    """Seconds the trial took in all, before and after interruptions."""
    peak_memory_bytes: int | None
    memory_kind: str
    """``GPU_MEMORY`` or ``HOST_MEMORY``."""
    peak_host_bytes: int | None = None
    """Peak resident set of the process, also where ``peak_memory_bytes`` is the GPU's."""
    micro_items: int | None = None
    """Items encoded together in the last step, see ``TrainingSpec``; fewer than configured if
    memory ran out."""
    energy_j: float | None = None
    """Joules of the trial's devices from its start to the end of its last epoch, before and after
    interruptions. An estimate by the devices' counters: whatever else ran on them counts."""
    energy_counter: str = GPU_COUNTER
    """``GPU_COUNTER``, the only one of records older than this field, or ``PACKAGE_COUNTER``."""
    energy_missing: str = ""
    """Why the energy is not known; empty where it is, and in records older than this field."""
    device: str
    nodes: tuple[str, ...] = ()
    """In a session of several nodes, the node of each of the trial's workers, in their order."""

    @property
    def host_bytes(self) -> int | None:
        """Peak memory of the host, whether the trial ran on a CPU or a GPU."""
        is_host = self.memory_kind == HOST_MEMORY
        return self.peak_memory_bytes if is_host else self.peak_host_bytes


class SliceMetrics(Spec):
    """The metrics over some of the users."""

    num_users: int = Field(ge=1)
    metrics: dict[str, Metric]


class Evaluation(Spec):
    """Metrics of one split, and the rank of every user's target in dataset order."""

    metrics: dict[str, Metric]
    num_users: int = Field(ge=1)
    num_tied: int = Field(ge=0)
    """Users whose target shares its score with another candidate (ranked pessimistically)."""
    num_forced_misses: int = Field(ge=0)
    """Users whose target is also in their masked history: a miss by the protocol."""
    slices: dict[str, dict[str, SliceMetrics]] = {}  # noqa: RUF012  (pydantic copies it)
    """Dimension (popularity, history, item age, ties in time) -> label -> metrics of the users with
    that label; labels without users are left out."""
    lists: dict[ListName, Annotated[float, Field(ge=0)]] = {}  # noqa: RUF012  (pydantic copies it)
    """What all users' lists of the k best candidates hold, like ``coverage@10``, see
    ``morec.list_metrics``; only of the test split, and of no record older than this field."""
    kept_lists: KeptLists | None = None
    """The lists themselves, of some users; only of a trial's test split, and only where the study
    keeps them (``kept_lists``)."""
    packed_ranks: str
    """The target's rank per user: uint32 little-endian, zlib, base64; see ``ranks``."""

    @property
    def ranks(self) -> npt.NDArray[np.uint32]:
        """The target's rank per user, shape (U,): 1 is best, ``NEVER_FOUND`` a forced miss.

        Raises:
            DataError: the ranks cannot be unpacked, are not one per user, or do not count from 1.
        """
        try:
            ranks_U = unpack_integers(self.packed_ranks, self.num_users)
        except DataError as error:
            raise DataError(f"its ranks {error}") from error
        if ranks_U.min() < 1:
            raise DataError("a rank of 0; ranks count from 1")
        return ranks_U

    def check_packed(self) -> None:
        """Unpack the ranks and the kept lists once, before they are shown.

        Raises:
            DataError: they cannot be what they are said to be.
        """
        _ = self.ranks
        try:
            if self.kept_lists is not None:
                self.kept_lists.check(self.num_users)
        except DataError as error:
            raise DataError(f"its kept lists {error}") from error

    def value(self, metric: str) -> float:
        """A metric like ``HR@10`` over all users: as recorded, else computed from the ranks.

        So a record that is older than a metric has it too.
        """
        recorded = self.metrics.get(metric)
        return mean_over_users(metric, self.ranks) if recorded is None else recorded

    @property
    def is_forced_miss_U(self) -> npt.NDArray[np.bool_]:
        """Whose target is a forced miss, shape (U,), also in records without ``NEVER_FOUND``.

        There it has the rank N + 1, which no other target has: it is the largest.
        """
        ranks_U = self.ranks
        worst = NEVER_FOUND if self.num_forced_misses == 0 else ranks_U.max()
        is_forced_miss_U: npt.NDArray[np.bool_] = ranks_U == worst
        return is_forced_miss_U


def utc_now() -> str:
    """UTC time, ISO 8601, in seconds; the form of every time in records and manifests."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def pack_ranks(ranks_U: npt.ArrayLike) -> str:
    """Pack ranks for ``Evaluation.packed_ranks``."""
    return pack_integers(ranks_U)


class TrialResult(Spec):
    """The whole record of one trial, read and written as one JSON file."""

    schema_version: int = SCHEMA_VERSION
    trial_id: TrialId
    config: TrialConfig
    sources: dict[str, str]
    """Hashes of the data and weights the configuration points at."""
    status: TrialStatus
    epochs: tuple[EpochRecord, ...] = ()
    best_epoch: int | None = None
    valid: Evaluation | None = None
    """Validation at the best epoch."""
    test: Evaluation | None = None
    """Test at the best epoch; only where ``config.evaluation.test`` asks for it."""
    cost: Cost | None = None
    error: str | None = None
    """Why the trial failed or collapsed, with the traceback where there is one."""
    reason: Reason | None = None
    """Kind of failure; None if the trial did not fail, and in records older than this field."""
    log_tail: str | None = None
    """The last lines that a failed trial's processes printed."""
    code: dict[str, str] = {}  # noqa: RUF012  (pydantic copies it)
    """The code that made these numbers, see ``trial_code``; empty in records older than this
    field."""
    num_starts: int = 1
    """1, plus 1 for every time the trial was continued after an interruption."""
    finished_at: str = ""
    """UTC time, ISO 8601."""

    @model_validator(mode="after")
    def _fields_fit_status(self) -> Self:
        done = self.status is TrialStatus.COMPLETED
        if done and (self.valid is None or self.best_epoch is None or not self.epochs):
            raise ValueError("a completed trial has epochs, a best epoch and validation metrics")
        if self.test is not None and not (done and self.config.evaluation.test):
            raise ValueError("test metrics belong to completed trials that ask for them")
        if done and self.config.evaluation.test and self.test is None:
            raise ValueError("a completed trial that asks for test metrics has them")
        failed = self.status in (TrialStatus.FAILED, TrialStatus.COLLAPSED)
        if failed and not self.error:
            raise ValueError("a failed trial says why")
        return self

    @model_validator(mode="after")
    def _best_epoch_is_one_of_them(self) -> Self:
        numbers = [record.epoch for record in self.epochs]
        if numbers != list(range(1, len(numbers) + 1)):
            raise ValueError(f"epochs are numbered 1, 2, ..., not {numbers}")
        if self.best_epoch is not None and self.best_epoch not in numbers:
            raise ValueError(f"best epoch {self.best_epoch} is none of the {len(numbers)} epochs")
        return self

    @model_validator(mode="after")
    def _epochs_have_the_selected_metric(self) -> Self:
        select = self.config.evaluation.select
        is_scored = self.status in (TrialStatus.COMPLETED, TrialStatus.PRUNED)
        if is_scored and any(select not in record.valid for record in self.epochs):
            raise ValueError(f"every epoch of a {self.status} trial has its validation {select}")
        return self

    def best_score(self) -> float | None:
        """The selected validation metric at its best epoch; None if the trial has no score."""
        if self.status not in (TrialStatus.COMPLETED, TrialStatus.PRUNED) or not self.epochs:
            return None
        return max(record.valid[self.config.evaluation.select] for record in self.epochs)


def write_atomically(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8 so that a reader, or a crash, never sees half of it."""
    replace_atomically(path, lambda stream: stream.write(text.encode("utf-8")))


def replace_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Let ``write`` fill a new file, which replaces ``path`` once it is whole and on disk.

    An error in ``write`` leaves ``path`` as it was, and no other file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with partial.open("wb") as stream:
            write(stream)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
