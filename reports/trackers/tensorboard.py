"""TensorBoard: event files, ``DIR/<study>/<arm>/<trial id>/``, which need no TensorFlow or torch.

A folder's mark says which record it was made from. A changed record's folder is made anew beside
the old one, which it then replaces.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from tensorboardX import SummaryWriter
from tensorboardX.summary import hparams

from reports.trackers.runs import RECORD, Run, TrackedStudy, plain_name
from tune_space.ledger.layout import arm_folders

MARK = f"{RECORD}.txt"


def send(study: TrackedStudy, address: str) -> int:
    """Write the event files that are not there yet; returns how many trials were written.

    Raises:
        OSError: the folder cannot be written.
    """
    sent = 0
    for run in study.runs:
        folder = _folder(Path(address), study.name, run)
        if _mark(folder) != run.digest:
            _replace(folder, run)
            sent += 1
    return sent


def _folder(logdir: Path, study: str, run: Run) -> Path:
    """Where a trial's events lie; slashes in an arm's name (data set, condition) are folders."""
    return logdir.joinpath(study, *arm_folders(run.tags["arm"]), run.trial_id)


def _mark(folder: Path) -> str | None:
    mark = folder / MARK
    return mark.read_text(encoding="utf-8") if mark.is_file() else None


def _replace(folder: Path, run: Run) -> None:
    if folder.exists() and _mark(folder) is None:
        raise FileExistsError(f"{folder} is there and was not written by this project")
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    try:
        _write(partial, run)
        (partial / MARK).write_text(run.digest, encoding="utf-8")
        if folder.exists():
            shutil.rmtree(folder)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _write(folder: Path, run: Run) -> None:
    folder.mkdir()
    with SummaryWriter(logdir=str(folder), write_to_disk=True) as writer:
        _write_hparams(writer, run)
        for epoch in run.epochs:
            _write_scalars(writer, epoch.metrics, epoch.step, epoch.ended_s)
        _write_scalars(writer, run.metrics, len(run.epochs), run.ended_s)
        for name, text in {"name": run.name, **run.tags}.items():
            writer.add_text(name, text, walltime=run.ended_s)


def _write_hparams(writer: SummaryWriter, run: Run) -> None:
    """What the HParams page shows: settings, arm, role, seed and status beside the metrics."""
    shown = {name: run.tags[name] for name in ("arm", "role", "seed", "status")}
    metrics = {plain_name(name): value for name, value in run.metrics.items()}
    for summary in hparams({**shown, **run.params}, metrics):
        writer.file_writer.add_summary(summary)


def _write_scalars(
    writer: SummaryWriter, metrics: Mapping[str, float], step: int, time_s: float
) -> None:
    for name, value in metrics.items():
        writer.add_scalar(plain_name(name), value, step, walltime=time_s)
