"""Runs one trial under Ray Train: one worker in this process, several in a process group.

The only file of ``morec`` that knows Ray. Ray Train's local mode (``num_workers=0``) runs the
function in this process, which takes 0.1 s to start instead of 12 s; its reports go to Ray Tune
directly. In a worker group every worker reports, and Ray Train passes the first one's on.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import chdir, contextmanager
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import ray
import ray.train
import ray.tune
import torch
from ray.train.torch import TorchTrainer
from ray.tune.integration.ray_train import TuneReportCallback

from morec.checkpoints import Checkpoints
from morec.config import Spec, TrialConfig
from morec.data.dataset import Dataset, open_dataset
from morec.encoders.artefacts import ArtefactStore, local_cache
from morec.kept_lists import KEPT_LISTS
from morec.late_fusion import run_any_trial
from morec.results import Cost, EpochRecord, TrialResult
from morec.storage import Storage, is_url
from morec.trial import TrialInputs
from morec.trial_log import logged
from morec.watchdog import Watchdog, watch
from morec.workers import Workers

GROUP_START_TRIES = 3
"""Attempts to start a worker group, a minute each, before its trial has failed."""

CUDA_CONTEXT_BYTES = 512 * 2**20
"""What a process takes of a GPU besides its tensors."""


class TrialJob(Spec):
    """Everything a worker needs to run a trial; crosses processes as JSON.

    A place is a folder that every node sees or, where nodes share no folder, a URL.
    """

    config: TrialConfig
    sources: dict[str, str]
    root: str
    """Folder that relative paths of encoders' files start from; Ray changes the working folder."""
    store: str
    """Place of the artefacts."""
    dataset: str
    """Name of the data set's artefact."""
    checkpoints: str
    """Place of this trial's checkpoints; its last part is the trial's id."""
    ray_files: str
    """Place of Ray Train's own files of trials with several workers."""
    workers: int
    cpus: int
    gpus: float
    """At most 1; less than 1 shares a GPU."""
    kept_lists: int = KEPT_LISTS
    """As in ``TrialInputs``."""
    silence_minutes: float | None = None
    """The process ends itself when no epoch ends for so long; None: never."""


def train(job: TrialJob) -> TrialResult:
    """Run the trial under Ray Train, inside a Ray Tune trial, and return its record."""
    result = _trainer(job).fit()
    if result.error is not None:
        raise result.error
    return TrialResult.model_validate_json(result.return_value)


def _trainer(job: TrialJob) -> TorchTrainer:
    is_group = job.workers > 1
    resources = {"CPU": job.cpus, **({"GPU": job.gpus} if job.gpus else {})}
    return TorchTrainer(
        _work,
        train_loop_config={"job": job.model_dump_json()},
        scaling_config=ray.train.ScalingConfig(
            num_workers=job.workers if is_group else 0,
            use_gpu=is_group and job.gpus > 0,
            resources_per_worker=resources if is_group else None,
        ),
        run_config=ray.train.RunConfig(
            name=job.config.trial_id(job.sources),
            storage_path=job.ray_files,
            callbacks=[TuneReportCallback()] if is_group else [],
            # By default, Ray Train tries for ever.
            failure_config=ray.train.FailureConfig(controller_failure_limit=GROUP_START_TRIES - 1),
        ),
    )


def _work(loop_config: dict[str, Any]) -> str:
    """What every worker runs; returns the record as JSON."""
    job = TrialJob.model_validate_json(loop_config["job"])
    torch.set_num_threads(job.cpus)
    if job.gpus:
        torch.backends.cudnn.deterministic = True
        _keep_to_share(job.gpus)
    if job.workers > 1:
        workers = Workers(ray.train.get_context().get_world_rank(), job.workers)
        send = ray.train.report
    else:
        workers, send = Workers(), ray.tune.report
    nodes = tuple(filter(None, workers.gather(_node())))
    store = artefact_store(job.store)
    with (
        chdir(root_here(job.root)),
        _checkpoints(job.checkpoints) as checkpoints,
        logged(checkpoints.path.parent, workers.rank),
        watch(job.silence_minutes, checkpoints.path.parent) as watchdog,
    ):
        dataset = _open_dataset(store.named(job.dataset).path)
        result = run_any_trial(
            job.config,
            TrialInputs(dataset, store, job.sources, job.kept_lists),
            checkpoints=checkpoints,
            report=_reporter(send, watchdog, nodes),
            workers=workers,
            device="cuda" if job.gpus else "cpu",
        )
    if result.cost is not None:
        cost = result.cost.model_copy(update={"nodes": nodes})
        result = result.model_copy(update={"cost": cost})
    return result.model_dump_json()


def _keep_to_share(gpus: float) -> None:
    """Limit a trial on a part of a GPU to its share of the memory, so that others keep theirs."""
    if gpus < 1:
        total = torch.cuda.get_device_properties(0).total_memory
        torch.cuda.set_per_process_memory_fraction(tensor_share(gpus, total))


def tensor_share(gpus: float, total_bytes: int) -> float:
    """The share of a GPU's memory that a worker with ``gpus`` of it may fill with tensors.

    The rest is for CUDA itself, but never more than half.
    """
    return max(gpus - CUDA_CONTEXT_BYTES / total_bytes, gpus / 2)


def artefact_store(place: str) -> ArtefactStore:
    """The artefacts at a folder, or this machine's own copies of those at a URL."""
    if not is_url(place):
        return ArtefactStore(Path(place))
    return ArtefactStore(local_cache() / "artefacts", Storage(place))


def root_here(root: str) -> Path:
    """The folder that relative paths start from; the working folder on a machine without it.

    Such a machine can only use encoders without relative paths. A cluster's nodes are checked for
    this before a study starts.
    """
    return Path(root) if Path(root).is_dir() else Path.cwd()


def node_name(node: Mapping[str, Any]) -> str:
    """The name of a node of ``ray.nodes()`` for readers."""
    return f"{node['NodeName']} ({node['NodeID'][:8]})"


def _node() -> str:
    """The node that this process runs on; empty if the session never had a second node."""
    nodes = {node["NodeID"]: node_name(node) for node in ray.nodes()}
    return nodes[ray.get_runtime_context().get_node_id()] if len(nodes) > 1 else ""


@contextmanager
def _checkpoints(place: str) -> Iterator[Checkpoints]:
    """A trial's checkpoints in a folder; or at a URL, with a local copy while the trial runs."""
    if not is_url(place):
        yield Checkpoints(Path(place))
        return
    with TemporaryDirectory(prefix="morec-") as folder:
        yield Checkpoints(Path(folder), Storage(place))


def _reporter(
    send: Callable[[dict[str, Any]], None], watchdog: Watchdog | None, nodes: tuple[str, ...]
) -> Callable[[tuple[EpochRecord, ...], Cost], None]:
    def report(epochs: tuple[EpochRecord, ...], cost: Cost) -> None:
        if watchdog is not None:
            watchdog.reset()
        records = json.dumps([record.model_dump(mode="json") for record in epochs])
        here = cost.model_copy(update={"nodes": nodes})
        send({"epochs": records, "cost": here.model_dump_json()})

    return report


@lru_cache(maxsize=2)
def _open_dataset(folder: Path) -> Dataset:
    """Cached, so that a process that runs several trials opens each data set once."""
    return open_dataset(folder)
