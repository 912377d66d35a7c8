"""Sentences built from the numbers, never stronger than they are."""

from collections.abc import Iterable, Iterator, Sequence

from reports import formats
from reports.study.contrasts import Contrast, Finding
from reports.study.statistics import MIN_SEEDS, Difference
from reports.study.summary import MISSING, ArmSummary, StudySummary, Trial
from tune_space.schedule.arm_plan import ArmPlan, ArmTrials, TrialStates, plan_arm

MAX_NAMED = 6
"""Trials that a sentence names."""
_VERBS = {
    Finding.BETTER: "beats",
    Finding.WORSE: "is worse than",
    Finding.BETTER_THESE_SEEDS: "is better, on these seeds, than",
    Finding.WORSE_THESE_SEEDS: "is worse, on these seeds, than",
    Finding.OPEN: "is not distinguishable from",
    Finding.NONE: "cannot be compared with",
}


def overview(summary: StudySummary, contrasts: tuple[Contrast, ...]) -> tuple[str, ...]:
    """Each named contrast over all data sets in one sentence; nothing where there is one."""
    if not summary.is_several:
        return ()
    named: dict[tuple[str, str], list[Contrast]] = {}
    for one in contrasts:
        if one.kind == "named" and one.metric == summary.main_metric:
            named.setdefault((one.better, one.than), []).append(one)
    return tuple(_over_datasets(pair, found) for pair, found in named.items())


def headline(summary: StudySummary, contrasts: tuple[Contrast, ...]) -> tuple[str, ...]:
    """The verdict: per data set a sentence per named contrast, or the best arm's, exploratory."""
    lines: list[str] = []
    for part in summary.parts:
        own = [one for one in contrasts if one.dataset == part.key]
        lines += (_where(part) + line for line in _headline(part, own))
    return tuple(lines)


def sentence(contrast: Contrast) -> str:
    """One comparison in words, with its numbers."""
    pair = f"{contrast.better} and {contrast.than}"
    if contrast.difference is None:
        return f"{pair} cannot be compared on {contrast.metric}: {contrast.problem}."
    verb = _VERBS[contrast.finding]
    text = f"{contrast.better} {verb} {contrast.than}{_joint(contrast)}{_numbers(contrast)}"
    if contrast.time_ratio is not None:
        text += f" at {formats.significant(contrast.time_ratio, 2)}× the training time"
    return f"{text}.{_what_would_settle(contrast)}"


def caveats(summary: StudySummary, contrasts: tuple[Contrast, ...]) -> tuple[str, ...]:
    """What a reader must know before believing the verdict."""
    on_main = [one for one in contrasts if one.metric == summary.main_metric]
    return (
        *_about_seeds(summary),
        *_about_users(summary, on_main),
        *_about_popularity(summary.main_metric, on_main),
        *_about_searches(summary),
    )


def unfinished(summary: StudySummary) -> tuple[str, ...]:
    """What is still missing, by number and by name; empty for a whole study."""
    return tuple(_what_is_missing(summary))


def progress(summary: StudySummary) -> str:
    """How far a running study is; empty where it does not run."""
    manifest = summary.manifest
    if manifest.state != "running":
        return ""
    plans = [_plan(summary, arm) for arm in summary.arms]
    done = sum(plan.num_done for plan in plans)
    total = done + sum(plan.num_left for plan in plans)
    return (
        f"{done:,} of {formats.plural(total, 'trial')} have ended; "
        f"last update {manifest.updated_at or 'unknown'}."
    )


def _plan(summary: StudySummary, arm: ArmSummary) -> ArmPlan:
    records = {trial.trial_id: trial.result for trial in arm.trials if trial.result}
    return plan_arm(ArmTrials.of_entry(arm.entry, summary.manifest.study), TrialStates(records))


def _where(part: StudySummary) -> str:
    return f"{part.key}: " if part.key else ""


def _headline(summary: StudySummary, contrasts: list[Contrast]) -> tuple[str, ...]:
    on_main = [one for one in contrasts if one.metric == summary.main_metric]
    named = [one for one in on_main if one.kind == "named"]
    if named:
        return tuple(sentence(one) for one in named)
    known = [one for one in on_main if one.kind == "exploratory" and one.difference]
    if known:
        best = max(known, key=lambda one: one.difference.mean if one.difference else 0.0)
        return (f"No contrast was named beforehand. Exploratory: {sentence(best)}",)
    return (_nothing_to_compare(summary),)


def _over_datasets(pair: tuple[str, str], contrasts: list[Contrast]) -> str:
    better, than = pair
    where: dict[Finding, list[str]] = {}
    for one in contrasts:
        where.setdefault(one.finding, []).append(one.dataset)
    clauses = [
        f"{_VERBS[finding]} {'it' if index else than} on {_listed(datasets)}"
        for index, (finding, datasets) in enumerate(sorted(where.items(), key=_firmest))
    ]
    return f"{better} {'; '.join(clauses)}."


def _firmest(item: tuple[Finding, list[str]]) -> int:
    return list(_VERBS).index(item[0])


def _listed(names: list[str]) -> str:
    return " and ".join(", ".join(names).rsplit(", ", 1))


def _joint(contrast: Contrast) -> str:
    is_ahead = contrast.finding in (Finding.BETTER, Finding.BETTER_THESE_SEEDS)
    return " by " if is_ahead else ": "


