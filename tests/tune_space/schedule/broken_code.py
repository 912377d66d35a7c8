"""The project's code, broken on purpose: what a simulation that is worth its time must notice."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from morec.results import TrialResult, TrialStatus
from tune_space.execution import runner
from tune_space.execution.options import RunOutcome
from tune_space.execution.ray_tune import StudyScheduler
from tune_space.ledger import records
from tune_space.ledger.manifest import ArmEntry
from tune_space.ledger.records import Ledger
from tune_space.schedule import arm_search, arm_state, conductor, outcomes
from tune_space.schedule.arm_plan import (
    MAX_FAILURES,
    ArmPlan,
    ArmTrials,
    TrialStates,
    plan_arm,
)
from tune_space.schedule.arm_state import ArmState
from tune_space.schedule.conductor import Conductor
from tune_space.schedule.earlier import earlier_entry
from tune_space.schedule.jobs import search_budget
from tune_space.schedule.manifest_writer import ManifestWriter
from tune_space.schedule.outcomes import Outcomes
from tune_space.study.arm import Arm
from tune_space.study.spec import StudySpec

_write, _tidy, _finish = Ledger.write, Conductor._tidy_checkpoints, Conductor.finish
_state_init, _outcomes_init, _advance = ArmState.__init__, Outcomes.__init__, ArmState.advance
_next_job, _report, _best = Conductor.next_job, Conductor.report, records.best_trial


def _write_silently(self: Ledger, result: TrialResult) -> None:
    with suppress(OSError):
        _write(self, result)


def _forget_one(self: Outcomes, found: Mapping[str, TrialResult], **options: Any) -> None:
    final = [i for i, one in found.items() if one.test is not None]
    _outcomes_init(self, {i: one for i, one in found.items() if i not in final[:1]}, **options)


def _ask_backwards(self: ArmState, *given: Any, **options: Any) -> None:
    _state_init(self, *given, **options)
    self._earlier.reverse()


def _tell_backwards(self: ArmState, states: TrialStates) -> None:
    self._round.reverse()
    _advance(self, states)


def _start_unwritten(self: Conductor, *given: Any) -> Any:
    with patch.object(ManifestWriter, "write_manifest"):
        return _next_job(self, *given)


def _finish_without_checkpoint(self: Conductor, result: TrialResult) -> None:
    self.checkpoints.of(result.trial_id).remove()
    _finish(self, result)


def _judge_last_epoch(trial: Any, epochs: Any) -> int | None:
    weak, known = None, trial.study.trials[trial.number].intermediate_values
    for epoch, score in epochs:
        if epoch not in known:
            trial.report(score, epoch)
            weak = epoch if trial.should_prune() else None
    return weak


def _take_no_disk(self: StudyScheduler, result: TrialResult) -> None:
    self._conductor.finish(result)


def _last_of_equals(results: Any) -> TrialResult | None:
    return _best(reversed(list(results)))


def _give_up_early(trials: ArmTrials, states: TrialStates) -> ArmPlan:
    plan = plan_arm(trials, states)
    ended = [states.records[i] for i in trials.search if states.is_done(i)]
    is_bad = all(one.status is TrialStatus.FAILED for one in ended)
    return replace(plan, is_given_up=plan.is_given_up or (is_bad and len(ended) >= MAX_FAILURES))


def _of_any_seed(arm: Arm, entries: Iterable[ArmEntry]) -> ArmEntry:
    return earlier_entry(
        arm,
        [
            entry.model_copy(update={"config": arm.config}) if entry.name == arm.name else entry
            for entry in entries
        ],
    )


def _more_for_one(study: StudySpec, arm: Arm) -> int:
    return search_budget(study, arm) + (arm.own_name == "B" and study.budget.trials > 0)


BROKEN: dict[str, tuple[Any, str, Any]] = {
    "no lock": (runner, "hold", lambda _: nullcontext()),
    "a record that a full disk refuses is dropped": (Ledger, "write", _write_silently),
    "a final trial is forgotten at a start": (Outcomes, "__init__", _forget_one),
    "earlier trials are asked for in another order": (ArmState, "__init__", _ask_backwards),
    "a round is told in another order": (ArmState, "advance", _tell_backwards),
    "a trial starts before it is written down": (Conductor, "next_job", _start_unwritten),
    "a lost trial's checkpoint is removed": (Conductor, "finish", _finish_without_checkpoint),
    "members' checkpoints are removed": (Conductor, "_needed", lambda self: set()),
    "an accident is a failure at once": (outcomes, "MAX_ATTEMPTS", 1),
    "the last of equals is locked": (arm_search, "best_trial", _last_of_equals),
    "hours are not counted": (Conductor, "is_out_of_time", lambda self: False),
    "failures do not change the exit code": (RunOutcome, "exit_code", 0),
    "an interrupted study says that it runs": (
        runner,
        "never_left_running",
        lambda _: nullcontext(),
    ),
    "a full disk is a trial's failure": (StudyScheduler, "_end", _take_no_disk),
    "only the last epoch is judged": (arm_search, "_report", _judge_last_epoch),
    "an arm is given up in the middle of a round": (arm_state, "plan_arm", _give_up_early),
    "another search seed asks for the old points": (conductor, "earlier_entry", _of_any_seed),
    "one arm is searched more than the others": (arm_search, "search_budget", _more_for_one),
    "the lost session fails its trials": (
        StudyScheduler,
        "__init__",
        lambda self, conductor, is_intact, halt: _init(self, conductor, halt),
    ),
}
"""What is broken -> the attribute that is replaced, and by what."""

_scheduler_init = StudyScheduler.__init__


def _init(self: StudyScheduler, conductor: Conductor, halt: Any) -> None:
    _scheduler_init(self, conductor, lambda: True, halt)


@contextmanager
def broken(name: str) -> Iterator[None]:
    """Break one thing."""
    place, attribute, replacement = BROKEN[name]
    with patch.object(place, attribute, replacement):
        yield
