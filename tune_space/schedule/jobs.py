"""One trial to run, and how it gets its identity."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from morec.config import TrialConfig
from tune_space.ledger.manifest import Role
from tune_space.study.arm import Arm
from tune_space.study.points import num_points
from tune_space.study.spec import StudySpec

Sources = Callable[[TrialConfig], Mapping[str, str]]
"""Hashes of the data and weights that a configuration points at, as they are now."""


@dataclass(frozen=True)
class Job:
    """One trial to run."""

    trial_id: str
    arm: str
    role: Role
    config: TrialConfig
    sources: Mapping[str, str]

    @classmethod
    def of(cls, arm: str, role: Role, config: TrialConfig, sources: Sources) -> "Job":
        """The job of a configuration; its identity covers the data and weights too."""
        found = sources(config)
        return cls(config.trial_id(found), arm, role, config, found)


def round_size(study: StudySpec, arms: Sequence[Arm], num_slots: int) -> int:
    """Search trials of one arm that are chosen together: ``budget.parallel``.

    ``auto`` gives each arm that searches its part of the slots, rounded up.
    """
    parallel = study.budget.parallel
    if parallel != "auto":
        return parallel
    num_searching = sum(search_budget(study, arm) > 0 for arm in arms)
    return max(1, math.ceil(num_slots / num_searching)) if num_searching else 1


def search_budget(study: StudySpec, arm: Arm) -> int:
    """Search trials that an arm gets: the study's budget, but no more than its space has points."""
    return within_budget(study, num_points(arm))


def within_budget(study: StudySpec, points: int | None) -> int:
    """Search trials of a space with so many points; None: it is endless."""
    return study.budget.trials if points is None else min(study.budget.trials, points)
