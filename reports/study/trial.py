"""A trial of a study: what was asked for, and its record if it has one."""

from dataclasses import dataclass
from functools import cached_property

from morec.results import TrialResult, TrialStatus
from tune_space.ledger.manifest import Role
from tune_space.study.domains import Value

MISSING = "missing"


@dataclass(frozen=True)
class Trial:
    """A trial the study asked for, with its record if it has one."""

    trial_id: str
    arm: str
    role: Role
    seed: int
    params: dict[str, Value]
    """The searched values this trial was given."""
    result: TrialResult | None

    @property
    def status(self) -> str:
        """``completed``, ``pruned``, ``failed``, ``collapsed``, or ``missing`` without a record."""
        return str(self.result.status) if self.result else MISSING

    @property
    def is_completed(self) -> bool:
        """Whether the trial trained to its end."""
        return self.result is not None and self.result.status is TrialStatus.COMPLETED

    @cached_property
    def valid_score(self) -> float | None:
        """The selected validation metric at the best epoch, in [0, 1]."""
        return self.result.best_score() if self.result else None

    def test_value(self, metric: str) -> float | None:
        """The metric on the test split, in [0, 1]; None where the trial did not measure it."""
        test = self.result.test if self.result else None
        return test.value(metric) if test else None

    @property
    def seconds(self) -> float | None:
        """Seconds of the trial, even if it failed; None where it recorded no times."""
        if self.result is None:
            return None
        if self.result.cost is not None:
            return self.result.cost.total_s
        spent = sum(epoch.train_s + epoch.eval_s for epoch in self.result.epochs)
        return spent or None
