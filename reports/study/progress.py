"""Progress of a study in words: trials that ended, trials still missing, trials that broke."""

from collections.abc import Iterator, Sequence

from reports import formats
from reports.study.summary import ArmSummary, StudySummary
from reports.study.trial import MISSING, Trial
from tune_space.ledger.manifest import Role
from tune_space.schedule.arm_plan import ArmPlan, ArmTrials, TrialStates, distinct, plan_arm

MAX_NAMED = 6
"""Trials named in one sentence."""


def unfinished(summary: StudySummary) -> tuple[str, ...]:
    """One sentence per thing that is missing, with trials by name; empty for a complete study."""
    return tuple(_what_is_missing(summary))


def progress(summary: StudySummary) -> str:
    """Number of ended trials of a running study; empty where the study is not running."""
    manifest = summary.manifest
    if manifest.state != "running":
        return ""
    plans = distinct(_plan(summary, arm) for arm in summary.arms)
    done = sum(plan.num_done for plan in plans)
    total = done + sum(plan.num_left for plan in plans)
    return (
        f"{done:,} of {formats.plural(total, 'trial')} have ended; "
        f"last update {manifest.updated_at or 'unknown'}."
    )


def broken_trials(summary: StudySummary, role: Role) -> Iterator[str]:
    """Number and names of the failed trials with that role, and of the collapsed ones."""
    for status in ("failed", "collapsed"):
        trials = [trial for trial in summary.with_status(status) if trial.role == role]
        if trials:
            yield f"{formats.plural(len(trials), f'{role} trial')} {status}: {_names(trials)}."


def _plan(summary: StudySummary, arm: ArmSummary) -> ArmPlan:
    records = {trial.trial_id: trial.result for trial in arm.trials if trial.result}
    return plan_arm(ArmTrials.of_entry(arm.entry, summary.manifest.study), TrialStates(records))


def _what_is_missing(summary: StudySummary) -> Iterator[str]:
    state = summary.manifest.state
    if state != "finished":
        by = summary.manifest.interrupted_by
        yield f"The study is {state}{f' ({by})' if by else ''}; numbers will change."
    if summary.num_pending:
        total = len(summary.manifest.study.seeds) * len(summary.distinct_arms)
        yield f"{summary.num_pending} of {formats.plural(total, 'final trial')} still to come."
    yield from broken_trials(summary, "final")
    lost = summary.with_status(MISSING)
    if lost:
        yield f"{formats.plural(len(lost), 'trial')} without a record: {_names(lost)}."


def _names(trials: Sequence[Trial]) -> str:
    """Identities of the first ``MAX_NAMED`` trials, and how many more there are."""
    named = ", ".join(f"{trial.trial_id} ({trial.arm})" for trial in trials[:MAX_NAMED])
    more = len(trials) - MAX_NAMED
    return f"{named}, and {more:,} more, see Trials" if more > 0 else named
