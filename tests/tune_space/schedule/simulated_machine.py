"""A simulated machine for ``morec``: its clock, its disk, what goes wrong, and what must not.

The command line, the runner, the hooks of Ray Tune, the conductor and the ledger are the real ones,
in a real folder. Simulated are Ray, the trials, the data, the clock and the disk's errors.
"""

import errno
import signal
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from morec.results import TrialStatus
from tests.tune_space.schedule.ledger_watch import LedgerWatch
from tests.tune_space.schedule.simulated_fates import Fates
from tests.tune_space.schedule.simulated_tune import Process, SimulatedTuner, member_ids
from tune_space.schedule.conductor import Conductor
from tune_space.schedule.outcomes import MAX_ATTEMPTS
from tune_space.study.arm import Arm

ACCIDENTS = ("a process is lost", "a process is killed for memory", "a node is lost")


class Killed(BaseException):
    """The driver is gone, at this very moment."""


class SessionLost(BaseException):
    """The driver ended itself because its Ray session died; it exits with 3."""


@dataclass
class Hazard:
    """What ends a run early, and when."""

    kind: str
    """``kill``, ``full disk``, ``full for a moment``, ``refused checkpoint``, ``SIGTERM``,
    ``SIGINT``, ``Ctrl-C``, ``session lost``, or ``none``."""
    at: int
    """The first three: the change of the disk. The others: the event of the cluster."""
    has_struck: bool = False


