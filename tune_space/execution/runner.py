"""Runs a study on Ray: prepare what trials share, then let Ray Tune run the conductor's jobs."""

import hashlib
import os
import signal
from collections.abc import Callable, Sequence

import ray.tune
from rich.console import Console

from morec.code_version import code_version
from morec.encoders.artefacts import ArtefactStore
from morec.errors import DataError, SpecError
from morec.ray_train import TrialJob
from morec.results import TrialResult, TrialStatus, utc_now
from morec.storage import Storage, place_within
from tune_space.capacity.admission import (
    Room,
    format_concurrency,
    memory_estimates,
    num_concurrent,
    planned_slots,
)
from tune_space.capacity.forecast import make_forecast
from tune_space.capacity.model_profiles import model_profiles
from tune_space.execution.cluster import check_nodes, ray_session, session_bytes, session_slots
from tune_space.execution.options import RunOptions, RunOutcome
from tune_space.execution.progress import StudyProgress
from tune_space.execution.ray_tune import Display, Halt, StudyScheduler, StudySearcher
from tune_space.execution.ray_watch import watched_session
from tune_space.execution.signals import Caught, sigterm_as_sigint
from tune_space.execution.trainable import run_job
from tune_space.inputs import prepare
from tune_space.inputs.missing import find_missing, format_missing, inactive_arms
from tune_space.ledger.layout import ARTEFACTS, RAY_TRAIN, RAY_TUNE
from tune_space.ledger.locks import hold, shared
from tune_space.ledger.provenance import git_state, machine, other_code, versions
from tune_space.ledger.records import DatasetEntry, Ledger, Manifest
from tune_space.schedule.checkpoint_keeper import CheckpointKeeper
from tune_space.schedule.conductor import Conductor
from tune_space.schedule.jobs import Job
from tune_space.schedule.manifest_writer import ManifestWriter
from tune_space.schedule.plan import make_plan
from tune_space.study.expand import Arm
from tune_space.study.spec import ResourcesSpec, StudySpec
from tune_space.terminal import format_dataset


def run_study(study: StudySpec, arms: Sequence[Arm], options: RunOptions) -> RunOutcome:
    """Run whatever of the study has no record yet.

    Raises:
        FolderInUseError: another process runs a study in the output folder.
        ClusterError, DataError, SpecError: the cluster, the data, the weights or the machine are
            not what the study needs; nothing was started, nothing recorded is lost.
    """
    storage = Storage(study.storage) if study.storage else None
    behind = storage and storage.within(ARTEFACTS)
    store = ArtefactStore(options.out.parent / ARTEFACTS, behind)
    prepared = prepare.Prepared(options.root, store)
    resting = inactive_arms(arms, options.only)
    active = [arm for arm in arms if arm.name not in resting]
    if missing := find_missing(study, active, prepared):
        raise DataError("\n".join(["nothing was started", *format_missing(missing)]))
    with hold(options.out), shared(store.folder):
        if options.address:
            _check_cluster(study, active, prepared, options)
        conductor = _prepare(study, arms, active, options, prepared)
        for entry in conductor.manifest.datasets:
            print(format_dataset(entry))
        for line in other_code(conductor.results.values(), code_version()):
            print(line)
        caught = Caught()
        if not conductor.is_finished():
            _run_on_ray(conductor, prepared, options, caught)
        return _conclude(conductor, caught)


def _check_cluster(
    study: StudySpec, active: Sequence[Arm], prepared: prepare.Prepared, options: RunOptions
) -> None:
    """Before anything is prepared: is the cluster there, and has every node what trials need?"""
    places = [study.storage] if study.storage else [str(options.out.resolve())]
    if not study.storage:
        prepared.store.folder.mkdir(parents=True, exist_ok=True)
        places.append(str(prepared.store.folder))
    with ray_session(study.resources, options):
        session_slots(study.resources)
        check_nodes(places, prepared.root, prepare.weights_used(prepared, active))


def _prepare(
    study: StudySpec,
    arms: Sequence[Arm],
    active: Sequence[Arm],
    options: RunOptions,
    prepared: prepare.Prepared,
) -> Conductor:
    ledger = Ledger(options.out)
    earlier = ledger.read_manifest()
    datasets = prepare.dataset_entries(prepared, active)
    _check_room(study, active, ledger, datasets, options, prepared)
    started_at = earlier.started_at if earlier else utc_now()
    manifest = Manifest(
        study=study,
        study_file=options.study_file_text,
        command=options.command,
        state="running",
        started_at=started_at,
        updated_at=utc_now(),
        versions=versions(),
        git=git_state(),
        device=machine(),
        num_cpus=os.cpu_count() or 1,
        elapsed_s=earlier.elapsed_s if earlier else 0.0,
        datasets=datasets,
        references=prepare.references(prepared, active, study.baseline),
        preparations=prepare.prepare_items(prepared, active),
        arms=earlier.arms if earlier else (),
    )
    if prepared.store.storage is not None:
        prepared.store.publish()
    if earlier:
        manifest = prepare.with_inactive(manifest, earlier, arms, active)
    storage = _own_storage(study, options, started_at)
    conductor = Conductor(
        ManifestWriter(ledger, manifest),
        arms=arms,
        sources=prepared.sources,
        checkpoints=CheckpointKeeper(study, options.out, storage),
        only=options.only,
        retry_failed=options.retry_failed,
    )
    conductor.start()
    return conductor


