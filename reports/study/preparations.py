"""Costs of artefacts that many trials share: per trial, and after how many trials they pay."""

import math
from dataclasses import dataclass
from statistics import fmean

from reports.study.costs import ArmCost, arm_costs
from reports.study.summary import ArmSummary, StudySummary
from tune_space.ledger.manifest import Preparation


@dataclass(frozen=True)
class Alternative:
    """The cheapest arm with an encoder that does not use the artefact and costs more per trial."""

    arm: str
    trial_s: float
    """Seconds of one of its trials."""
    pays_after: int
    """Trials after which the artefact, with its making, has cost less than this arm would have."""


@dataclass(frozen=True)
class PreparationCost:
    """One artefact: its cost per trial, and the arm it is compared with."""

    made: Preparation
    num_trials: int
    """Trials with a record in the arms that use it."""
    per_trial_s: float | None
    """Seconds of its making divided by those trials; None before the first."""
    alternative: Alternative | None
    """None where no arm costs more, and for a second round, whose purpose is accuracy."""

    @property
    def kind(self) -> str:
        """Name and kind of the artefact, like ``text features``."""
        prefix, dash, _ = self.made.key.rpartition("-")
        return f"{self.made.name} {prefix}" if dash else self.made.name

    @property
    def hash(self) -> str:
        """First 8 characters of its hash."""
        return self.made.key.rpartition("-")[2][:8]


def preparation_costs(summary: StudySummary) -> tuple[PreparationCost, ...]:
    """Each shared artefact of the study, in the order it was made."""
    costs = {(one.dataset, one.condition, one.arm): one for one in arm_costs(summary)}
    arms = [
        (arm, costs.get((part.dataset, arm.entry.condition, arm.label)))
        for part in summary.parts
        for arm in part.arms
    ]
    return tuple(_cost(made, arms) for made in summary.manifest.preparations)


_Arms = list[tuple[ArmSummary, ArmCost | None]]


def _cost(made: Preparation, arms: _Arms) -> PreparationCost:
    users = [arm for arm, _ in arms if arm.name in made.used_by]
    number = len({trial.trial_id for arm in users for trial in arm.trials if trial.result})
    return PreparationCost(
        made=made,
        num_trials=number,
        per_trial_s=made.seconds / number if number else None,
        alternative=None if made.losses else _alternative(made, arms),
    )


def _alternative(made: Preparation, arms: _Arms) -> Alternative | None:
    """Only arms on the same data and device as the arms that use the artefact."""
    users = [(arm, cost) for arm, cost in arms if cost and arm.name in made.used_by]
    if not users:
        return None
    places = {_place(arm, cost) for arm, cost in users}
    own_s = fmean(cost.total_s for _, cost in users)
    dearer = [
        (cost.total_s, arm.label)
        for arm, cost in arms
        if cost and cost.total_s > own_s and _place(arm, cost) in places
        if arm.name not in made.used_by and _has_encoder(arm)
    ]
    if not dearer:
        return None
    seconds, label = min(dearer)
    return Alternative(label, seconds, math.ceil(made.seconds / (seconds - own_s)))


def _place(arm: ArmSummary, cost: ArmCost) -> tuple[str, str, tuple[str, ...]]:
    return arm.entry.dataset, arm.entry.condition, cost.devices


def _has_encoder(arm: ArmSummary) -> bool:
    return bool(arm.entry.config.item.modalities)
