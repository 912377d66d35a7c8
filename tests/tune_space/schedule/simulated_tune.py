"""Ray Tune on a simulated cluster: nodes with slots, processes that train, end and are lost.

It calls the project's own hooks as Ray Tune does. Checkpoints are real files. Time is a number that
jumps from one event to the next.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from morec.config.ensemble import member_sources
from morec.results import Reason, TrialResult, TrialStatus
from morec.watchdog import NOTE
from tests.tune_space.made_up_trials import COST
from tests.tune_space.schedule.simulated_fates import HANGS, KILLED_FOR_MEMORY, LOST, Fate
from tune_space.execution.failures import KILLED_FOR_MEMORY as RAY_SAYS
from tune_space.execution.ray_tune import STOP, StudyScheduler, StudySearcher
from tune_space.schedule.conductor import Conductor
from tune_space.schedule.jobs import Job

if TYPE_CHECKING:
    from tests.tune_space.schedule.simulated_machine import Machine

_COST = COST.model_dump_json()


@dataclass
class Process:
    """One trial in one slot; also what Ray Tune's hooks see as its trial."""

    tune_id: str
    job: Job
    node: int
    fate: Fate
    checkpoint: Path
    error_file: str
    num_epochs: int = 0
    """Epochs trained, those before an interruption included."""
    is_running: bool = True
    config: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.config = {"trial_id": self.job.trial_id}

    def load(self) -> None:
        """Go on from the checkpoint, if there is one."""
        if self.checkpoint.exists():
            self.num_epochs = int(self.checkpoint.read_text())

    def train(self) -> None:
        """One epoch, and its checkpoint."""
        self.num_epochs += 1
        self.checkpoint.parent.mkdir(parents=True, exist_ok=True)
        self.checkpoint.write_text(str(self.num_epochs))

    @property
    def is_trained(self) -> bool:
        """Whether no epoch is left."""
        return self.num_epochs >= len(self.fate.scores)