@dataclass
class Machine:
    """One machine, from the first run of a study to its last."""

    folder: Path
    fates: Fates
    draw: Random
    num_slots: int = 1
    num_nodes: int = 1
    num_bytes: int = 100
    """Memory, in trials."""
    data: str = "d0"
    """Version of the data."""
    accident_rate: float = 0.0
    clock: float = 0.0
    hazard: Hazard = field(default_factory=lambda: Hazard("none", 0))
    watch: LedgerWatch = field(init=False)
    tuner: SimulatedTuner | None = None
    counts: Counter[str] = field(default_factory=Counter)
    saved: dict[str, int] = field(default_factory=dict)
    """Trial without a record -> epochs in its last checkpoint."""
    fused: set[str] = field(default_factory=set)
    """Trials whose checkpoints a late fusion of the running study will read."""
    is_signalled: bool = False
    is_dead: bool = False
    arms: Sequence[Arm] = ()
    """Of the study that is run, those that ``--only`` leaves out included."""
    log: list[str] = field(default_factory=list)
    """What happened, a line each."""
    second_start: Callable[[], None] | None = None
    """Starts the study a second time; called at most once a run."""
    _began_at: float = 0.0
    _num_changes: int = 0
    _num_events: int = 0
    _accidents: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.watch = LedgerWatch(self.folder)

    def boot(self, hazard: Hazard, second_start: Callable[[], None] | None) -> None:
        """Forget the last run."""
        self.hazard, self.second_start = hazard, second_start
        self.is_signalled = self.is_dead = False
        self.tuner, self._began_at = None, self.clock
        self._num_changes = self._num_events = 0
        self._accidents.clear()

    def started(self, process: Process, conductor: Conductor) -> None:
        """Note that a trial starts; nothing is run twice, and no epoch of it is lost."""
        job, saved = process.job, self.saved.get(process.job.trial_id)
        self.watch.check_start(job.trial_id)
        hours = conductor.study.budget.hours
        is_late = hours is not None and self.clock - self._began_at > hours * 3600
        assert not is_late, f"{job.trial_id} starts after budget.hours"
        self.counts["trials started"] += 1
        if saved is not None:
            assert process.checkpoint.exists(), f"{job.trial_id}: its checkpoint is gone"
            self.counts["trials continued from a checkpoint"] += 1
        for one in member_ids(job):
            has_checkpoint = conductor.checkpoints.of(one).path.exists()
            self.counts["members trained again"] += not has_checkpoint
            assert has_checkpoint or one not in self.fused, f"{job.trial_id}: {one} is gone"

    def after_event(self) -> None:
        """Check the ledger; then things happen."""
        self._num_events += 1
        self.take_in_records()
        if not self.hazard.has_struck:
            self.watch.check_running()
        if self.second_start and self.draw.random() < 0.1:
            second, self.second_start = self.second_start, None
            second()
        if self.tuner and self.tuner.processes and self.draw.random() < self._accident_rate():
            self._have_accident(self.tuner)
        if self.hazard.at <= self._num_events and not self.hazard.has_struck:
            self._strike()

    def refuses_checkpoint(self) -> bool:
        """Whether the disk is full at the moment when a trial writes its last checkpoint."""
        hazard = self.hazard
        is_due = hazard.kind == "refused checkpoint" and hazard.at <= self._num_events
        if is_due and not hazard.has_struck:
            self._count_hazard()
            return True
        return False

    def changes_disk(self) -> None:
        """Called before every change of a file: the disk may be full, the driver may be dead."""
        if self.is_dead:
            raise Killed
        hazard, self._num_changes = self.hazard, self._num_changes + 1
        if hazard.at > self._num_changes or hazard.kind not in (
            "kill",
            "full disk",
            "full for a moment",
        ):
            return
        if hazard.kind == "kill":
            self._count_hazard()
            self.is_dead = True
            raise Killed
        if hazard.kind == "full disk" or not hazard.has_struck:
            if not hazard.has_struck:
                self._count_hazard()
            raise OSError(errno.ENOSPC, "No space left on device")

    def end(self) -> None:
        """The driver is gone; what was written last is looked at."""
        if self.tuner:
            self.tuner.train_on()
        self.take_in_records()

    def take_signal(self) -> None:
        """SIGINT, on which Ray Tune stops in order."""
        self.is_signalled = True

    def is_intact(self) -> bool:
        """Whether the Ray session lives."""
        return not (self.hazard.kind == "session lost" and self.hazard.has_struck)

    def take_in_records(self) -> None:
        """Look at what was recorded since the last call."""
        for record in self.watch.take_in():
            self.saved.pop(record.trial_id, None)
            self.counts[f"records: {record.reason or record.status}"] += 1
            is_read = record.status is TrialStatus.COMPLETED and record.config.evaluation.test
            if is_read and self.tuner and not record.config.ensemble:
                self._promise(record.trial_id, self.tuner.conductor)

    def _promise(self, trial_id: str, conductor: Conductor) -> None:
        """The checkpoint of a member must stay for the late fusions that read it."""
        entries = {entry.name: entry for entry in conductor.manifest.arms}
        for arm in (one for one in self.arms if one.members):
            final = entries[arm.name].final
            is_open = not final or any(i not in self.watch.records for i in final)
            if is_open and any(trial_id in entries[one.name].final for one in arm.members):
                self.fused.add(trial_id)

    def _accident_rate(self) -> float:
        """A session that will die goes badly before: trials are in their last attempt by then."""
        return 0.5 if self.hazard.kind == "session lost" else self.accident_rate

    def _have_accident(self, tuner: SimulatedTuner) -> None:
        kind = self.draw.choice(ACCIDENTS)
        struck = list(tuner.processes.values())
        if kind != "a node is lost":
            struck = [self.draw.choice(struck)]
        ids = [one.job.trial_id for one in struck]
        if any(self._accidents[i] >= MAX_ATTEMPTS - 1 for i in ids):
            return
        self._accidents.update(ids)
        self.counts[kind] += 1
        if kind == "a node is lost":
            tuner.lose_node()
        else:
            memory = "the node was running low on memory"
            tuner.lose(struck[0], memory if "memory" in kind else "killed by signal 9")
        self.take_in_records()

    def _count_hazard(self) -> None:
        self.hazard.has_struck = True
        self.counts[f"run ended by: {self.hazard.kind}"] += 1

    def _strike(self) -> None:
        kind = self.hazard.kind
        if kind not in ("SIGTERM", "SIGINT", "Ctrl-C", "session lost"):
            return
        self._count_hazard()
        if kind == "SIGTERM":
            signal.raise_signal(signal.SIGTERM)
        elif kind == "SIGINT":
            self.is_signalled = True
        elif kind == "Ctrl-C":
            raise KeyboardInterrupt
        else:
            self._lose_session()

    def _lose_session(self) -> None:
        """As ``ray_watch`` does: processes die, nothing of it is the trials' fault, the end."""
        assert self.tuner is not None
        for process in list(self.tuner.processes.values()):
            self.tuner.lose(process, "the session died")
        self.tuner.conductor.writer.ledger.interrupt("Ray's raylet is gone")
        self.is_dead = True
        raise SessionLost
