"""Costs of the arms and of the whole study, as recorded; ``None`` is printed as "n/a"."""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean, stdev

from morec.results import GPU_COUNTER, Cost, TrialResult
from reports.study.summary import ArmSummary, StudySummary
from reports.study.trial import Trial


@dataclass(frozen=True)
class ArmCost:
    """Cost of one arm: means over its final trials, or over its search trials before those."""

    dataset: str
    condition: str
    """Key of the study's ``conditions``; empty where the study has none."""
    arm: str
    """Its label."""
    num_trials: int
    is_from_search: bool
    """Whether no final trial has finished, so that the numbers are those of search trials."""
    params_total: int
    params_trainable: int
    forward_macs_paper: int | None
    forward_macs_run: int | None
    uncounted_ops: tuple[str, ...]
    epoch_s: float | None
    epoch_s_sd: float | None
    """Standard deviation over trials."""
    eval_s: float | None
    train_s: float
    """Training seconds of a whole trial, evaluation not counted."""
    total_s: float
    energy_j: float | None
    """Joules of a whole trial's devices, an estimate by their counters."""
    energy_counters: tuple[str, ...]
    """The counters that were read, as ``Cost.energy_counter``; empty where the energy is n/a."""
    energy_missing: tuple[str, ...]
    """Why it is n/a, where the trials say so."""
    peak_memory_bytes: int | None
    memory_kind: str
    devices: tuple[str, ...]
    num_searches: int
    search_s: float | None
    """Seconds of the search, pruned and failed trials too; None if the arm searched nothing."""


@dataclass(frozen=True)
class StudyCost:
    """Seconds and energy of the whole study: search, final trials, preparation."""

    search_s: float
    final_s: float
    wasted_s: float
    """The part of search and final seconds that failed, collapsed and pruned trials took."""
    num_untimed: int
    """Trials that ended without a recorded time; they are in none of the sums."""
    preparation_s: float
    energy_j: float | None
    """Joules of the GPUs over the trials that recorded any; None if none did. Those of CPUs cannot
    be summed: trials that ran at the same time each count the same packages."""

    @property
    def trials_s(self) -> float:
        """Seconds of all search and final trials."""
        return self.search_s + self.final_s


def arm_costs(summary: StudySummary) -> tuple[ArmCost, ...]:
    """One row per arm that has a trial with a cost."""
    rows = (arm_cost(part.dataset, arm) for part in summary.parts for arm in part.arms)
    return tuple(row for row in rows if row is not None)


def search_seconds(arm: ArmSummary) -> float | None:
    """Seconds of the arm's search, pruned and failed trials too; None if it searched nothing."""
    return _seconds(arm.searches) if arm.searches else None


def study_cost(summary: StudySummary) -> StudyCost:
    """Cost of the whole study. A trial that several conditions share counts once."""
    ended = [trial for trial in summary.trials if trial.result]
    costs = [trial.result.cost for trial in ended if trial.result and trial.result.cost]
    on_gpus = [cost for cost in costs if cost.energy_counter == GPU_COUNTER]
    energies = [cost.energy_j for cost in on_gpus if cost.energy_j is not None]
    return StudyCost(
        search_s=_seconds(trial for trial in ended if trial.role == "search"),
        final_s=_seconds(trial for trial in ended if trial.role == "final"),
        wasted_s=_seconds(trial for trial in ended if not trial.is_completed),
        num_untimed=sum(trial.seconds is None for trial in ended),
        preparation_s=sum(one.seconds for one in summary.manifest.preparations),
        energy_j=sum(energies) if energies else None,
    )


def _seconds(trials: Iterable[Trial]) -> float:
    return sum(trial.seconds or 0.0 for trial in trials)


def arm_cost(dataset: str, arm: ArmSummary) -> ArmCost | None:
    """Cost of one arm; None while none of its completed trials has recorded a cost."""
    finals, searches = _with_cost(arm.finals), _with_cost(arm.searches)
    recorded = finals or searches
    if not recorded:
        return None
    costs = [cost for _, cost in recorded]
    first = costs[0]
    epochs = [cost.epoch_s for cost in costs if cost.epoch_s is not None]
    return ArmCost(
        dataset=dataset,
        condition=arm.entry.condition,
        arm=arm.label,
        num_trials=len(costs),
        is_from_search=not finals,
        params_total=first.params_total,
        params_trainable=first.params_trainable,
        forward_macs_paper=first.forward_macs_paper,
        forward_macs_run=first.forward_macs_run,
        uncounted_ops=tuple(sorted({op for cost in costs for op in cost.uncounted_ops})),
        epoch_s=fmean(epochs) if epochs else None,
        epoch_s_sd=stdev(epochs) if len(epochs) > 1 else None,
        eval_s=_mean(cost.eval_s for cost in costs),
        train_s=fmean(sum(epoch.train_s for epoch in result.epochs) for result, _ in recorded),
        total_s=fmean(cost.total_s for cost in costs),
        energy_j=_mean(cost.energy_j for cost in costs),
        energy_counters=_distinct(c.energy_counter for c in costs if c.energy_j is not None),
        energy_missing=_distinct(cost.energy_missing for cost in costs),
        peak_memory_bytes=max(
            (cost.peak_memory_bytes for cost in costs if cost.peak_memory_bytes), default=None
        ),
        memory_kind=first.memory_kind,
        devices=tuple(dict.fromkeys(cost.device for cost in costs)),
        num_searches=len(arm.searches),
        search_s=search_seconds(arm),
    )


def _with_cost(trials: Iterable[Trial]) -> list[tuple[TrialResult, Cost]]:
    """Completed trials that recorded their cost."""
    results = [trial.result for trial in trials if trial.result and trial.is_completed]
    return [(result, result.cost) for result in results if result.cost]


def _distinct(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, texts)))


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None
