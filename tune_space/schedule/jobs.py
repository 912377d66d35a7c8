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

NUM_STARTUP_TRIALS = 5
"""Random suggestions before TPE takes over; fixed, so that a larger budget continues the search."""
LEAST_ROUNDS = 3
"""In so many rounds at least ``budget.parallel: auto`` lets TPE learn: in a simulation of 24 trials
rounds of a third lost a fifth of a point of HR@10, and one round of all 0.8 (``tests/benchmarks``).
"""


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

    ``auto`` gives each arm that searches its part of the slots, rounded up. A sampler that learns
    from earlier rounds gets some.
    """
    parallel = study.budget.parallel
    if parallel != "auto":
        return parallel
    num_searching = sum(search_budget(study, arm) > 0 for arm in arms)
    if not num_searching:
        return 1
    share = math.ceil(num_slots / num_searching)
    return share if study.sampler != "tpe" else min(share, _largest_of_tpe(study.budget.trials))


def _largest_of_tpe(num_trials: int) -> int:
    return max(NUM_STARTUP_TRIALS, math.ceil(num_trials / LEAST_ROUNDS))


def search_budget(study: StudySpec, arm: Arm) -> int:
    """Search trials that an arm gets: the study's budget, but no more than its space has points."""
    return within_budget(study, num_points(arm))


def within_budget(study: StudySpec, points: int | None) -> int:
    """Search trials of a space with so many points; None: it is endless."""
    return study.budget.trials if points is None else min(study.budget.trials, points)
