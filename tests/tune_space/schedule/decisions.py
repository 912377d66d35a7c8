"""Compares a finished folder with what the study comes to when nothing disturbs it."""

from collections.abc import Mapping

from morec.errors import ExitCode
from morec.results import TrialResult, TrialStatus
from tests.tune_space.schedule.ledger_watch import is_repeatable
from tests.tune_space.schedule.undisturbed import Decisions
from tune_space.ledger.manifest import ArmEntry, Manifest, trials_of
from tune_space.schedule.arm_plan import MAX_FAILURES


def check_equal(
    manifest: Manifest,
    records: Mapping[str, TrialResult],
    expected: Mapping[str, Decisions],
    code: int,
) -> None:
    """The same trials, choices and results for every arm, and the exit code that follows."""
    assert {entry.name for entry in manifest.arms} == expected.keys()
    for entry in manifest.arms:
        _check_arm(entry, records, expected[entry.name])
    assert set(manifest.orphaned) == records.keys() - trials_of(manifest.arms)
    asked = [records[i] for i in trials_of(manifest.arms) if i in records]
    has_failed = any(one.status is TrialStatus.FAILED for one in asked)
    is_without = any(entry.locked is None for entry in manifest.arms)
    assert code == (ExitCode.FAILED if has_failed or is_without else ExitCode.OK)


def _check_arm(entry: ArmEntry, records: Mapping[str, TrialResult], expected: Decisions) -> None:
    name = entry.name
    assert list(entry.search) == expected.search, f"{name}: other search trials"
    assert entry.locked == expected.locked, f"{name}: another choice"
    assert list(entry.final) == expected.final, f"{name}: other final trials"
    for trial_id, one in expected.records.items():
        if trial_id not in records and expected.is_given_up:
            continue
        found = records[trial_id]
        assert _result(found) == _result(one), f"{name}: another result of {trial_id}"


def _result(record: TrialResult) -> tuple[object, ...]:
    """What a record says, without times and without what an unlucky machine changes."""
    if record.status is TrialStatus.FAILED:
        return record.status, "repeated" if is_repeatable(record) else record.reason
    return record.status, record.epochs, record.best_epoch, record.valid, record.test


def check_effort(manifest: Manifest, records: Mapping[str, TrialResult]) -> None:
    """Every arm was tuned with the same number of trials, or it is known why not."""
    budget = manifest.study.budget.trials
    for entry in manifest.arms:
        if manifest.study.arms[entry.own_name].ensemble:
            continue
        due = budget if entry.num_points is None else min(budget, entry.num_points)
        ended = [records[e.trial_id] for e in entry.search if e.trial_id in records]
        is_hopeless = sum(one.status is TrialStatus.FAILED for one in ended) >= MAX_FAILURES
        assert len(ended) == due or is_hopeless, f"{entry.name}: {len(ended)} of {due} trials"
        assert entry.locked is None or len(set(entry.final)) == len(manifest.study.seeds)
