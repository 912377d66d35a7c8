"""What training a recorded trial again takes: its inputs, checks, and what came out otherwise."""

from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager
from typing import Any

import numpy as np
import torch

from morec.errors import DataError
from morec.metrics import NEVER_FOUND
from morec.results import Evaluation, TrialResult, TrialStatus
from morec.trial import TrialInputs
from tune_space.commands.audit_lists import kept_items
from tune_space.inputs.prepare import Prepared
from tune_space.ledger.locks import shared
from tune_space.ledger.provenance import other_schema
from tune_space.study.spec import ResourcesSpec

_COUNTS = ("num_users", "num_tied", "num_forced_misses")


def check_schema(record: TrialResult, option: str) -> None:
    """Refuse a record whose configuration meant something else than today.

    Raises:
        DataError: it is of another schema.
    """
    for line in other_schema([record]):
        raise DataError(f"{option}: {record.trial_id}: {line}")


def check_sources(record: TrialResult, current: Mapping[str, str]) -> None:
    """Refuse a record of other data or weights than the ``current`` ones.

    Raises:
        DataError: names every hash that differs.
    """
    names = sorted(record.sources.keys() | current.keys())
    wrong = [
        f"{record.trial_id}: {name}: the record was made with {record.sources.get(name)}, "
        f"the current one is {current.get(name)}"
        for name in names
        if record.sources.get(name) != current.get(name)
    ]
    if wrong:
        raise DataError("\n".join(wrong))


@contextmanager
def recorded_inputs(
    record: TrialResult, prepared: Prepared, resources: ResourcesSpec
) -> Iterator[TrialInputs]:
    """What the trial reads, with the recorded number of threads, in the study file's folder.

    The artefacts that it reads stay while the block runs.
    """
    torch.set_num_threads(resources.cpus)
    with shared(prepared.store.folder), chdir(prepared.root):
        dataset = prepared.dataset(record.config)
        yield TrialInputs(dataset, prepared.store, record.sources, _num_kept(record))


def _num_kept(record: TrialResult) -> int:
    """The users whose lists the record keeps."""
    kept = record.test.kept_lists if record.test else None
    return kept.num_users if kept else 0


def differences(record: TrialResult, again: TrialResult) -> Iterator[str]:
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
        yield from evaluation_differences(split, getattr(record, split), getattr(again, split))


def evaluation_differences(
    split: str, then: Evaluation | None, now: Evaluation | None
) -> Iterator[str]:
    """Every number of a recorded evaluation, each user's rank among them, that is another now."""
    yield from _differing(split, _plain(then), _plain(now))


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
