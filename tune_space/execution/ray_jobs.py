"""Runs a conductor's jobs with Ray Tune, in a session of this machine or of a cluster."""

import os
from collections.abc import Callable, Sequence

import ray.tune
from rich.console import Console

from morec.ray_train import TrialJob
from morec.storage import Storage, place_within
from tune_space.capacity.admission import (
    Capacity,
    MemoryAdmission,
    format_concurrency,
    num_concurrent,
)
from tune_space.capacity.busyness import Competition
from tune_space.capacity.trial_memory import memory_estimates
from tune_space.execution.cluster import ray_session, session_capacity
from tune_space.execution.options import RunOptions
from tune_space.execution.progress import StudyProgress
from tune_space.execution.ray_tune import Display, Halt, StudyScheduler, StudySearcher
from tune_space.execution.ray_usage import uncounted_callbacks
from tune_space.execution.ray_watch import watched_session
from tune_space.execution.ray_workers import used_by_trials
from tune_space.execution.signals import Caught, sigterm_as_sigint
from tune_space.execution.trainable import run_job
from tune_space.inputs.prepare import Prepared
from tune_space.ledger.layout import RAY_TRAIN, RAY_TUNE
from tune_space.schedule.conductor import Conductor
from tune_space.schedule.jobs import Job
from tune_space.study.spec import ResourcesSpec


def run_jobs(conductor: Conductor, prepared: Prepared, options: RunOptions, caught: Caught) -> None:
    """Run every job until the conductor has no more, or a signal is ``caught``.

    Raises:
        OSError: the output folder can no longer be written.
    """
    resources = conductor.study.resources
    # Ray installs a SIGTERM handler of its own, so ours comes after it.
    with (
        ray_session(resources, options, num_trials=conductor.num_startable()),
        sigterm_as_sigint(caught),
        watched_session(conductor.writer.ledger) as watch,
    ):
        capacity = session_capacity(resources, options)
        admission = _admission(conductor, capacity)
        arms = [state.arm for state in conductor.arms]
        print(format_concurrency(capacity.slots, admission, arms))
        num = num_concurrent(capacity.slots, admission, arms)
        is_local = options.address is None
        competition = Competition(os.getpid()) if is_local else None
        with StudyProgress(conductor, num, Console(), competition=competition) as progress:
            halt = Halt()
            make = _job_maker(conductor, prepared)
            searcher = StudySearcher(conductor, make, capacity.slots.num, admission, halt)
            scheduler = StudyScheduler(conductor, watch.is_intact, halt)
            refreshers = (progress.refresh, options.on_progress)
            running = conductor.running.values()
            used = used_by_trials(lambda: admission.num_idle(running), is_local=is_local)
            with used, uncounted_callbacks():
                _tuner(searcher, scheduler, refreshers, conductor).fit()
    if halt.error is not None:
        raise halt.error
    Storage(_shared_place(conductor, RAY_TUNE)).remove()
    tidy_storage(conductor)


def tidy_storage(conductor: Conductor) -> None:
    """Remove a study's checkpoints from its storage once no later run goes on from them."""
    storage = conductor.checkpoints.storage
    if storage and conductor.is_complete() and not conductor.study.keep_checkpoints:
        storage.remove()


def _admission(conductor: Conductor, capacity: Capacity) -> MemoryAdmission:
    estimates = memory_estimates(
        conductor.study,
        [state.arm for state in conductor.arms],
        datasets=conductor.manifest.datasets,
        preparations=conductor.manifest.preparations,
        results=conductor.results,
    )
    resources, failures = conductor.study.resources, conductor.failures
    return MemoryAdmission(capacity.num_bytes, estimates, resources, failures)


def _job_maker(conductor: Conductor, prepared: Prepared) -> Callable[[Job], TrialJob]:
    """A function that adds to a job what a trial's process needs to know."""
    resources, store = conductor.study.resources, prepared.store

    def make(job: Job) -> TrialJob:
        return TrialJob(
            config=job.config,
            sources=dict(job.sources),
            root=str(prepared.root),
            store=store.storage.place if store.storage else str(store.folder),
            dataset=prepared.dataset_folder(job.config).name,
            checkpoints=conductor.checkpoints.of(job.trial_id).place,
            ray_files=_shared_place(conductor, RAY_TRAIN),
            workers=resources.workers,
            cpus=resources.cpus,
            gpus=resources.gpus,
            kept_lists=conductor.study.kept_lists,
            silence_minutes=resources.silence_minutes,
        )

    return make


def _tuner(
    searcher: StudySearcher,
    scheduler: StudyScheduler,
    refreshers: Sequence[Callable[[], None]],
    conductor: Conductor,
) -> ray.tune.Tuner:
    place = _shared_place(conductor, RAY_TUNE)
    Storage(place).remove()
    return ray.tune.Tuner(
        ray.tune.with_resources(run_job, _trial_resources(conductor.study.resources)),
        tune_config=ray.tune.TuneConfig(
            num_samples=-1,
            # Without it, Ray Tune starts one process at a time.
            max_concurrent_trials=searcher.num_slots,
            search_alg=searcher,
            scheduler=scheduler,
            reuse_actors=True,
            trial_dirname_creator=lambda trial: str(trial.config["trial_id"]),
        ),
        run_config=ray.tune.RunConfig(
            name="tune",
            storage_path=place,
            verbose=0,
            callbacks=[Display(*refreshers)],
        ),
    )


def _shared_place(conductor: Conductor, name: str) -> str:
    """A folder that every node sees: in the study's storage, or in its output folder."""
    storage, folder = conductor.checkpoints.storage, conductor.writer.ledger.folder
    return place_within(storage.place if storage else str(folder.resolve()), name)


def _trial_resources(resources: ResourcesSpec) -> dict[str, float]:
    """What a trial's own process reserves; with several workers, each reserves its own share."""
    if resources.workers > 1:
        return {"memory": 2**20}
    return {"cpu": resources.cpus} | ({"gpu": resources.gpus} if resources.gpus else {})
