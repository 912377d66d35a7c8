"""How many trials run concurrently: what CPUs, GPUs and memory allow.

Memory is counted here and not by Ray: Ray gives a process to another trial only if that trial
reserves exactly as much as the last one. The count decides when a trial starts, never which trials
there are.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import torch

from morec.config import TrialConfig
from tune_space.capacity.machine import available_memory, num_cpus
from tune_space.capacity.trial_memory import PROCESS_BYTES, MemoryEstimates, TrialMemory
from tune_space.schedule.jobs import Job
from tune_space.study.arm import Arm
from tune_space.study.spec import ResourcesSpec

TRIALS_SHARE = 0.9
"""Share of the available memory that trials may fill; the system's caches need some of the rest."""
GPU_GRAIN = 1e-4
"""Ray counts GPUs in steps of this."""


@dataclass(frozen=True)
class Slots:
    """Number of concurrent trials that the processors allow."""

    cpus: int
    gpus: int | None
    """None where trials use none."""

    @classmethod
    def of(cls, resources: ResourcesSpec, num_cpus: float, num_gpus: float) -> "Slots":
        """Count; a GPU holds whole workers only: at 0.6 of a GPU a worker has it alone."""
        cpus = int(num_cpus // (resources.workers * resources.cpus))
        if not resources.gpus:
            return cls(cpus, None)
        workers_per_gpu = int((1 + GPU_GRAIN) // resources.gpus)
        return cls(cpus, int(num_gpus) * workers_per_gpu // resources.workers)

    @property
    def num(self) -> int:
        """The scarcer of the two."""
        return self.cpus if self.gpus is None else min(self.cpus, self.gpus)


@dataclass(frozen=True)
class Capacity:
    """What this machine, or a cluster's nodes taken together, has for trials."""

    slots: Slots
    num_bytes: int
    """Memory that trials may fill."""
    is_local: bool = True
    """Whether trials run on this machine."""


def machine_capacity(resources: ResourcesSpec) -> Capacity:
    """What this machine has, asked without Ray; at least one slot.

    Where there is no GPU one is assumed: a plan may be made for another machine.
    """
    found = Slots.of(resources, num_cpus(), torch.cuda.device_count() or 1)
    slots = Slots(max(1, found.cpus), None if found.gpus is None else max(1, found.gpus))
    return Capacity(slots, memory_for_trials())


def memory_for_trials() -> int:
    """Bytes of this machine's memory that trials may fill."""
    return int(available_memory() * TRIALS_SHARE)


class MemoryAdmission:
    """Decides whether the memory allows one more trial to start."""

    def __init__(
        self,
        num_bytes: int,
        estimates: MemoryEstimates,
        resources: ResourcesSpec,
        failures: Mapping[str, int] | None = None,
    ) -> None:
        """Take the bytes for all trials and, by trial id, the number of earlier failures.

        A failure counts where the trial ran out of memory or lost its process.
        """
        self.num_bytes = num_bytes
        self._estimates = estimates
        self._workers = resources.workers
        self._failures = {} if failures is None else failures

    def fits(self, job: Job, running: Iterable[Job]) -> bool:
        """Whether ``job`` fits in addition to the running ones; alone it may always try.

        Each earlier failure doubles what a trial counts.
        """
        others = sum(map(self._counted, running))
        return not others or others + self._counted(job) <= self.num_bytes

    def num_idle(self, running: Iterable[Job]) -> int:
        """How many processes without a trial fit in addition to the running trials; at least 1."""
        others = sum(map(self._counted, running))
        return max(1, (self.num_bytes - others) // PROCESS_BYTES)

    def _counted(self, job: Job) -> int:
        once = self.trial_memory(job.arm, job.config).num_bytes
        return once << self._failures.get(job.trial_id, 0)

    def trial_memory(self, arm: str, config: TrialConfig) -> TrialMemory:
        """Memory of a trial, all its workers together."""
        one = self._estimates.of(arm, config)
        return TrialMemory(one.num_bytes * self._workers, one.is_measured)


def num_concurrent(slots: Slots, admission: MemoryAdmission, arms: Sequence[Arm]) -> int:
    """Number of these arms' trials that run concurrently, on average over the arms."""
    sizes = [admission.trial_memory(arm.name, arm.config).num_bytes for arm in arms]
    return max(1, min(slots.num, int(admission.num_bytes / fmean(sizes)))) if sizes else slots.num


def format_concurrency(slots: Slots, admission: MemoryAdmission, arms: Sequence[Arm]) -> str:
    """How many trials run concurrently, and what keeps them from being more."""
    trials = [admission.trial_memory(arm.name, arm.config) for arm in arms]
    sizes = sorted(trial.num_bytes for trial in trials)
    held = [max(1, admission.num_bytes // size) for size in sizes]
    source = "measured" if all(trial.is_measured for trial in trials) else "estimated"
    gpus = "" if slots.gpus is None else f", GPUs {slots.gpus}"
    return (
        f"{num_concurrent(slots, admission, arms)} concurrent: CPUs allow {slots.cpus}{gpus}, "
        f"memory {_range(held[-1:] + held[:1], '{:,}')} "
        f"({_range([size / 1e9 for size in sizes], '{:.1f}')} GB each of "
        f"{admission.num_bytes / 1e9:.1f} GB, {source})"
    )


def _range(values: Sequence[float], form: str) -> str:
    ends = dict.fromkeys((form.format(values[0]), form.format(values[-1])))
    return " to ".join(ends)
