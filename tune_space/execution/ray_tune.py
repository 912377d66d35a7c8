"""Ray Tune's hooks into a study: what to start next, when to stop a trial, what became of it.

All are thin: every decision is the conductor's. That lives on the driver alone: what Tune pickles
of these hooks, for a restore that this project never asks for, is empty.
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
    """Stops a study in good order when its folder can no longer be written."""

    def __init__(self) -> None:
        self.error: OSError | None = None

    def guarded(self, act: Callable[[], T], otherwise: T) -> T:
        """``act``; once the disk refused, ``otherwise``. Ray Tune would blame a trial for it."""
        if self.error is None:
            try:
                return act()
            except OSError as error:
                self.error = error
                os.kill(os.getpid(), signal.SIGINT)
        return otherwise


class StudySearcher(_NeverPickled, Searcher):
    """Hands the conductor's jobs to Ray Tune, as many at a time as there are slots and room.

    None while a trial ends, between its record and Ray Tune's giving it up: Ray Tune would reserve
    room for the next trial and cancel that a moment later, when the process of the last one turns
    out to be free, and a reservation cancelled while it is being made loses its CPU for the rest of
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
        self._num_slots = num_slots
        self._admission = admission
        self._started: set[str] = set()

    def suggest(self, trial_id: str) -> dict[str, str] | str | None:
        """The next job, nothing for now, or the end."""
        return self._halt.guarded(lambda: self._suggest(trial_id), None)

    def _suggest(self, trial_id: str) -> dict[str, str] | str | None:
        running = self._conductor.running
        if len(running) >= self._num_slots or len(self._started) > len(running):
            return None
        job = self._conductor.next_job(lambda job: self._admission.fits(job, running.values()))
        if job is None:
            return self.FINISHED if self._conductor.is_finished() else None
        self._started.add(trial_id)
        return {"trial_id": job.trial_id, "job": self._make(job).model_dump_json()}

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """The trial's process is free; the conductor knows its result from the scheduler."""
        self._started.discard(trial_id)

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save: the ledger is the state."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore: the ledger is the state."""


class StudyScheduler(_NeverPickled, FIFOScheduler):
    """Passes epochs, records and deaths of trials on, and stops what the conductor prunes."""

    def __init__(self, conductor: Conductor, is_intact: Callable[[], bool], halt: Halt) -> None:
        super().__init__()
        self._halt = halt
        self._conductor = conductor
        self._is_intact = is_intact

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        """Take in an epoch or, as the last report of a trial, its record."""
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
        """Tell of a trial whose process died or could not be started.

        With the whole session gone that says nothing about the trial.
        """
        trial_id = trial.config["trial_id"]
        if trial_id in self._conductor.running and self._is_intact():
            told = _told_of(trial)
            reason, text = reason_of_loss(told), f"the trial's process was lost: {told}"
            self._halt.guarded(lambda: self._conductor.lose(trial_id, reason, text), None)


def _told_of(trial: Trial) -> str:
    """What Ray tells of a trial's end.

    From the file Ray Tune has just written on this machine; ``trial.get_error`` looks for it in the
    storage, where it arrives with the next of Ray Tune's snapshots, too late.
    """
    path = trial.error_file
    text = Path(path).read_text(errors="replace") if path and Path(path).is_file() else ""
    return text.strip() or "Ray does not say why"


class Display(_NeverPickled, Callback):
    """Refreshes what shows the study's progress whenever Ray Tune has moved on."""

    def __init__(self, *refreshers: Callable[[], None]) -> None:
        self._refreshers = refreshers

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        """Called by Ray Tune after every event, several times a second."""
        for refresh in self._refreshers:
            refresh()