def _check_room(
    study: StudySpec,
    active: Sequence[Arm],
    ledger: Ledger,
    datasets: Sequence[DatasetEntry],
    options: RunOptions,
    prepared: prepare.Prepared,
) -> None:
    """Refuse what the disk or the memory is too small for, before anything is made or started."""
    plan = make_plan(study, active, ledger, prepared.sources, retry_failed=options.retry_failed)
    names = {arm.name for arm in plan.arms if arm.num_left}
    sizes = model_profiles(study, [arm for arm in active if arm.name in names], datasets)
    manifest, records = ledger.read_manifest(), ledger.read_all()
    memory = memory_estimates(study, active, manifest, records)
    num_parallel = planned_slots(study.resources).num
    store = prepared.store.folder
    needs = make_forecast(
        study, active, plan, manifest, records, sizes, store, memory, num_parallel
    )
    if short := needs.shortages(options.out, is_local=options.address is None):
        raise SpecError(["nothing was started", *short])


def _own_storage(study: StudySpec, options: RunOptions, started_at: str) -> Storage | None:
    """This output folder's part of the storage; begun anew (``--fresh``), it has another."""
    if study.storage is None:
        return None
    identity = f"{study.folder} {options.out.resolve()} {started_at}"
    digest = hashlib.sha256(identity.encode()).hexdigest()[:16]
    return Storage(study.storage).within(f"study-{digest}")


def _run_on_ray(
    conductor: Conductor, prepared: prepare.Prepared, options: RunOptions, caught: Caught
) -> None:
    resources = conductor.study.resources
    # Ray installs a SIGTERM handler of its own, so ours comes after it.
    with (
        ray_session(resources, options),
        sigterm_as_sigint(caught),
        watched_session() as watch,
    ):
        slots, room = session_slots(resources), _room(conductor, options)
        arms = [state.arm for state in conductor.arms]
        print(format_concurrency(slots, room, arms))
        with StudyProgress(conductor, num_concurrent(slots, room, arms), Console()) as progress:
            halt = Halt()
            make = _maker(conductor, prepared)
            searcher = StudySearcher(conductor, make, slots.num, room, halt)
            scheduler = StudyScheduler(conductor, watch.is_intact, halt)
            refreshers = (progress.refresh, options.on_progress)
            _tuner(searcher, scheduler, refreshers, conductor).fit()
    if halt.error is not None:
        raise halt.error
    Storage(_shared_place(conductor, RAY_TUNE)).remove()
    storage = conductor.checkpoints.storage
    if storage and conductor.is_finished() and not conductor.study.keep_checkpoints:
        storage.remove()


def _maker(conductor: Conductor, prepared: prepare.Prepared) -> Callable[[Job], TrialJob]:
    resources, store = conductor.study.resources, prepared.store

    def make(job: Job) -> TrialJob:
        return TrialJob(
            config=job.config,
            sources=dict(job.sources),
            root=str(prepared.root),
            store=store.storage.place if store.storage else str(store.folder),
            dataset=prepared.dataset_folder(job.config.dataset).name,
            checkpoints=conductor.checkpoints.of(job.trial_id).place,
            ray_files=_shared_place(conductor, RAY_TRAIN),
            workers=resources.workers,
            cpus=resources.cpus,
            gpus=resources.gpus,
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
    """What the trial's own process takes; with a worker group the workers take the rest."""
    if resources.workers > 1:
        return {"memory": 2**20}
    return {"cpu": resources.cpus} | ({"gpu": resources.gpus} if resources.gpus else {})


def _room(conductor: Conductor, options: RunOptions) -> Room:
    study, arms = conductor.study, [state.arm for state in conductor.arms]
    return Room(
        session_bytes(options),
        memory_estimates(study, arms, conductor.manifest, conductor.results),
        study.resources,
        conductor.failures,
    )


def _conclude(conductor: Conductor, caught: Caught) -> RunOutcome:
    """Write the last manifest of this run and sum up."""
    is_finished = conductor.is_finished()
    is_interrupted = not is_finished and not conductor.is_out_of_time()
    conductor.write_manifest("finished" if is_finished else "interrupted")
    wanted = conductor.wanted()
    mine = {i: r for i, r in conductor.results.items() if i in wanted}
    return RunOutcome(
        num_done=len(wanted & conductor.results.keys()),
        failed={i: r.reason or "failed" for i, r in mine.items() if _is_failure(r)},
        given_up=tuple(s.arm.name for s in conductor.arms if conductor.plan(s).is_given_up),
        unlocked=tuple(s.arm.name for s in conductor.arms if s.is_searched and not s.locked),
        is_finished=is_finished,
        signal=(caught.number or signal.SIGINT) if is_interrupted else None,
    )


def _is_failure(result: TrialResult) -> bool:
    return result.status is TrialStatus.FAILED
