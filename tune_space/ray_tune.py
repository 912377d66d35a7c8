"""Ray Tune's hooks into a study: what to start next, when to stop a trial, what became of it.

All are thin: every decision is the conductor's. That lives on the driver alone: what Tune pickles
of these hooks, for a restore that this project never asks for, is empty.
"""

import json
import os
import signal
from collections.abc import Callable
from typing import Any, TypeVar

from ray.tune import Callback
from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from morec.ray_train import TrialJob
from morec.results import Cost, EpochRecord, TrialResult
from tune_space.concurrency import Room
from tune_space.conductor import Conductor, Job

T = TypeVar("T")
CONTINUE: str = TrialScheduler.CONTINUE
STOP: str = TrialScheduler.STOP
SWITCHES = {
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.2",
    # Idle OpenMP threads that spin slow down the trials beside them (measured: up to 10 times).
    "OMP_WAIT_POLICY": "PASSIVE",
}
"""Environment of the processes that run trials, where nobody has set it otherwise."""


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
        room: Room,
        halt: Halt,
    ) -> None:
        super().__init__()
        self._halt = halt
        self._conductor = conductor
        self._make = make
        self._num_slots = num_slots
        self._room = room
        self._started: set[str] = set()

    def suggest(self, trial_id: str) -> dict[str, str] | str | None:
        """The next job, nothing for now, or the end."""
        return self._halt.guarded(lambda: self._suggest(trial_id), None)

    def _suggest(self, trial_id: str) -> dict[str, str] | str | None:
        running = self._conductor.running
        if len(running) >= self._num_slots or len(self._started) > len(running):
            return None
        job = self._conductor.next_job(lambda job: self._room.fits(job, running.values()))
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
            self._conductor.ended(TrialResult.model_validate_json(result["result"]))
            return CONTINUE
        records = json.loads(result["epochs"])
        epochs = tuple(EpochRecord.model_validate(record) for record in records)
        cost = Cost.model_validate_json(result["cost"])
        if self._conductor.progressed(trial_id, epochs, cost):
            self._conductor.pruned(trial_id)
            return STOP
        return CONTINUE

    def on_trial_error(self, tune_controller: Any, trial: Trial) -> None:
        """Tell of a trial whose process died or could not be started.

        With the whole session gone that says nothing about the trial.
        """
        trial_id = trial.config["trial_id"]
        if trial_id in self._conductor.running and self._is_intact():
            error = trial.get_error()
            reason = f"the trial's process was lost: {error}"
            self._halt.guarded(lambda: self._conductor.lost(trial_id, reason), None)


class Display(_NeverPickled, Callback):
    """Refreshes what shows the study's progress whenever Ray Tune has moved on."""

    def __init__(self, *refreshers: Callable[[], None]) -> None:
        self._refreshers = refreshers

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        """Called by Ray Tune after every event, several times a second."""
        for refresh in self._refreshers:
            refresh()


def quieten() -> None:
    """Set Ray's switches, before it is initialised, so that only our display speaks."""
    os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"
    os.environ["RAY_AIR_NEW_OUTPUT"] = "0"
    os.environ["TUNE_GLOBAL_CHECKPOINT_S"] = "3600"
    for name, value in SWITCHES.items():
        os.environ.setdefault(name, value)
