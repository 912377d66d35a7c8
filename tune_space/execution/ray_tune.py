"""Ray Tune's hooks: they ask the conductor what to start and when to stop, and tell it what ended.

The conductor makes every decision, and exists on the driver alone. Ray Tune pickles its hooks for
a restore, which this project never asks for; these hooks pickle as nothing.
"""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from ray.tune import Callback
from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from morec.ray_train import TrialJob
from morec.results import Cost, EpochRecord, Reason, TrialResult
from tune_space.capacity.admission import MemoryAdmission
from tune_space.execution.failures import reason_of_loss
from tune_space.schedule.conductor import Conductor
from tune_space.schedule.jobs import Job

T = TypeVar("T")
CONTINUE: str = TrialScheduler.CONTINUE
STOP: str = TrialScheduler.STOP


class _NeverPickled:
    """Leaves nothing of itself in Ray Tune's snapshots."""

    def __getstate__(self) -> dict[str, Any]:
        return {}


class Halt:
    """Stops a study, as Ctrl-C does, when its folder can no longer be written."""

    def __init__(self) -> None:
        self.error: OSError | None = None

    def guarded(self, act: Callable[[], T], otherwise: T) -> T:
        """The result of ``act``, or ``otherwise`` after the first disk error.

        Ray Tune would take the error for a failure of the trial.
        """
        if self.error is None:
            try:
                return act()
            except OSError as error:
                self.error = error
                os.kill(os.getpid(), signal.SIGINT)
        return otherwise


class StudySearcher(_NeverPickled, Searcher):
    """Hands the conductor's jobs to Ray Tune, as many at a time as slots and memory allow.

    It hands out nothing between a trial's record and the moment when Ray Tune frees the trial's
    process. Ray Tune would reserve CPUs for the next trial and cancel the reservation when the
    process is free. A reservation that is cancelled while it is made loses its CPU for the rest of
    the session (seen with Ray 2.60).
    """

    def __init__(
        self,
        conductor: Conductor,
        make: Callable[[Job], TrialJob],
        num_slots: int,
        admission: MemoryAdmission,
        halt: Halt,
    ) -> None:
        super().__init__()
        self._halt = halt
        self._conductor = conductor
        self._make = make
        self.num_slots = num_slots
        self._admission = admission
        self._started: set[str] = set()

    def suggest(self, trial_id: str) -> dict[str, str] | str | None:
        """The next job, None if none may start now, or ``FINISHED``."""
        return self._halt.guarded(lambda: self._suggest(trial_id), None)

    def _suggest(self, trial_id: str) -> dict[str, str] | str | None:
        running = self._conductor.running
        if len(running) >= self.num_slots or len(self._started) > len(running):
            return None
        job = self._conductor.next_job(lambda job: self._admission.fits(job, running.values()))
        if job is None:
            return self.FINISHED if self._conductor.is_finished() else None
        self._started.add(trial_id)
        return {"trial_id": job.trial_id, "job": self._make(job).model_dump_json()}

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Note that the trial's process is free; the scheduler has passed on the result."""
        self._started.discard(trial_id)

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save: the ledger is the state."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore: the ledger is the state."""


class StudyScheduler(_NeverPickled, FIFOScheduler):
    """Passes trials' epochs, records and losses to the conductor; stops what it prunes."""

    def __init__(self, conductor: Conductor, is_intact: Callable[[], bool], halt: Halt) -> None:
        super().__init__()
        self._halt = halt
        self._conductor = conductor
        self._is_intact = is_intact

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        """Pass on a trial's report: its epochs so far or, at its end, its record."""
        return self._halt.guarded(lambda: self._take_in(trial, result), CONTINUE)

    def _take_in(self, trial: Trial, result: dict[str, Any]) -> str:
        trial_id = trial.config["trial_id"]
        if trial_id not in self._conductor.running:
            return CONTINUE
        if "result" in result:
            self._end(TrialResult.model_validate_json(result["result"]))
            return CONTINUE
        records = json.loads(result["epochs"])
        epochs = tuple(EpochRecord.model_validate(record) for record in records)
        cost = Cost.model_validate_json(result["cost"])
        if self._conductor.report(trial_id, epochs, cost):
            self._conductor.prune(trial_id)
            return STOP
        return CONTINUE

    def _end(self, result: TrialResult) -> None:
        if result.reason is Reason.NO_DISK:
            last_line = (result.error or "").strip().splitlines()[-1]
            raise OSError(f"a trial could not write: {last_line}")
        self._conductor.finish(result)

    def on_trial_error(self, tune_controller: Any, trial: Trial) -> None:
        """Pass on that a trial's process died or could not be started.

        If the whole Ray session is gone, the error says nothing about the trial.
        """
        trial_id = trial.config["trial_id"]
        if trial_id in self._conductor.running and self._is_intact():
            message = _read_error(trial)
            reason, text = reason_of_loss(message), f"the trial's process was lost: {message}"
            self._halt.guarded(lambda: self._conductor.lose(trial_id, reason, text), None)


def _read_error(trial: Trial) -> str:
    """Ray's message about a trial's end, from the file that Ray Tune has just written here.

    ``trial.get_error`` reads the copy in the storage, which Ray Tune writes later.
    """
    path = trial.error_file
    text = Path(path).read_text(errors="replace") if path and Path(path).is_file() else ""
    return text.strip() or "Ray does not say why"


class Display(_NeverPickled, Callback):
    """Refreshes the terminal and the report after every event of Ray Tune."""

    def __init__(self, *refreshers: Callable[[], None]) -> None:
        self._refreshers = refreshers

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        """Refresh; Ray Tune calls this several times a second."""
        for refresh in self._refreshers:
            refresh()
