"""How many trials run beside each other: what CPUs, GPUs and memory hold.

Memory is counted here and not by Ray, whose processes only go on to a trial that reserves exactly
as much as the last one did. It decides when a trial starts, never which trials there are.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import torch

from morec.config import TrialConfig
from morec.results import TrialResult
from tune_space.capacity.machine import available_memory
from tune_space.capacity.model_profiles import known_counts, profile_of
from tune_space.capacity.trial_memory import MemoryEstimates, Need, TrialSize, host_bytes
from tune_space.ledger.records import Manifest
from tune_space.schedule.jobs import Job
from tune_space.study.expand import Arm
from tune_space.study.spec import ResourcesSpec, StudySpec

SPARE = 0.9
"""Share of the free memory that trials may fill; the system's caches need some of the rest."""
GPU_GRAIN = 1e-4
"""Ray counts GPUs in steps of this."""


@dataclass(frozen=True)
class Slots:
    """Trials that a machine's processors hold at once."""

    cpus: int
    gpus: int | None
    """None where trials use none."""

    @classmethod
    def of(cls, resources: ResourcesSpec, num_cpus: float, num_gpus: float) -> "Slots":
        """Count; a GPU holds whole workers only, so that 0.6 of one leaves no room for another."""
        cpus = int(num_cpus // (resources.workers * resources.cpus))
        if not resources.gpus:
            return cls(cpus, None)
        a_gpu_holds = int((1 + GPU_GRAIN) // resources.gpus)
        return cls(cpus, int(num_gpus) * a_gpu_holds // resources.workers)

    @property
    def num(self) -> int:
        """The scarcer of the two."""
        return self.cpus if self.gpus is None else min(self.cpus, self.gpus)


class Room:
    """Whether the host's memory holds a trial beside those that run."""

    def __init__(
        self,
        num_bytes: int,
        needs: MemoryEstimates,
        resources: ResourcesSpec,
        failures: Mapping[str, int] | None = None,
    ) -> None:
        """Take the bytes there are for trials, and how often each trial failed for
        want of memory or lost its process."""
        self.num_bytes = num_bytes
        self._needs = needs
        self._workers = resources.workers
        self._failures = {} if failures is None else failures

    def fits(self, job: Job, running: Iterable[Job]) -> bool:
        """Whether all of them fit; a trial alone always may try.

        A trial that lost its process, perhaps for want of memory, counts twice what it did.
        """
        others = sum(map(self._taken, running))
        return not others or others + self._taken(job) <= self.num_bytes

    def _taken(self, job: Job) -> int:
        once = self.need(job.arm, job.config).num_bytes
        return once << self._failures.get(job.trial_id, 0)

    def need(self, arm: str, config: TrialConfig) -> Need:
        """What a trial needs, all its workers together."""
        need = self._needs.of(arm, config)
        return Need(need.num_bytes * self._workers, need.is_measured)


def memory_estimates(
    study: StudySpec,
    arms: Sequence[Arm],
    manifest: Manifest | None,
    results: Mapping[str, TrialResult],
) -> MemoryEstimates:
    """What trials of a study need, by its records or, before those, by their configuration."""
    by_name = {arm.name: arm for arm in arms}

    def estimate(name: str, config: TrialConfig) -> int:
        num_users, num_items = known_counts(
            study, by_name[name], manifest.datasets if manifest else ()
        )
        made = manifest.preparations if manifest else ()
        size = TrialSize(
            model=profile_of(config, num_users, num_items),
            num_users=num_users,
            num_items=num_items,
            input_bytes=sum(each.num_bytes for each in made if name in each.used_by),
        )
        return host_bytes(config, size, on_gpu=study.resources.gpus > 0)

    return MemoryEstimates(results, estimate)


def planned_slots(resources: ResourcesSpec) -> Slots:
    """What this machine holds without Ray, which decides in the end; at least one trial.

    Where there is no GPU one is assumed: a plan may be made for another machine.
    """
    found = Slots.of(resources, os.cpu_count() or 1, torch.cuda.device_count() or 1)
    return Slots(max(1, found.cpus), None if found.gpus is None else max(1, found.gpus))


def free_bytes() -> int:
    """Memory of this machine that trials may fill."""
    return int(available_memory() * SPARE)


def format_concurrency(slots: Slots, room: Room, arms: Sequence[Arm]) -> str:
    """How many trials run at once, and what keeps them from being more."""
    needs = [room.need(arm.name, arm.config) for arm in arms]
    sizes = sorted(need.num_bytes for need in needs)
    held = [max(1, room.num_bytes // size) for size in sizes]
    source = "measured" if all(need.is_measured for need in needs) else "estimated"
    gpus = "" if slots.gpus is None else f", GPUs {slots.gpus}"
    return (
        f"{num_concurrent(slots, room, arms)} concurrent: CPUs allow {slots.cpus}{gpus}, memory "
        f"{_range(held[-1:] + held[:1], '{:,}')} ({_range([s / 1e9 for s in sizes], '{:.1f}')} GB "
        f"each of {room.num_bytes / 1e9:.1f} GB, {source})"
    )


def num_concurrent(slots: Slots, room: Room, arms: Sequence[Arm]) -> int:
    """Trials of these arms that run at once, on average over the arms."""
    sizes = [room.need(arm.name, arm.config).num_bytes for arm in arms]
    return max(1, min(slots.num, int(room.num_bytes / fmean(sizes)))) if sizes else slots.num


def _range(values: Sequence[float], form: str) -> str:
    ends = dict.fromkeys((form.format(values[0]), form.format(values[-1])))
    return " to ".join(ends)
