"""The progress of a study, running or not, read from its output folder; needs no Ray."""

from dataclasses import dataclass
from pathlib import Path

from morec.results import TrialStatus
from tune_space.capacity.busyness import format_competition
from tune_space.commands.request import Answer, StudyRequest
from tune_space.ledger.locks import holder_pid
from tune_space.ledger.manifest import ArmEntry
from tune_space.ledger.records import Ledger
from tune_space.schedule.arm_plan import ArmTrials, State, TrialStates, plan_arm
from tune_space.study.spec import StudySpec


@dataclass(frozen=True)
class ArmStatus:
    """How many of one arm's trials, of both roles, are done, failed or started."""

    name: str
    num_done: int
    """Completed, pruned and collapsed trials."""
    num_failed: int
    num_started: int
    """Trials begun and without a record: they run, or the next run continues them."""
    is_locked: bool
    best_valid: float | None
    """Best validation score of any trial, in [0, 1]."""


@dataclass(frozen=True, kw_only=True)
class Status(Answer):
    """The progress of a study at one moment, which is printed as a table before the lines."""

    study: str
    state: str
    """``running``, ``stopped`` (its process is gone), ``interrupted`` or ``finished``."""
    pid: int | None
    """The process that runs the study; None if none does, or if its pid cannot be read."""
    select: str
    """The metric of ``best_valid``."""
    elapsed_s: float
    updated_at: str
    arms: tuple[ArmStatus, ...]


def answer(request: StudyRequest) -> Status:
    """Read how the study stands."""
    return read_status(request.out)


def read_status(folder: Path) -> Status:
    """Read the progress of the study in ``folder``.

    Raises:
        DataError: no study has run there, or its files cannot be read.
    """
    ledger = Ledger(folder)
    manifest = ledger.manifest()
    pid = holder_pid(folder)
    competition = format_competition(pid) if pid else None
    by = manifest.interrupted_by and f"interrupted by: {manifest.interrupted_by}"
    is_gone = manifest.state == "running" and pid is None
    states = TrialStates.read(ledger, manifest)
    return Status(
        lines=tuple(filter(None, (by, competition))),
        study=manifest.study.name,
        state="stopped" if is_gone else manifest.state,
        pid=pid,
        select=manifest.arms[0].config.evaluation.select if manifest.arms else "",
        elapsed_s=manifest.elapsed_s,
        updated_at=manifest.updated_at,
        arms=tuple(_arm_status(entry, manifest.study, states) for entry in manifest.arms),
    )


def _arm_status(entry: ArmEntry, study: StudySpec, states: TrialStates) -> ArmStatus:
    known = [states.records[i] for i in entry.trial_ids if i in states.records]
    scores = [score for record in known if (score := record.best_score()) is not None]
    plan = plan_arm(ArmTrials.of_entry(entry, study), states)
    num_failed = sum(record.status is TrialStatus.FAILED for record in known)
    return ArmStatus(
        name=entry.name,
        num_done=len(known) - num_failed,
        num_failed=num_failed,
        num_started=sum(counts.get(State.CONTINUE, 0) for counts in (plan.search, plan.final)),
        is_locked=entry.locked is not None,
        best_valid=max(scores, default=None),
    )