class SimulatedTuner:
    """Stands where ``ray.tune.Tuner`` stands; ``fit`` runs one session."""

    def __init__(
        self,
        machine: "Machine",
        searcher: StudySearcher,
        scheduler: StudyScheduler,
        conductor: Conductor,
    ) -> None:
        self.machine = machine
        self.conductor = conductor
        self.processes: dict[str, Process] = {}
        self._draw: Random = machine.draw
        self._searcher = searcher
        self._scheduler = scheduler
        self._events: list[tuple[float, int, Process, Callable[[Process], None]]] = []
        self._numbers = count()
        self._is_over = False

    def fit(self) -> None:
        """Run trials until the searcher has no more, or a signal came."""
        machine = self.machine
        machine.tuner = self
        grace = self._draw.randint(0, 3)
        while True:
            if machine.is_signalled:
                grace -= 1
                if grace < 0 or not self._events:
                    return
            else:
                self._fill()
            if not self._events and not machine.is_signalled:
                assert self._is_over, "nothing runs, and the study is not over: it would hang"
                return
            if self._events:
                machine.clock, _, process, step = heapq.heappop(self._events)
                if process.is_running or step == self._free:
                    step(process)
                machine.after_event()

    def lose_node(self) -> None:
        """Every process on one of the nodes dies."""
        node = self._draw.randrange(self.machine.num_nodes)
        for process in [one for one in self.processes.values() if one.node == node]:
            self.lose(process, "its node died")

    def lose(self, process: Process, message: str) -> None:
        """A process ends without a word; Ray Tune has ``message`` for it."""
        if not process.is_running:
            return
        process.is_running = False
        Path(process.error_file).write_text(message)
        self._scheduler.on_trial_error(None, process)  # type: ignore[arg-type]
        self._searcher.on_trial_complete(process.tune_id, error=True)
        self.processes.pop(process.tune_id, None)

    def train_on(self) -> None:
        """The driver is gone: some processes train up to three more epochs before they notice."""
        for process in self.processes.values():
            for _ in range(self._draw.choice([0, 1, 2, 3])):
                if process.is_running and not process.is_trained:
                    process.train()
                    self.machine.saved[process.job.trial_id] = process.num_epochs

    def _later(self, process: Process, step: Callable[[Process], None], longest_s: float) -> None:
        time = self.machine.clock + self._draw.uniform(0, longest_s)
        heapq.heappush(self._events, (time, next(self._numbers), process, step))

    def _fill(self) -> None:
        while not self._is_over and not self.machine.is_signalled:
            tune_id = f"tune{next(self._numbers)}"
            found: Any = self._searcher.suggest(tune_id)
            if found is None:
                return
            if found == StudySearcher.FINISHED:
                self._is_over = True
                return
            self._start(tune_id, self.conductor.running[found["trial_id"]])

    def _start(self, tune_id: str, job: Job) -> None:
        machine = self.machine
        process = Process(
            tune_id=tune_id,
            job=job,
            node=len(self.processes) % machine.num_nodes,
            fate=machine.fates.of(job.config, job.sources),
            checkpoint=self.conductor.checkpoints.of(job.trial_id).path,
            error_file=str(machine.folder / "error.txt"),
        )
        machine.started(process, self.conductor)
        self.processes[tune_id] = process
        self._later(process, self._begin, 60)

    def _begin(self, process: Process) -> None:
        """The process is there: it reports what its checkpoint holds and begins an epoch."""
        process.load()
        if process.num_epochs and not process.job.config.ensemble and self._report(process):
            return
        self._go_on(process)

    def _go_on(self, process: Process) -> None:
        self._later(process, self._end if process.is_trained else self._epoch, 400)

    def _epoch(self, process: Process) -> None:
        process.train()
        self.machine.saved[process.job.trial_id] = process.num_epochs
        if process.job.config.ensemble or not self._report(process):
            self._go_on(process)

    def _report(self, process: Process) -> bool:
        """Report the epochs so far; True if Ray Tune stops the trial for it."""
        report = {"epochs": process.fate.reports[process.num_epochs - 1], "cost": _COST}
        answer = self._scheduler.on_trial_result(None, process, report)  # type: ignore[arg-type]
        if answer == STOP:
            process.is_running = False
            self._later(process, self._free, 5)
        return answer == STOP

    def _end(self, process: Process) -> None:
        """The trial is over: by its record, or by what Ray says of its process."""
        if process.fate.end == HANGS:
            (process.checkpoint.parent / NOTE).write_text("hung here")
        if process.fate.end in (LOST, KILLED_FOR_MEMORY, HANGS):
            self._later(process, self._die, 5)
        else:
            self._send(process, self.machine.fates.record(process.job))

    def _die(self, process: Process) -> None:
        is_memory = process.fate.end == KILLED_FOR_MEMORY
        self.lose(process, RAY_SAYS if is_memory else "the process died")

    def _send(self, process: Process, record: TrialResult) -> None:
        if record.status is TrialStatus.COMPLETED and record.test is not None:
            self.machine.counts["looks at a test split"] += 1
        if self.machine.refuses_checkpoint():
            record = TrialResult(
                trial_id=record.trial_id,
                config=record.config,
                sources=record.sources,
                status=TrialStatus.FAILED,
                reason=Reason.NO_DISK,
                error="OSError: no space left on device",
            )
        process.is_running = False
        result = {"result": record.model_dump_json()}
        self._scheduler.on_trial_result(None, process, result)  # type: ignore[arg-type]
        self._later(process, self._free, 5)

    def _free(self, process: Process) -> None:
        """The process of an ended trial is free for the next one."""
        self._searcher.on_trial_complete(process.tune_id)
        self.processes.pop(process.tune_id, None)


def member_ids(job: Job) -> list[str]:
    """The trials whose checkpoints a late fusion reads."""
    return [
        one.trial_id(member_sources(job.sources, number))
        for number, one in enumerate(job.config.ensemble, start=1)
    ]
