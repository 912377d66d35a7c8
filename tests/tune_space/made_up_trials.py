"""A conductor whose trials are made up: their curves depend on the configuration alone."""

import json
from collections.abc import Collection
from pathlib import Path
from random import Random

from morec.config import TrialConfig
from morec.results import Cost, EpochRecord, Evaluation, TrialResult, TrialStatus, pack_ranks
from morec.storage import Storage
from tune_space.ledger.manifest import ArmEntry, Manifest
from tune_space.ledger.records import Ledger
from tune_space.schedule.checkpoint_keeper import CheckpointKeeper
from tune_space.schedule.conductor import Conductor
from tune_space.schedule.jobs import Job, Sources, round_size
from tune_space.schedule.manifest_writer import ManifestWriter
from tune_space.study.expand import expand
from tune_space.study.spec import StudySpec

STUDY = {
    "name": "s",
    "question": "q",
    "baseline": "ID",
    "base": {"dataset": {"kind": "synthetic"}, "item": {"id": True}, "training": {"max_epochs": 4}},
    "arms": {
        "ID": {},
        "wide": {"set": {"model.dim": 1024}},
        "fixed": {"set": {"optim.weight_decay": 0.0}},
    },
    "search": {"optim.lr": {"loguniform": [1e-4, 1e-1]}},
    "budget": {"trials": 3},
    "seeds": [1, 2],
}
COST = Cost(
    params_total=1,
    params_trainable=1,
    forward_macs_paper=1,
    forward_macs_run=1,
    first_epoch_s=1.0,
    epoch_s=1.0,
    eval_s=1.0,
    total_s=5.0,
    peak_memory_bytes=1,
    memory_kind="process resident set",
    device="test",
)


def study(**changes) -> StudySpec:
    return StudySpec.model_validate_json(json.dumps(STUDY | changes))


def sources(config: TrialConfig) -> dict[str, str]:
    return {"data": "d0"}


def conductor_of(
    folder: Path,
    spec: StudySpec | None = None,
    *,
    sources: Sources = sources,
    storage: Storage | None = None,
    is_started: bool = True,
    **options,
) -> Conductor:
    """A conductor of ``spec`` in ``folder``, which may hold an earlier run."""
    spec = spec or study()
    ledger = Ledger(folder)
    earlier = ledger.read_manifest()
    manifest = Manifest(
        study=spec,
        study_file="",
        command="",
        state="running",
        started_at="",
        updated_at="",
        versions={},
        git={},
        device="",
        num_cpus=1,
        round_size=round_size(spec, expand(spec), num_slots=1),
        datasets=(),
        arms=earlier.arms if earlier else (),
    )
    conductor = Conductor(
        ManifestWriter(ledger, manifest),
        arms=expand(spec),
        sources=sources,
        checkpoints=CheckpointKeeper(spec, folder, storage),
        **options,
    )
    if is_started:
        conductor.start()
    return conductor


def evaluation(score: float) -> Evaluation:
    return Evaluation(
        metrics={"HR@10": score},
        num_users=1,
        num_tied=0,
        num_forced_misses=0,
        packed_ranks=pack_ranks([1]),
    )


def curve(config: TrialConfig) -> tuple[EpochRecord, ...]:
    """A made-up learning curve that depends on nothing but the configuration."""
    top = 1 / (1 + abs(config.optim.lr - 0.01) * 50) * (0.9 + 0.01 * config.seed)
    return tuple(
        EpochRecord(
            epoch=n, train_loss=1 / n, valid={"HR@10": top * n / 4}, train_s=1.0, eval_s=1.0
        )
        for n in range(1, 5)
    )


def end(job: Job, status: TrialStatus = TrialStatus.COMPLETED) -> TrialResult:
    epochs = curve(job.config)
    done = status is TrialStatus.COMPLETED
    return TrialResult(
        trial_id=job.trial_id,
        config=job.config,
        sources=dict(job.sources),
        status=status,
        epochs=epochs,
        best_epoch=4 if done else None,
        valid=evaluation(epochs[-1].valid["HR@10"]) if done else None,
        test=evaluation(0.5) if done and job.config.evaluation.test else None,
        cost=COST,
        error=None if done else "why",
    )


def play(
    conductor: Conductor,
    limit: int = 1000,
    num_concurrent: int = 2,
    fail=(),
    order: Random | None = None,
) -> list[Job]:
    """Run jobs, first in, first out or as ``order`` draws; stop dead after ``limit`` ended.

    Every trial reports an epoch before any of them ends.
    """
    started, queue = [], []
    while True:
        while len(queue) < num_concurrent and (job := conductor.next_job()) is not None:
            started.append(job)
            queue.append(job)
            if order is not None:
                conductor.report(job.trial_id, curve(job.config)[:1], COST)
        if not queue or limit == 0:
            return started
        job, limit = queue.pop(order.randrange(len(queue)) if order else 0), limit - 1
        status = TrialStatus.FAILED if job.arm in fail else TrialStatus.COMPLETED
        conductor.finish(end(job, status))


def outcome(folder: Path) -> tuple[tuple[ArmEntry, ...], Collection[str]]:
    """What a study came to, without the times."""
    manifest = Ledger(folder).read_manifest()
    return manifest.arms, Ledger(folder).read_all().keys()
