"""Trains one recorded trial again, from its record alone, and compares; the ledger is not changed.

On the CPU, with the recorded number of threads, every loss and metric comes out the same.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from morec.checkpoints import Checkpoints
from morec.errors import DataError, ExitCode, did_you_mean
from morec.late_fusion import run_any_trial
from morec.results import Cost, EpochRecord, TrialResult, TrialStatus
from tune_space.commands.recorded import (
    check_schema,
    check_sources,
    differences,
    recorded_inputs,
)
from tune_space.commands.request import Answer, StudyRequest
from tune_space.inputs.prepare import Prepared
from tune_space.ledger.records import Ledger
from tune_space.study.spec import ResourcesSpec


def answer(request: StudyRequest) -> Answer:
    """Train the trial after ``--reproduce`` again; ``FAILED`` if a number differs."""
    prepared = Prepared.beside(request.out, request.root)
    return reproduce(request.argument, Ledger(request.out), prepared)


def reproduce(trial_id: str, ledger: Ledger, prepared: Prepared) -> Answer:
    """Train a recorded trial again, in this process, and name the first number that differs.

    Raises:
        DataError: there is no such record, it has no epochs or is of another schema, or its data or
            weights are not the current ones.
    """
    record = _record(trial_id, ledger)
    check_sources(record, prepared.sources(record.config))
    manifest = ledger.read_manifest()
    resources = manifest.study.resources if manifest else ResourcesSpec()
    again = _train(record, prepared, resources)
    if difference := next(differences(record, again), None):
        line = f"reproduce: {trial_id}: differs at {difference}"
        return Answer((line,), exit_code=ExitCode.FAILED)
    return Answer((f"reproduce: {trial_id}: identical over {len(record.epochs)} epochs",))


def _record(trial_id: str, ledger: Ledger) -> TrialResult:
    record = ledger.read(trial_id)
    if record is None:
        known = ledger.recorded()
        near = did_you_mean(trial_id, known)
        raise DataError(
            f"--reproduce: {ledger.trials_folder} has no record of {trial_id!r}.{near} "
            f"It has {len(known)} records"
        )
    if not record.epochs:
        raise DataError(f"--reproduce: {trial_id} {record.status} before its first epoch ended")
    check_schema(record, "--reproduce")
    return record


def _train(record: TrialResult, prepared: Prepared, resources: ResourcesSpec) -> TrialResult:
    """Train for as long as the record says: a pruned trial is stopped after its last epoch."""
    seen: list[tuple[tuple[EpochRecord, ...], Cost]] = []

    def report(epochs: tuple[EpochRecord, ...], cost: Cost) -> None:
        seen.append((epochs, cost))
        if record.status is TrialStatus.PRUNED and len(epochs) >= len(record.epochs):
            raise SystemExit

    with TemporaryDirectory() as folder, recorded_inputs(record, prepared, resources) as inputs:
        try:
            return run_any_trial(
                record.config,
                inputs,
                checkpoints=Checkpoints(Path(folder) / "trial"),
                report=report,
                device="cuda" if resources.gpus else "cpu",
            )
        except SystemExit:
            epochs, cost = seen[-1]
            return record.model_copy(update={"epochs": epochs, "cost": cost})
