"""Runs a study on Ray: prepare what trials share, then let Ray Tune run the conductor's jobs."""

import hashlib
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

import ray.tune
from rich.console import Console

from morec.encoders.artefacts import ArtefactStore
from morec.errors import DataError
from morec.ray_train import TrialJob
from morec.results import TrialResult, TrialStatus, utc_now
from morec.storage import Storage, place_within
from tune_space import prepare
from tune_space.cluster import check_nodes, ray_session, session_bytes, session_slots
from tune_space.concurrency import Room, at_once, needs_of, spell_concurrency
from tune_space.conductor import Conductor, Job
from tune_space.expand import Arm
from tune_space.folder import hold
from tune_space.ledger import Ledger, Manifest
from tune_space.missing import find_missing, resting_arms, spell_missing
from tune_space.options import RunOptions, RunOutcome
from tune_space.progress import StudyProgress
from tune_space.provenance import git_state, machine, versions
from tune_space.ray_tune import Display, Halt, StudyScheduler, StudySearcher
from tune_space.ray_watch import watched_session
from tune_space.study import ResourcesSpec, StudySpec
from tune_space.tables import spell_dataset
from tune_space.trainable import run_job

RAY_FOLDER = ".ray_tune"
"""Ray Tune's own files; thrown away, since the ledger is the state."""
TRAIN_FOLDER = "ray_train"
"""Ray Train's own files of trials with several workers."""


def run_study(study: StudySpec, arms: Sequence[Arm], options: RunOptions) -> RunOutcome:
    """Run whatever of the study has no record yet.

    Raises:
        FolderInUseError: another process runs a study in the output folder.
        ClusterError, DataError, SpecError: the cluster, the data, the weights or the machine are
            not what the study needs; nothing was started, nothing recorded is lost.
    """
    storage = Storage(study.storage) if study.storage else None
    shared = storage and storage.within(prepare.STORE_FOLDER)
    store = ArtefactStore(options.out.parent / prepare.STORE_FOLDER, shared)
    prepared = prepare.Prepared(options.root, store)
    resting = resting_arms(arms, options.only)
    active = [arm for arm in arms if arm.name not in resting]
    if missing := find_missing(study, active, prepared):
        raise DataError("\n".join(["nothing was started", *spell_missing(missing)]))
    with hold(options.out):
        if options.address:
            _check_cluster(study, active, prepared, options)
        conductor = _prepare(study, arms, active, options, prepared)
        for entry in conductor.manifest.datasets:
            print(spell_dataset(entry))
        caught = _Caught()
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
        datasets=prepare.dataset_entries(prepared, active),
        references=prepare.references(prepared, active, study.baseline),
        preparations=prepare.prepare_items(prepared, active),
        arms=earlier.arms if earlier else (),
    )
    if prepared.store.storage is not None:
        prepared.store.publish()
    if earlier:
        manifest = prepare.with_resting(manifest, earlier, arms, active)
    return Conductor(
        study,
        arms,
        ledger,
        prepared.sources,
        manifest,
        only=options.only,
        retry_failed=options.retry_failed,
        storage=_own_storage(study, options, started_at),
    )


def _own_storage(study: StudySpec, options: RunOptions, started_at: str) -> Storage | None:
    """This output folder's part of the storage; begun anew (``--fresh``), it has another."""
    if study.storage is None:
        return None
    identity = f"{study.folder} {options.out.resolve()} {started_at}"
    digest = hashlib.sha256(identity.encode()).hexdigest()[:16]
    return Storage(study.storage).within(f"study-{digest}")


def _run_on_ray(
    conductor: Conductor, prepared: prepare.Prepared, options: RunOptions, caught: "_Caught"
) -> None:
    resources = conductor.study.resources
    # Ray installs a SIGTERM handler of its own, so ours comes after it.
    with (
        ray_session(resources, options),
        _sigterm_as_sigint(caught),
        watched_session() as watch,
    ):
        slots, room = session_slots(resources), _room(conductor, options)
        arms = [state.arm for state in conductor.arms]
        print(spell_concurrency(slots, room, arms))
        with StudyProgress(conductor, at_once(slots, room, arms), Console()) as progress:
            halt = Halt()
            make = _maker(conductor, prepared)
            searcher = StudySearcher(conductor, make, slots.num, room, halt)
            scheduler = StudyScheduler(conductor, watch.is_intact, halt)
            refreshers = (progress.refresh, options.on_progress)
            _tuner(searcher, scheduler, refreshers, conductor).fit()
    if halt.error is not None:
        raise halt.error
    Storage(_shared_place(conductor, RAY_FOLDER)).remove()
    if conductor.storage and conductor.is_finished() and not conductor.study.keep_checkpoints:
        conductor.storage.remove()


def _maker(conductor: Conductor, prepared: prepare.Prepared) -> Callable[[Job], TrialJob]:
    resources, store = conductor.study.resources, prepared.store

    def make(job: Job) -> TrialJob:
        return TrialJob(
            config=job.config,
            sources=dict(job.sources),
            root=str(prepared.root),
            store=store.storage.place if store.storage else str(store.folder),
            dataset=prepared.dataset_folder(job.config.dataset).name,
            checkpoints=conductor.checkpoints(job.trial_id).place,
            ray_files=_shared_place(conductor, TRAIN_FOLDER),
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
    place = _shared_place(conductor, RAY_FOLDER)
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
    storage = conductor.storage
    return place_within(storage.place if storage else str(conductor.ledger.folder.resolve()), name)


def _trial_resources(resources: ResourcesSpec) -> dict[str, float]:
    """What the trial's own process takes; with a worker group the workers take the rest."""
    if resources.workers > 1:
        return {"memory": 2**20}
    return {"cpu": resources.cpus} | ({"gpu": resources.gpus} if resources.gpus else {})


def _room(conductor: Conductor, options: RunOptions) -> Room:
    study, arms = conductor.study, [state.arm for state in conductor.arms]
    return Room(
        session_bytes(options),
        needs_of(study, arms, conductor.manifest, conductor.results),
        study.resources,
        conductor.losses,
    )


@dataclass
class _Caught:
    """The signal that asked the study to stop, if one did."""

    number: int | None = None


@contextmanager
def _sigterm_as_sigint(caught: _Caught) -> Iterator[None]:
    """Ray Tune stops in good order on SIGINT only; remember which signal it really was."""

    def stop(number: int, frame: FrameType | None) -> None:
        caught.number = number
        os.kill(os.getpid(), signal.SIGINT)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _conclude(conductor: Conductor, caught: _Caught) -> RunOutcome:
    """Write the last manifest of this run and sum up."""
    is_finished = conductor.is_finished()
    is_interrupted = not is_finished and not conductor.is_out_of_time()
    conductor.write_manifest("finished" if is_finished else "interrupted")
    wanted = conductor.wanted()
    failed = [i for i, r in conductor.results.items() if i in wanted and _is_failure(r)]
    return RunOutcome(
        num_done=len(wanted & conductor.results.keys()),
        failed=tuple(failed),
        unlocked=tuple(s.arm.name for s in conductor.arms if s.is_searched and not s.locked),
        is_finished=is_finished,
        signal=(caught.number or signal.SIGINT) if is_interrupted else None,
    )


def _is_failure(result: TrialResult) -> bool:
    return result.status is TrialStatus.FAILED
