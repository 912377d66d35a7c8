"""How a running or stopped study stands, read from its output folder; needs no Ray."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from morec.errors import DataError
from morec.results import TrialResult, TrialStatus
from tune_space.commands.request import Answer, StudyRequest
from tune_space.ledger.layout import CHECKPOINTS
from tune_space.ledger.locks import holder_pid
from tune_space.ledger.records import ArmEntry, Ledger


@dataclass(frozen=True)
class ArmStatus:
    """One arm's trials, of both roles, by how they stand."""

    name: str
    num_done: int
    """Completed, pruned and collapsed trials."""
    num_failed: int
    num_started: int
    """Trials without a record: running if a process holds the folder, else to be continued."""
    is_locked: bool
    best_valid: float | None
    """Best validation score of any trial, in [0, 1]."""


@dataclass(frozen=True)
class Status:
    """A study's output folder at one moment."""

    study: str
    state: str
    """``running``, ``stopped`` (its process is gone), ``interrupted`` or ``finished``."""
    pid: int | None
    """The process that runs the study; None if none does, or if it did not say."""
    select: str
    """The metric of ``best_valid``."""
    elapsed_s: float
    updated_at: str
    arms: tuple[ArmStatus, ...]


@dataclass(frozen=True)
class StatusAnswer(Answer):
    """A status, which is printed as a table."""

    status: Status = field(kw_only=True)


def answer(request: StudyRequest) -> StatusAnswer:
    """Read how the study stands."""
    return StatusAnswer(status=read_status(request.out))


def read_status(folder: Path) -> Status:
    """Read how the study in ``folder`` stands.

    Raises:
        DataError: no study has run there, or its files cannot be read.
    """
    ledger = Ledger(folder)
    manifest = ledger.read_manifest()
    if manifest is None:
        raise DataError(f"{folder}: no study has run here (there is no manifest.json)")
    pid = holder_pid(folder)
    is_gone = manifest.state == "running" and pid is None
    checkpoints = {path.name for path in (folder / CHECKPOINTS).glob("*")}
    started = checkpoints | set(manifest.running)
    records = ledger.read_all()
    return Status(
        study=manifest.study.name,
        state="stopped" if is_gone else manifest.state,
        pid=pid,
        select=manifest.arms[0].config.evaluation.select if manifest.arms else "",
        elapsed_s=manifest.elapsed_s,
        updated_at=manifest.updated_at,
        arms=tuple(_arm_status(entry, records, started) for entry in manifest.arms),
    )


def _arm_status(entry: ArmEntry, records: dict[str, TrialResult], started: set[str]) -> ArmStatus:
    known = [records[i] for i in entry.trial_ids if i in records]
    num_failed = sum(record.status is TrialStatus.FAILED for record in known)
    return ArmStatus(
        name=entry.name,
        num_done=len(known) - num_failed,
        num_failed=num_failed,
        num_started=len(started & set(entry.trial_ids) - records.keys()),
        is_locked=entry.locked is not None,
        best_valid=_best(known),
    )


def _best(records: Sequence[TrialResult]) -> float | None:
    scores = (record.best_score() for record in records)
    return max((score for score in scores if score is not None), default=None)