def _numbers(contrast: Contrast) -> str:
    difference = contrast.difference
    if difference is None:
        return ""
    values = (difference.mean, difference.low, difference.high)
    mean, low, high = (formats.points(value, 1) for value in values)
    noise = "" if difference.measures_seeds else ", seed variation not measured"
    return (
        f"{mean} points {contrast.metric} [{low}, {high}] "
        f"({formats.plural(difference.num_seeds, 'seed')}, "
        f"{formats.plural(difference.num_users, 'user')}, "
        f"Holm\N{NO-BREAK SPACE}p\N{NO-BREAK SPACE}{_p_clause(contrast.p_holm)}{noise})"
    )


def _p_clause(p: float | None) -> str:
    text = formats.p_value(p)
    return (
        text.replace(" ", "\N{NO-BREAK SPACE}")
        if text.startswith("<")
        else f"=\N{NO-BREAK SPACE}{text}"
    )


def _what_would_settle(contrast: Contrast) -> str:
    difference = contrast.difference
    if difference is None or contrast.finding is not Finding.OPEN or difference.excludes_zero:
        return ""
    options = [*_users_needed(difference), *_seeds_needed(difference)]
    if not options:
        return " At this difference neither more users nor more seeds alone would tell them apart."
    return f" If the difference is real, it would take about {' or '.join(options)} to show it."


def _users_needed(difference: Difference) -> Iterator[str]:
    users = difference.users_needed()
    if users is not None:
        seeds = "" if difference.measures_seeds else f" and {MIN_SEEDS} seeds"
        times = formats.significant(users / difference.num_users, 2)
        yield f"{formats.about(users)} users ({times}× as many){seeds}"


def _seeds_needed(difference: Difference) -> Iterator[str]:
    seeds = difference.seeds_needed()
    if difference.measures_seeds and seeds is not None:
        yield f"{seeds} seeds"


def _nothing_to_compare(summary: StudySummary) -> str:
    if len(summary.arms) < 2:
        return "One arm alone has nothing to be compared with." if summary.arms else "No arm yet."
    return "No verdict yet: no seed has finished in two arms that are to be compared."


def _about_seeds(summary: StudySummary) -> Iterator[str]:
    wanted = len(summary.manifest.study.seeds)
    if wanted < MIN_SEEDS:
        yield (
            f"Seed variation not measured: {formats.plural(wanted, 'seed')} per arm; "
            f"{MIN_SEEDS} or more are needed before another training run is spoken for."
        )


def _about_users(summary: StudySummary, contrasts: list[Contrast]) -> Iterator[str]:
    half = {part.key: _usual_half_width(contrasts, part.key) for part in summary.parts}
    known = [
        (part.key, f"±{100 * width:.1f} points wide", formats.plural(part.num_users, "test user"))
        for part in summary.parts
        if part.num_users is not None and (width := half[part.key]) is not None
    ]
    interval, unseen = (
        f"interval on {summary.main_metric} is about",
        "smaller differences cannot be seen.",
    )
    if known and not summary.is_several:
        ((_, wide, users),) = known
        yield f"With {users} an {interval} {wide}: {unseen}"
    elif known:
        listed = ", ".join(f"{wide} on {key} ({users})" for key, wide, users in known)
        yield f"An {interval} {listed}: {unseen}"


def _usual_half_width(contrasts: Iterable[Contrast], dataset: str) -> float | None:
    widths = [
        (one.difference.high - one.difference.low) / 2
        for one in contrasts
        if one.difference and one.dataset == dataset and one.kind != "reference"
    ]
    return sorted(widths)[len(widths) // 2] if widths else None


def _about_popularity(metric: str, contrasts: Iterable[Contrast]) -> Iterator[str]:
    shown = (Finding.BETTER, Finding.BETTER_THESE_SEEDS)
    weak: dict[str, list[str]] = {}
    for one in contrasts:
        if one.kind == "reference" and one.difference and one.finding not in shown:
            weak.setdefault(one.dataset, []).append(one.better)
    if weak:
        named = (", ".join(arms) + (f" on {on}" if on else "") for on, arms in weak.items())
        yield (
            f"Not shown to be better than recommending the most popular items ({metric}): "
            f"{'; '.join(named)}."
        )


def _about_searches(summary: StudySummary) -> Iterator[str]:
    for status in ("failed", "collapsed"):
        trials = [trial for trial in summary.with_status(status) if trial.role == "search"]
        if trials:
            yield f"{formats.plural(len(trials), 'search trial')} {status}: {_names(trials)}."


def _what_is_missing(summary: StudySummary) -> Iterator[str]:
    state = summary.manifest.state
    if state != "finished":
        yield f"The study is {state}; numbers will change."
    if summary.num_pending:
        total = len(summary.manifest.study.seeds) * len(summary.arms)
        yield f"{summary.num_pending} of {formats.plural(total, 'final trial')} still to come."
    for status in ("failed", "collapsed"):
        trials = [trial for trial in summary.with_status(status) if trial.role == "final"]
        if trials:
            yield f"{formats.plural(len(trials), 'final trial')} {status}: {_names(trials)}."
    lost = summary.with_status(MISSING)
    if lost:
        yield f"{formats.plural(len(lost), 'trial')} without a record: {_names(lost)}."


def _names(trials: Sequence[Trial]) -> str:
    """At most ``MAX_NAMED`` of them; the table of trials has them all."""
    named = ", ".join(f"{trial.trial_id} ({trial.arm})" for trial in trials[:MAX_NAMED])
    more = len(trials) - MAX_NAMED
    return f"{named}, and {more:,} more, see Trials" if more > 0 else named
