"""What was made once for many trials: its share in each, and when it has paid for itself."""

import math
from dataclasses import dataclass
from statistics import fmean

from reports.study.costs import ArmCost, arm_costs
from reports.study.summary import ArmSummary, StudySummary
from tune_space.ledger.records import Preparation


@dataclass(frozen=True)
class Alternative:
    """The cheapest dearer arm that has an encoder and does without the artefact."""

    arm: str
    trial_s: float
    """Seconds of one of its trials."""
    pays_after: int
    """Trials after which making the artefact has cost less than running this arm instead."""


@dataclass(frozen=True)
class PreparationCost:
    """One artefact with what it means for a trial."""

    made: Preparation
    num_trials: int
    """Trials with a record in the arms that use it."""
    per_trial_s: float | None
    """Its seconds shared out over them; None before the first."""
    alternative: Alternative | None
    """None for a second round, which is there for accuracy, and where no arm is dearer."""

    @property
    def kind(self) -> str:
        """What it is of, and which kind of artefact: ``text features``."""
        prefix, dash, _ = self.made.key.rpartition("-")
        return f"{self.made.name} {prefix}" if dash else self.made.name

    @property
    def hash(self) -> str:
        """The beginning of its hash."""
        return self.made.key.rpartition("-")[2][:8]


def preparation_costs(summary: StudySummary) -> tuple[PreparationCost, ...]:
    """Each shared artefact of the study, in the order it was made."""
    costs = {(one.dataset, one.arm): one for one in arm_costs(summary)}
    arms = [
        (arm, costs.get((part.dataset, arm.label))) for part in summary.parts for arm in part.arms
    ]
    return tuple(_cost(made, arms) for made in summary.manifest.preparations)


_Arms = list[tuple[ArmSummary, ArmCost | None]]


def _cost(made: Preparation, arms: _Arms) -> PreparationCost:
    users = [arm for arm, _ in arms if arm.name in made.used_by]
    number = sum(trial.result is not None for arm in users for trial in arm.trials)
    return PreparationCost(
        made=made,
        num_trials=number,
        per_trial_s=made.seconds / number if number else None,
        alternative=None if made.losses else _alternative(made, arms),
    )


def _alternative(made: Preparation, arms: _Arms) -> Alternative | None:
    """Compared on the users' own data and device only."""
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


def _place(arm: ArmSummary, cost: ArmCost) -> tuple[str, tuple[str, ...]]:
    return arm.entry.dataset, cost.devices


def _has_encoder(arm: ArmSummary) -> bool:
    item = arm.entry.config.item
    return item.text is not None or item.image is not None
