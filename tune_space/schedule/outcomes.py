"""What came of the trials of a running study: their records, their reports, their failures."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from morec.results import Cost, EpochRecord, Reason, TrialResult, TrialStatus, utc_now
from morec.trial_code import trial_code
from morec.trial_log import log_tail
from morec.watchdog import hang_note
from tune_space.schedule.arm_plan import TrialStates, failed_ids
from tune_space.schedule.jobs import Job

REPEATABLE = (Reason.PROCESS_LOST, Reason.HOST_MEMORY)
"""Failures that the rest of the machine had a part in, so that the same trial may well succeed."""
MAX_ATTEMPTS = 3
"""How often a trial is run before such a failure is recorded."""


class Outcomes:
    """The records of a study and, of trials without one, what is known so far."""

    def __init__(self, records: Mapping[str, TrialResult], *, retry_failed: bool = False) -> None:
        self.records = dict(records)
        self.failures: Counter[str] = Counter()
        """How often a trial failed for one of the ``REPEATABLE`` reasons, by trial id."""
        self._to_retry = failed_ids(records, retry_failed)
        self._reports: dict[str, tuple[tuple[EpochRecord, ...], Cost]] = {}
        self.states = TrialStates(self.records, to_retry=self._to_retry)
        """A view that follows every change."""

    def report(self, trial_id: str, epochs: tuple[EpochRecord, ...], cost: Cost) -> None:
        """Keep a running trial's epochs so far."""
        self._reports[trial_id] = (epochs, cost)

    def num_epochs(self, trial_id: str) -> int:
        """Epochs that a running trial has reported."""
        return len(self._reports[trial_id][0]) if trial_id in self._reports else 0

    def is_repeated(self, result: TrialResult) -> bool:
        """Count a failure that may not happen again; True if the trial is to run once more."""
        if result.reason not in REPEATABLE:
            return False
        self.failures[result.trial_id] += 1
        return self.failures[result.trial_id] < MAX_ATTEMPTS

    def add(self, result: TrialResult) -> None:
        """Take in a record."""
        self.records[result.trial_id] = result
        self._to_retry.discard(result.trial_id)

    def make_record(self, job: Job, status: TrialStatus, **fields: Any) -> TrialResult:
        """The record of a trial that did not write its own, with what it reported."""
        epochs, cost = self._reports.get(job.trial_id, ((), None))
        return TrialResult(
            trial_id=job.trial_id,
            config=job.config,
            sources=dict(job.sources),
            status=status,
            epochs=epochs,
            cost=cost,
            code=trial_code(job.config),
            finished_at=utc_now(),
            **fields,
        )


def explain_loss(
    folder: Path, reason: Reason, error: str, silence_minutes: float | None
) -> dict[str, Any]:
    """Fields of a lost trial's record: why it ended, and the last lines that it printed.

    The watchdog leaves a note in the trial's ``folder``: then the trial hung, and would do so
    again. Without a watchdog (``silence_minutes`` is None) the note is an earlier run's.
    """
    if (hang := hang_note(folder)) and silence_minutes is not None:
        error = f"no epoch ended within {silence_minutes:g} minutes; it hung here:\n{hang}"
        reason = Reason.HUNG
    return {"reason": reason, "error": error, "log_tail": log_tail(folder)}
