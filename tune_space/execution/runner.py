"""Runs a study: check, prepare what trials share, let Ray Tune run the conductor's jobs, sum up."""

import hashlib
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import chdir, contextmanager, suppress
from dataclasses import dataclass

from morec.code_version import code_version
from morec.errors import DataError, MorecError, SpecError
from morec.results import TrialResult, TrialStatus, utc_now
from morec.storage import Storage
from tune_space.capacity.admission import Capacity, machine_capacity
from tune_space.capacity.busyness import Load, machine_load
from tune_space.capacity.forecast import make_forecast, read_state
from tune_space.execution.cluster import check_nodes, ray_session, session_capacity
from tune_space.execution.options import RunOptions, RunOutcome
from tune_space.execution.ray_jobs import run_jobs
from tune_space.execution.signals import Caught, sigterm_as_sigint, stopped_by_signal
from tune_space.inputs import prepare
from tune_space.inputs.check_texts import check_texts
from tune_space.inputs.check_training import check_training
from tune_space.inputs.data_profile import by_condition, format_dataset
from tune_space.inputs.dataset_entries import dataset_entries
from tune_space.inputs.examples import store_examples
from tune_space.inputs.missing import find_missing, format_missing, inactive_arms
from tune_space.inputs.prepare import Prepared
from tune_space.inputs.reference_rows import references
from tune_space.ledger.locks import hold, shared
from tune_space.ledger.manifest import DatasetEntry, Manifest
from tune_space.ledger.provenance import git_state, machine, other_code, other_schema, versions
from tune_space.ledger.records import Ledger
from tune_space.schedule.checkpoint_keeper import CheckpointKeeper
from tune_space.schedule.conductor import Conductor
from tune_space.schedule.jobs import round_size
from tune_space.schedule.manifest_writer import ManifestWriter
from tune_space.schedule.plan import make_plan
from tune_space.study.arm import Arm
from tune_space.study.rankings import format_wide_cutoffs
from tune_space.study.spec import StudySpec, place_of


def run_study(study: StudySpec, arms: Sequence[Arm], options: RunOptions) -> RunOutcome:
    """Run whatever of the study has no record yet.

    Raises:
        FolderInUseError: another process runs a study in the output folder.
        ClusterError, DataError, SpecError: the cluster, the data, the weights or the machine are
            not what the study needs; nothing was started, nothing recorded is lost.
        RayStartError: Ray does not start on this machine; no trial was started.
    """
    run = _begin(study, arms, options)
    _check_inputs(run)
    with hold(options.out), shared(run.prepared.store.folder):
        capacity = _find_capacity(run)
        datasets = dataset_entries(run.prepared, run.active)
        check_training(run.prepared, run.active)
        _check_capacity(run, datasets, capacity)
        caught = Caught()
        with sigterm_as_sigint(caught), never_left_running(run.ledger):
            conductor = _make_conductor(run, datasets, capacity.slots.num)
            _print_start(conductor, run.load_before)
            if not conductor.is_finished():
                with stopped_by_signal(caught):
                    run_jobs(conductor, run.prepared, options, caught)
            outcome = _conclude(conductor, caught)
            _store_examples(run, conductor)
            return outcome


@contextmanager
def never_left_running(ledger: Ledger) -> Iterator[None]:
    """Whatever ends this block early, the manifest says so instead of ``running``."""
    try:
        yield
    except BaseException as error:
        with suppress(OSError, DataError):
            ledger.interrupt(format_error(error))
        raise


def format_error(error: BaseException) -> str:
    """An error in one line; of one that nobody was meant to read also its kind."""
    line = (str(error).strip().splitlines() or [""])[0]
    if isinstance(error, MorecError):
        return line
    return f"{type(error).__name__}: {line}" if line else type(error).__name__


@dataclass(frozen=True)
class _Run:
    """One run of a study, and where its inputs and records are."""

    study: StudySpec
    arms: Sequence[Arm]
    active: Sequence[Arm]
    """The arms of this run: those of ``--only``, or all."""
    options: RunOptions
    prepared: Prepared
    ledger: Ledger
    load_before: Load
    """Of this machine, before the study itself takes its cores."""


def _begin(study: StudySpec, arms: Sequence[Arm], options: RunOptions) -> _Run:
    storage = Storage(study.storage) if study.storage else None
    inactive = inactive_arms(arms, options.only)
    return _Run(
        study=study,
        arms=arms,
        active=[arm for arm in arms if arm.name not in inactive],
        options=options,
        prepared=Prepared.beside(options.out, options.root, storage),
        ledger=Ledger(options.out),
        load_before=machine_load(),
    )


def _check_inputs(run: _Run) -> None:
    """Refuse to start while data or weights are missing, or texts cannot be read as asked."""
    if missing := find_missing(run.study, run.active, run.prepared):
        raise DataError("\n".join(["nothing was started", *format_missing(missing)]))
    check_texts(run.prepared, run.active)


def _find_capacity(run: _Run) -> Capacity:
    """What this machine has, or the cluster, whose nodes are first asked for what trials need."""
    if run.options.address is None:
        return machine_capacity(run.study.resources)
    places = [run.study.storage] if run.study.storage else [str(run.options.out.resolve())]
    if not run.study.storage:
        places.append(str(run.prepared.store.folder))
    with ray_session(run.study.resources, run.options):
        capacity = session_capacity(run.study.resources, run.options)
        weights = prepare.weights_used(run.prepared, run.active)
        check_nodes(places, run.prepared.root, weights)
    return capacity


