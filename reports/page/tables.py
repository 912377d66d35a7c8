"""The other tables of the page as rows of text, ready for the template."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from morec.results import TrialResult
from reports import formats
from reports.formats import NOT_AVAILABLE
from reports.study.contrasts import Contrast, Kind
from reports.study.costs import ArmCost, search_seconds
from reports.study.summary import MISSING, ArmSummary, StudySummary, Trial

MAX_ROWS = 300
"""Trials that stand in the page's HTML; the explorer has them all."""
MAX_SEARCH_ROWS = 50
"""The same of each arm's search."""


@dataclass(frozen=True)
class ContrastGroup:
    """Comparisons of one kind under one heading."""

    heading: str
    contrasts: tuple[Contrast, ...]


@dataclass(frozen=True)
class TrialRow:
    """One trial with everything its table shows; keys are what its columns sort by."""

    trial: Trial
    params: str
    valid: str
    valid_key: float
    test: str
    test_key: float
    epochs: str
    seconds_key: float
    time: str
    error: str


@dataclass(frozen=True)
class EffortRow:
    """How much tuning one arm got."""

    arm: str
    asked: int
    completed: int
    pruned: int
    failed: int
    collapsed: int
    best_valid: str
    time: str
    locked: str


@dataclass(frozen=True)
class Seal:
    """The promise about the test split with the numbers that support or break it."""

    holds: bool
    searches: int
    searches_with_test: int
    finals: int
    finals_with_test: int


def costs_by_dataset(costs: Iterable[ArmCost]) -> dict[str, list[ArmCost]]:
    """Arms by the data they were trained on."""
    found: dict[str, list[ArmCost]] = {}
    for cost in costs:
        found.setdefault(cost.dataset, []).append(cost)
    return found


def contrast_groups(contrasts: Iterable[Contrast], baseline: str) -> tuple[ContrastGroup, ...]:
    """The comparisons of one metric by how they came about, empty groups left out."""
    headings: dict[Kind, str] = {
        "named": "Named in the study file beforehand",
        "exploratory": f"Exploratory: every other arm against {baseline}",
        "reference": "Against the references, which train nothing",
    }
    by_kind = {kind: tuple(one for one in contrasts if one.kind == kind) for kind in headings}
    return tuple(ContrastGroup(headings[kind], rows) for kind, rows in by_kind.items() if rows)


def trial_rows(summary: StudySummary) -> tuple[TrialRow, ...]:
    """Trials the study asked for, missing ones too, in its order.

    Of more than ``MAX_ROWS``: final trials, then those in trouble, then the best of the searches.
    """
    trials = summary.trials
    if len(trials) > MAX_ROWS:
        kept = {trial.trial_id for trial in sorted(trials, key=_urgency)[:MAX_ROWS]}
        trials = tuple(trial for trial in trials if trial.trial_id in kept)
    return tuple(trial_row(trial, summary.main_metric) for trial in trials)


def search_rows(arm: ArmSummary) -> tuple[Trial, ...]:
    """The arm's search trials, at most ``MAX_SEARCH_ROWS`` of them: then the best, best first."""
    if len(arm.searches) <= MAX_SEARCH_ROWS:
        return arm.searches
    return tuple(sorted(arm.searches, key=_urgency)[:MAX_SEARCH_ROWS])


def longest_search(summary: StudySummary) -> int:
    """How many search trials the arm with most of them has."""
    return max((len(arm.searches) for arm in summary.arms), default=0)


def most_collapsed(summary: StudySummary) -> int:
    """How many trials collapsed in the arm where most of them did."""
    numbers = (sum(one.status == "collapsed" for one in arm.trials) for arm in summary.arms)
    return max(numbers, default=0)


def effort_rows(summary: StudySummary) -> tuple[EffortRow, ...]:
    """Tuning effort per arm, which ought to be equal."""
    return tuple(_effort_row(arm) for arm in summary.arms)


def seal(summary: StudySummary) -> Seal:
    """Count looks at the test split by role."""
    looks = [_has_test(trial.result) for trial in summary.trials if trial.role == "search"]
    finals = [_has_test(trial.result) for trial in summary.trials if trial.role == "final"]
    return Seal(
        holds=not any(looks),
        searches=len(looks),
        searches_with_test=sum(looks),
        finals=len(finals),
        finals_with_test=sum(finals),
    )


def codes(summary: StudySummary) -> tuple[tuple[tuple[tuple[str, str], ...], int], ...]:
    """Versions of the code that made the study's trials, the most frequent first, with counts."""
    results = (trial.result for trial in summary.trials if trial.result)
    return tuple(Counter(tuple(result.code.items()) for result in results).most_common())


def seed_values(summary: StudySummary, metric: str) -> tuple[tuple[str, list[str]], ...]:
    """Arm -> its test value per seed, in the order of the study's seeds."""
    seeds = summary.manifest.study.seeds
    table = []
    for arm in summary.arms:
        by_seed = dict(zip(arm.tested, arm.values(metric), strict=False))
        table.append((arm.name, [formats.percent(by_seed.get(seed)) for seed in seeds]))
    return tuple(table)


def parameters(params: dict[str, object]) -> str:
    """Searched values on one line."""
    return ", ".join(f"{key} = {formats.parameter(value)}" for key, value in params.items())


def searched_paths(summary: StudySummary) -> tuple[str, ...]:
    """Every parameter that some arm searched, in the order met."""
    trials = (trial for arm in summary.arms for trial in arm.searches)
    return tuple(dict.fromkeys(path for trial in trials for path in trial.params))


def uncounted(costs: Iterable[ArmCost]) -> tuple[str, ...]:
    """Operations without a formula, over all arms."""
    return tuple(sorted({op for cost in costs for op in cost.uncounted_ops}))


def device_costs(costs: Iterable[ArmCost]) -> dict[str, list[ArmCost]]:
    """Arms by where they ran: different devices are never ranked together."""
    found: dict[str, list[ArmCost]] = {}
    for cost in costs:
        found.setdefault(" + ".join(cost.devices), []).append(cost)
    return found


def trials_per_node(trials: Iterable[Trial]) -> dict[str, int]:
    """Of a cluster's nodes: how many trials ran there, wholly or in part."""
    costs = [trial.result.cost for trial in trials if trial.result and trial.result.cost]
    return dict(sorted(Counter(node for cost in costs for node in set(cost.nodes)).items()))


def _urgency(trial: Trial) -> tuple[int, float]:
    """Final before troubled before searched; the better the validation score the sooner."""
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
        valid_key=-1 if score is None else score,
        test=formats.percent(test) if test is not None else "",
        test_key=-1 if test is None else test,
        epochs=_epochs(result),
        seconds_key=-1 if seconds is None else seconds,
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


def _has_test(result: TrialResult | None) -> bool:
    return result is not None and result.test is not None
