"""Trains one recorded trial again, from its record alone, and compares; the ledger is not changed.

On the CPU, with the recorded number of threads, every loss and metric comes out the same.
"""

from collections.abc import Iterator, Mapping
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from morec.checkpoints import Checkpoints
from morec.errors import DataError, ExitCode, did_you_mean
from morec.late_fusion import run_any_trial
from morec.metrics import NEVER_FOUND
from morec.results import Cost, EpochRecord, Evaluation, TrialResult, TrialStatus
from morec.trial import TrialInputs
from tune_space.commands.audit_lists import kept_items
from tune_space.commands.request import Answer, StudyRequest
from tune_space.inputs.prepare import Prepared
from tune_space.ledger.locks import shared
from tune_space.ledger.provenance import other_schema
from tune_space.ledger.records import Ledger
from tune_space.study.spec import ResourcesSpec

_COUNTS = ("num_users", "num_tied", "num_forced_misses")


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
    _check_sources(record, prepared.sources(record.config))
    manifest = ledger.read_manifest()
    resources = manifest.study.resources if manifest else ResourcesSpec()
    again = _train(record, prepared, resources)
    if difference := next(_differences(record, again), None):
        line = f"reproduce: {trial_id}: differs at {difference}"
        return Answer((line,), exit_code=ExitCode.FAILED)
    return Answer((f"reproduce: {trial_id}: identical over {len(record.epochs)} epochs",))


def _differences(record: TrialResult, again: TrialResult) -> Iterator[str]:
    """Every number of a record that training again did not give, in the order of training."""
    for epochs in zip(record.epochs, again.epochs, strict=False):
        then, now = ({"train_loss": epoch.train_loss, **epoch.valid} for epoch in epochs)
        yield from _differing(f"epoch {epochs[0].epoch}", then, now)
    if len(again.epochs) != len(record.epochs):
        yield f"the number of epochs: {len(record.epochs)} in the record, {len(again.epochs)} now"
    if record.status is TrialStatus.PRUNED:
        return  # Only its arm can stop a trial early: without one it goes on to another status.
    if record.status is not again.status:
        yield f"its status: {record.status} in the record, {again.status} now"
    if record.best_epoch != again.best_epoch:
        yield f"the best epoch: {record.best_epoch} in the record, {again.best_epoch} now"
    for split in ("valid", "test"):
        yield from _differing(split, *(_plain(getattr(r, split)) for r in (record, again)))


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
    for line in other_schema([record]):
        raise DataError(f"--reproduce: {trial_id}: {line}")
    return record


def _check_sources(record: TrialResult, current: Mapping[str, str]) -> None:
    names = sorted(record.sources.keys() | current.keys())
    wrong = [
        f"{record.trial_id}: {name}: the record was made with {record.sources.get(name)}, "
        f"the current one is {current.get(name)}"
        for name in names
        if record.sources.get(name) != current.get(name)
    ]
    if wrong:
        raise DataError("\n".join(wrong))


def _train(record: TrialResult, prepared: Prepared, resources: ResourcesSpec) -> TrialResult:
    """Train for as long as the record says: a pruned trial is stopped after its last epoch."""
    seen: list[tuple[tuple[EpochRecord, ...], Cost]] = []

    def report(epochs: tuple[EpochRecord, ...], cost: Cost) -> None:
        seen.append((epochs, cost))
        if record.status is TrialStatus.PRUNED and len(epochs) >= len(record.epochs):
            raise SystemExit

    torch.set_num_threads(resources.cpus)
    store = prepared.store.folder
    with shared(store), TemporaryDirectory() as folder, chdir(prepared.root):
        try:
            dataset = prepared.dataset(record.config)
            return run_any_trial(
                record.config,
                TrialInputs(dataset, prepared.store, record.sources, _num_kept(record)),
                checkpoints=Checkpoints(Path(folder) / "trial"),
                report=report,
                device="cuda" if resources.gpus else "cpu",
            )
        except SystemExit:
            epochs, cost = seen[-1]
            return record.model_copy(update={"epochs": epochs, "cost": cost})


def _num_kept(record: TrialResult) -> int:
    """The users whose lists the record keeps."""
    kept = record.test.kept_lists if record.test else None
    return kept.num_users if kept else 0


def _plain(evaluation: Evaluation | None) -> dict[str, Any]:
    """An evaluation as named values; its slices are left out, because the ranks give them."""
    if evaluation is None:
        return {}
    ranks_U = np.where(evaluation.is_forced_miss_U, NEVER_FOUND, evaluation.ranks)
    ranks = {f"rank of user {u}": int(rank) for u, rank in enumerate(ranks_U)}
    counts = {name: getattr(evaluation, name) for name in _COUNTS}
    kept = kept_items(evaluation.kept_lists) if evaluation.kept_lists else {}
    return {**evaluation.metrics, **evaluation.lists, **counts, **ranks, **kept}


def _differing(where: str, then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """A number that the record lacks is younger than the record, and is not compared."""
    for name, value in then.items():
        if value != now.get(name):
            yield f"{where}: {name}: {value} in the record, {now.get(name)} now"
