"""Trials as several sections show them: which ones, and their values as text."""

from collections import Counter
from dataclasses import dataclass

from reports import formats
from reports.study.rounds import round_sentence
from reports.study.summary import ArmSummary, StudySummary
from reports.study.trial import MISSING, Trial

MAX_ROWS = 300
"""Trials in the static table of the page; the explorer has every trial."""
MAX_SEARCH_ROWS = 50
"""Search trials of an arm in the static table of its search."""


@dataclass(frozen=True)
class EffortRow:
    """The search trials of one arm by outcome, and what came of them."""

    arm: ArmSummary
    by_status: Counter[str]
    locked: str
    """The locked values on one line, or why there are none."""


def trial_rows(summary: StudySummary) -> tuple[Trial, ...]:
    """Every trial the study asked for, missing ones included, in the study's order.

    A study of more than ``MAX_ROWS`` trials keeps final trials first, then failed, collapsed and
    missing ones, then the search trials with the best validation scores.
    """
    trials = summary.trials
    if len(trials) <= MAX_ROWS:
        return trials
    kept = {trial.trial_id for trial in sorted(trials, key=_urgency)[:MAX_ROWS]}
    return tuple(trial for trial in trials if trial.trial_id in kept)


def search_rows(arm: ArmSummary) -> tuple[Trial, ...]:
    """The arm's search trials in order; of more than ``MAX_SEARCH_ROWS`` the best, best first."""
    if len(arm.searches) <= MAX_SEARCH_ROWS:
        return arm.searches
    return tuple(sorted(arm.searches, key=_urgency)[:MAX_SEARCH_ROWS])


def effort_rows(summary: StudySummary) -> tuple[EffortRow, ...]:
    """Tuning effort per arm; it should be equal."""
    return tuple(_effort_row(arm) for arm in summary.arms)


def effort_sentences(summary: StudySummary) -> tuple[str, ...]:
    """Whether the arms' searches were equal: their budget, and arms that it does not describe."""
    study = summary.manifest.study
    budget = formats.plural(study.budget.trials, "search trial")
    exceptions = []
    for arm in summary.arms:
        points, tried = arm.entry.num_points or 0, sum(t.result is not None for t in arm.searches)
        if points > study.budget.trials and study.sampler == "grid":
            exceptions.append(f"{arm.name}: its grid has {points:,} points, {tried:,} tried.")
        elif 0 < points < study.budget.trials:
            how_many = "all" if tried >= points else f"{tried:,}"
            space = formats.plural(points, "point")
            exceptions.append(f"{arm.name}: its space has {space}, {how_many} tried.")
        elif arm.entry.locked and 0 < len(arm.searches) < study.budget.trials:
            exceptions.append(f"{arm.name}: its search ended after {len(arm.searches)}.")
    size = min(summary.manifest.round_size, study.budget.trials)
    rounds = [round_sentence(size)] if size > 1 else []
    return f"Every arm that searches has the same budget: {budget}.", *rounds, *exceptions


def parameters(params: dict[str, object]) -> str:
    """Searched values on one line."""
    return ", ".join(f"{key} = {formats.parameter(value)}" for key, value in params.items())


def _urgency(trial: Trial) -> tuple[int, float]:
    """Sort key: final trials, then failed and missing ones, then the others by validation score."""
    is_troubled = trial.status in ("failed", "collapsed", MISSING)
    rank = 0 if trial.role == "final" else 1 if is_troubled else 2
    return rank, -(trial.valid_score or 0.0)


def epochs(trial: Trial) -> str:
    """Number of epochs, and which one was the best."""
    result = trial.result
    if result is None or not result.epochs:
        return formats.NOT_AVAILABLE
    best = f" (best {result.best_epoch})" if result.best_epoch else ""
    return f"{len(result.epochs)}{best}"


def error(trial: Trial) -> str:
    """What went wrong, after the last lines that the trial printed; empty where nothing did."""
    if trial.result is None:
        return "No record: the trial is running, has not started, or its process died."
    told = trial.result.log_tail
    words = f"The last lines it printed:\n{told}\n\n" if told else ""
    return words + (trial.result.error or "")


def _effort_row(arm: ArmSummary) -> EffortRow:
    locked = arm.entry.locked
    text = parameters(locked.params) if locked else "not locked yet"
    by_status = Counter(trial.status for trial in arm.searches)
    return EffortRow(arm, by_status, text if arm.searches else "nothing to search")