def _check_capacity(run: _Run, datasets: Sequence[DatasetEntry], capacity: Capacity) -> None:
    """Refuse what the disk or the memory is too small for, before anything is made or started."""
    plan = make_plan(
        run.study,
        run.active,
        run.ledger,
        run.prepared.sources,
        retry_failed=run.options.retry_failed,
    )
    state = read_state(run.study, run.active, plan, run.ledger, datasets=datasets)
    with chdir(run.prepared.root):
        forecast = make_forecast(state, capacity, run.prepared.store.folder)
    if shortages := forecast.format_shortages(run.options.out):
        raise SpecError(["nothing was started", *shortages])


def _make_conductor(run: _Run, datasets: Sequence[DatasetEntry], num_slots: int) -> Conductor:
    """Prepare what trials share, write it down, and go on where the last run stopped."""
    manifest = _make_manifest(run, datasets, num_slots)
    storage = _own_storage(run, manifest.started_at)
    conductor = Conductor(
        ManifestWriter(run.ledger, manifest),
        arms=run.arms,
        sources=run.prepared.sources,
        checkpoints=CheckpointKeeper(run.study, run.options.out, storage),
        only=run.options.only,
        retry_failed=run.options.retry_failed,
    )
    conductor.start()
    return conductor


def _make_manifest(run: _Run, datasets: Sequence[DatasetEntry], num_slots: int) -> Manifest:
    earlier = run.ledger.read_manifest()
    manifest = Manifest(
        study=run.study,
        study_file=run.options.study_file_text,
        command=run.options.command,
        state="running",
        started_at=earlier.started_at if earlier else utc_now(),
        updated_at=utc_now(),
        versions=versions(),
        git=git_state(),
        device=machine(),
        num_cpus=os.cpu_count() or 1,
        elapsed_s=earlier.elapsed_s if earlier else 0.0,
        round_size=_round_size(run, earlier, num_slots),
        datasets=tuple(datasets),
        references=references(run.prepared, run.active, run.study.baseline),
        preparations=prepare.prepare_items(run.prepared, run.active),
        arms=earlier.arms if earlier else (),
    )
    if run.prepared.store.storage is not None:
        run.prepared.store.publish()
    if earlier is None:
        return manifest
    return prepare.with_inactive(manifest, earlier, run.arms, run.active)


def _round_size(run: _Run, earlier: Manifest | None, num_slots: int) -> int:
    """As an earlier run of the same ``budget.parallel`` had it, on whatever machine."""
    if earlier and earlier.study.budget.parallel == run.study.budget.parallel:
        return earlier.round_size
    return round_size(run.study, run.arms, num_slots)


def _own_storage(run: _Run, started_at: str) -> Storage | None:
    """The part of the storage for this output folder; a study begun anew has another part."""
    if run.study.storage is None:
        return None
    identity = f"{run.study.folder} {run.options.out.resolve()} {started_at}"
    digest = hashlib.sha256(identity.encode()).hexdigest()[:16]
    return Storage(run.study.storage).within(f"study-{digest}")


def _print_start(conductor: Conductor, load: Load) -> None:
    """Print the data sets, cut-offs too wide for them, other code, and whether times mean much."""
    manifest, records = conductor.manifest, conductor.results.values()
    for entry, conditions in by_condition(manifest.datasets):
        print(format_dataset(entry, conditions))
    num_items = {place_of(entry): entry.num_items for entry in manifest.datasets}
    for line in (
        *format_wide_cutoffs(manifest.arms, num_items),
        *other_schema(records),
        *other_code(records, code_version()),
    ):
        print(line)
    if load.is_busy:
        print(
            f"this machine is busy ({load.format()}): times and energy in the report are not "
            "comparable with those of an idle machine"
        )


def _conclude(conductor: Conductor, caught: Caught) -> RunOutcome:
    """Write the last manifest of this run and sum up."""
    is_finished = conductor.is_complete()
    is_interrupted = not is_finished and not conductor.is_out_of_time()
    number = (caught.number or signal.SIGINT) if is_interrupted else None
    if is_finished:
        conductor.write_manifest("finished")
    else:
        by = "budget.hours" if number is None else signal.Signals(number).name
        conductor.write_manifest("interrupted", by)
    wanted = conductor.wanted()
    recorded = {i: result for i, result in conductor.results.items() if i in wanted}
    failed = {i: r.reason or "failed" for i, r in recorded.items() if _is_failure(r)}
    return RunOutcome(
        num_done=len(recorded),
        failed=failed,
        given_up=tuple(s.arm.name for s in conductor.arms if conductor.plan(s).is_given_up),
        unlocked=tuple(s.arm.name for s in conductor.arms if s.is_searched and not s.locked),
        is_finished=is_finished,
        signal=number,
    )


def _store_examples(run: _Run, conductor: Conductor) -> None:
    """Store the users that the report shows; what hinders that costs the report them alone."""
    try:
        store_examples(run.prepared, run.ledger, conductor.manifest, conductor.results)
    except (OSError, DataError) as error:
        print(f"the report shows no example users: {format_error(error)}")


def _is_failure(result: TrialResult) -> bool:
    return result.status is TrialStatus.FAILED
