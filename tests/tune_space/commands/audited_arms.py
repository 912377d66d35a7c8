"""Audits of one arm over trials made by hand, sound ones and such that a test tampers with."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from morec.results import EpochRecord, Evaluation, TrialResult, TrialStatus, pack_ranks
from tests.tune_space.made_up_trials import end, sources, study
from tune_space.commands.audit_arms import ArmAudit
from tune_space.ledger.manifest import ArmEntry, SearchEntry
from tune_space.schedule.jobs import Job
from tune_space.study.arm import Arm
from tune_space.study.expand import configure, expand
from tune_space.study.spec import StudySpec

Point = Mapping[str, Any]
BLOCKS: list[Point] = [{"model.num_blocks": number} for number in (1, 2, 3)]
ENDLESS = {"model.num_blocks": {"int": [1, 9]}}
"""More points than the budget has trials."""
THREE = {"search": {"model.num_blocks": {"int": [1, 3]}}, "budget": {"trials": 4}}
"""A space of fewer points than the budget has trials."""


def alone(**changes: Any) -> StudySpec:
    """A study of one arm: a budget of three trials and the seeds 1 and 2."""
    return study(**{"arms": {"ID": {}}, "search": ENDLESS} | changes)


def trial(
    arm: Arm,
    params: Point,
    *,
    hits: int = 5,
    seed: int = 0,
    test: bool = False,
    status: TrialStatus = TrialStatus.COMPLETED,
) -> TrialResult:
    """A trial of an arm, see ``scored``."""
    config = configure(arm, params, seed=seed, test=test)
    return scored(Job.of(arm.name, "final" if test else "search", config, sources), hits, status)


def scored(job: Job, hits: int, status: TrialStatus = TrialStatus.COMPLETED) -> TrialResult:
    """A job's record; of 10 users of its validation, ``hits`` have their target at rank 1."""
    made = end(job, status)
    if status is not TrialStatus.COMPLETED:
        return made
    metrics = {"HR@10": hits / 10}
    epoch = EpochRecord(epoch=1, train_loss=1, valid=metrics, train_s=1, eval_s=1)
    valid = Evaluation(
        metrics=metrics,
        num_users=10,
        num_tied=0,
        num_forced_misses=0,
        packed_ranks=pack_ranks([1] * hits + [30] * (10 - hits)),
    )
    return made.model_copy(update={"epochs": (epoch,), "best_epoch": 1, "valid": valid})


def audit_of(
    arm: Arm,
    spec: StudySpec,
    search: Sequence[tuple[Point, TrialResult]],
    chosen: SearchEntry | None,
) -> ArmAudit:
    """The audit of an arm that was locked to ``chosen`` and tested with every seed."""
    entries = tuple(SearchEntry(trial_id=one.trial_id, params=point) for point, one in search)
    params = chosen.params if chosen else {}
    final = [trial(arm, params, seed=seed, test=True) for seed in spec.seeds if chosen]
    ids = tuple(one.trial_id for one in final)
    entry = ArmEntry(name=arm.name, config=arm.config, search=entries, locked=chosen, final=ids)
    records = {one.trial_id: one for one in (*(one for _, one in search), *final)}
    return ArmAudit(spec, arm, entry, records)


def made(
    hits: Sequence[int] = (2, 7, 7), points: Sequence[Point] = BLOCKS, **changes: Any
) -> ArmAudit:
    """A sound arm, whose search found so many targets and whose first best trial was chosen."""
    spec = alone(**changes)
    (arm,) = expand(spec)
    search = [(one, trial(arm, one, hits=n)) for one, n in zip(points, hits, strict=True)]
    best = hits.index(max(hits))
    chosen = SearchEntry(trial_id=search[best][1].trial_id, params=points[best])
    return audit_of(arm, spec, search, chosen)


def with_entry(audited: ArmAudit, **fields: Any) -> ArmAudit:
    return replace(audited, entry=audited.entry.model_copy(update=fields))


def with_record(audited: ArmAudit, record: TrialResult, **fields: Any) -> ArmAudit:
    """The same with other values in one record, which keeps its name."""
    other = record.model_copy(update=fields)
    return replace(audited, records={**audited.records, record.trial_id: other})


def without(audited: ArmAudit, trial_id: str) -> ArmAudit:
    kept = {name: one for name, one in audited.records.items() if name != trial_id}
    return replace(audited, records=kept)


def problems(audited: ArmAudit) -> list[str]:
    return list(audited.problems())


def blocks(number: int) -> str:
    return f'{{"model.num_blocks":{number}}}'
