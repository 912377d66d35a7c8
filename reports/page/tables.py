"""Rows of trials that several sections show, as text that is ready for their templates."""

from dataclasses import dataclass

from morec.results import TrialResult
from reports import formats
from reports.formats import NOT_AVAILABLE
from reports.study.costs import search_seconds
from reports.study.summary import MISSING, ArmSummary, StudySummary, Trial

MAX_ROWS = 300
"""Trials in the static table of the page; the explorer has every trial."""
MAX_SEARCH_ROWS = 50
"""Search trials of an arm in the static table of its search."""


@dataclass(frozen=True)
class TrialRow:
    """One trial with everything its table shows."""

    trial: Trial
    params: str
    valid: str
    test: str
    epochs: str
    time: str
    error: str


@dataclass(frozen=True)
class EffortRow:
    """The search trials of one arm by outcome, and what came of them."""

    arm: str
    asked: int
    completed: int
    pruned: int
    failed: int
    collapsed: int
    best_valid: str
    time: str
    locked: str


def trial_rows(summary: StudySummary) -> tuple[TrialRow, ...]:
    """Every trial the study asked for, missing ones included, in the study's order.

    A study of more than ``MAX_ROWS`` trials keeps final trials first, then failed, collapsed and
    missing ones, then the search trials with the best validation scores.
    """
    trials = summary.trials
    if len(trials) > MAX_ROWS:
        kept = {trial.trial_id for trial in sorted(trials, key=_urgency)[:MAX_ROWS]}
        trials = tuple(trial for trial in trials if trial.trial_id in kept)
    return tuple(trial_row(trial, summary.main_metric) for trial in trials)


def search_rows(arm: ArmSummary) -> tuple[Trial, ...]:
    """The arm's search trials in order; of more than ``MAX_SEARCH_ROWS`` the best, best first."""
    if len(arm.searches) <= MAX_SEARCH_ROWS:
        return arm.searches
    return tuple(sorted(arm.searches, key=_urgency)[:MAX_SEARCH_ROWS])


def effort_rows(summary: StudySummary) -> tuple[EffortRow, ...]:
    """Tuning effort per arm; it should be equal."""
    return tuple(_effort_row(arm) for arm in summary.arms)


def parameters(params: dict[str, object]) -> str:
    """Searched values on one line."""
    return ", ".join(f"{key} = {formats.parameter(value)}" for key, value in params.items())


def _urgency(trial: Trial) -> tuple[int, float]:
    """Sort key: final trials, then failed and missing ones, then the others by validation score."""
    is_troubled = trial.status in ("failed", "collapsed", MISSING)
    rank = 0 if trial.role == "final" else 1 if is_troubled else 2
    return rank, -(trial.valid_score or 0.0)


def trial_row(trial: Trial, metric: str) -> TrialRow:
    """One trial as its table shows it."""
    result, seconds = trial.result, trial.seconds
    test = result.test.metrics.get(metric) if result and result.test else None
    score = trial.valid_score
    return TrialRow(
        trial=trial,
        params=parameters(trial.params),
        valid=formats.percent(score) if score is not None else "",
        test=formats.percent(test) if test is not None else "",
        epochs=_epochs(result),
        time=formats.duration(seconds),
        error=_error(trial),
    )


def _epochs(result: TrialResult | None) -> str:
    if result is None or not result.epochs:
        return NOT_AVAILABLE
    best = f" (best {result.best_epoch})" if result.best_epoch else ""
    return f"{len(result.epochs)}{best}"


def _error(trial: Trial) -> str:
    if trial.result is None:
        return "No record: the trial is running, has not started, or its process died."
    told = trial.result.log_tail
    words = f"The last lines it printed:\n{told}\n\n" if told else ""
    return words + (trial.result.error or "")


def _effort_row(arm: ArmSummary) -> EffortRow:
    by_status = [trial.status for trial in arm.searches]
    locked = arm.entry.locked
    if not arm.searches:
        text = "nothing to search"
    else:
        text = parameters(locked.params) if locked else "not locked yet"
    return EffortRow(
        arm=arm.name,
        asked=len(arm.searches),
        completed=by_status.count("completed"),
        pruned=by_status.count("pruned"),
        failed=by_status.count("failed"),
        collapsed=by_status.count("collapsed"),
        best_valid=formats.percent(arm.best_valid),
        time=formats.duration(search_seconds(arm)),
        locked=text,
    )
