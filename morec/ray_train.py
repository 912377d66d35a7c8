"""Runs one trial under Ray Train: in this process for one worker, in a process group for more.

The only file of ``morec`` that knows Ray. Ray Train's local mode (``num_workers=0``) runs the
function in place, which costs a tenth of a second instead of a dozen; there, reports go straight to
Ray Tune. In a worker group every worker reports, and Ray Train hands the first one's to Ray Tune.
"""

import json
from collections.abc import Callable
from contextlib import chdir
from functools import lru_cache
from pathlib import Path
from typing import Any

import ray.train
import ray.tune
import torch
from ray.train.torch import TorchTrainer
from ray.tune.integration.ray_train import TuneReportCallback

from morec.config import Spec, TrialConfig
from morec.data.dataset import Dataset, open_dataset
from morec.encoders.artefacts import ArtefactStore
from morec.results import Cost, EpochRecord, TrialResult
from morec.silence import Silence, limited_silence
from morec.trial import run_trial
from morec.trial_log import logged
from morec.workers import Workers

GROUP_START_TRIES = 3
"""How often a worker group may fail to start, a minute each, before its trial is a failed one."""

CUDA_CONTEXT_BYTES = 512 * 2**20
"""What a process takes of a GPU besides its tensors."""

RUN_FOLDER = "ray_train"
"""Ray Train's own files of trials with several workers, beside the checkpoints."""


class TrialJob(Spec):
    """Everything a worker needs to run a trial; crosses processes as JSON."""

    config: TrialConfig
    sources: dict[str, str]
    root: str
    """Folder that relative paths of encoders' files start from; Ray has moved the process away."""
    dataset_folder: str
    store_folder: str
    checkpoint_folder: str
    workers: int
    cpus: int
    gpus: float
    """At most 1; less than 1 shares a GPU."""
    silence_minutes: float | None = None
    """Without an epoch for so long, the process ends itself; None: never."""


def train(job: TrialJob) -> TrialResult:
    """Run the trial under Ray Train, inside a Ray Tune trial, and return its record."""
    result = _trainer(job).fit()
    if result.error is not None:
        raise result.error
    return TrialResult.model_validate_json(result.return_value)


def _trainer(job: TrialJob) -> TorchTrainer:
    is_group = job.workers > 1
    folder = Path(job.checkpoint_folder)
    return TorchTrainer(
        _work,
        train_loop_config={"job": job.model_dump_json()},
        scaling_config=ray.train.ScalingConfig(
            num_workers=job.workers if is_group else 0,
            use_gpu=is_group and job.gpus > 0,
            resources_per_worker=_worker_resources(job) if is_group else None,
        ),
        run_config=ray.train.RunConfig(
            name=folder.name,
            storage_path=str(folder.parent.parent / RUN_FOLDER),
            callbacks=[TuneReportCallback()] if is_group else [],
            # Ray Train's default is to try for ever.
            failure_config=ray.train.FailureConfig(controller_failure_limit=GROUP_START_TRIES - 1),
        ),
    )


def _worker_resources(job: TrialJob) -> dict[str, float]:
    return {"CPU": job.cpus} | ({"GPU": job.gpus} if job.gpus else {})


def _work(loop_config: dict[str, Any]) -> str:
    """What every worker runs; returns the record as JSON."""
    job = TrialJob.model_validate_json(loop_config["job"])
    torch.set_num_threads(job.cpus)
    if job.gpus:
        torch.backends.cudnn.deterministic = True
        _keep_to_share(job.gpus)
    is_group = job.workers > 1
    folder = Path(job.checkpoint_folder)
    workers = _this_worker(job) if is_group else Workers()
    with (
        chdir(job.root),
        logged(folder, workers.rank),
        limited_silence(job.silence_minutes, folder) as silence,
    ):
        result = run_trial(
            job.config,
            _open_dataset(job.dataset_folder),
            ArtefactStore(Path(job.store_folder)),
            sources=job.sources,
            checkpoint_folder=folder,
            report=_reporter(ray.train.report if is_group else ray.tune.report, silence),
            workers=workers,
            device="cuda" if job.gpus else "cpu",
        )
    return result.model_dump_json()


def _keep_to_share(gpus: float) -> None:
    """Let a trial on a part of a GPU run out of memory where its part ends, not its neighbours'."""
    if gpus < 1:
        total = torch.cuda.get_device_properties(0).total_memory
        torch.cuda.set_per_process_memory_fraction(tensor_share(gpus, total))


def tensor_share(gpus: float, total_bytes: int) -> float:
    """The share of a GPU's memory that a worker with ``gpus`` of it may fill with tensors.

    The rest of its part is for what CUDA itself takes, but never more than half.
    """
    return max(gpus - CUDA_CONTEXT_BYTES / total_bytes, gpus / 2)


def _this_worker(job: TrialJob) -> Workers:
    return Workers(ray.train.get_context().get_world_rank(), job.workers)


def _reporter(
    send: Callable[[dict[str, Any]], None], silence: Silence | None
) -> Callable[[tuple[EpochRecord, ...], Cost], None]:
    def report(epochs: tuple[EpochRecord, ...], cost: Cost) -> None:
        if silence is not None:
            silence.broken()
        records = json.dumps([record.model_dump(mode="json") for record in epochs])
        send({"epochs": records, "cost": cost.model_dump_json()})

    return report


@lru_cache(maxsize=2)
def _open_dataset(folder: str) -> Dataset:
    """A reused process opens each data set once."""
    return open_dataset(Path(folder))
