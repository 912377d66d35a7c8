"""The verdict in words: which arm beats which, never stronger than the statistics allow."""

from collections.abc import Iterator

from reports import formats
from reports.study.contrasts import Contrast, Finding
from reports.study.statistics import MIN_SEEDS, Difference
from reports.study.summary import StudySummary

_VERBS = {
    Finding.BETTER: "beats",
    Finding.WORSE: "is worse than",
    Finding.BETTER_THESE_SEEDS: "is better, on these seeds, than",
    Finding.WORSE_THESE_SEEDS: "is worse, on these seeds, than",
    Finding.OPEN: "is not distinguishable from",
    Finding.NONE: "cannot be compared with",
}


def overview(summary: StudySummary, contrasts: tuple[Contrast, ...]) -> tuple[str, ...]:
    """One sentence per named contrast over all data sets; none in a study with one data set.

    As in ``headline``, under the first condition.
    """
    first = summary.by_condition[0]
    if not first.is_several:
        return ()
    named: dict[tuple[str, str], list[Contrast]] = {}
    for one in contrasts:
        is_main = one.kind == "named" and one.metric == first.main_metric
        if is_main and one.place.condition == first.place.condition:
            named.setdefault((one.better, one.than), []).append(one)
    where = _where(first)
    return tuple(where + _over_datasets(pair, found) for pair, found in named.items())


def headline(summary: StudySummary, contrasts: tuple[Contrast, ...]) -> tuple[str, ...]:
    """The verdict: per data set, one sentence per named contrast, under the first condition.

    Where the study names none, the best arm's sentence, marked as exploratory.
    """
    lines: list[str] = []
    for part in summary.by_condition[0].parts:
        own = [one for one in contrasts if one.place == part.place]
        lines += (_where(part) + line for line in _headline(part, own))
    return tuple(lines)


def sentence(contrast: Contrast) -> str:
    """One comparison in words, with its numbers."""
    pair = f"{contrast.better} and {contrast.than}"
    difference = contrast.difference
    if difference is None:
        return f"{pair} cannot be compared on {contrast.metric}: {contrast.problem}."
    verb = _VERBS[contrast.finding]
    text = f"{contrast.better} {verb} {contrast.than}{_joint(contrast)}"
    text += _numbers(contrast, difference)
    if contrast.time_ratio is not None:
        text += f" at {formats.significant(contrast.time_ratio, 2)}× the training time"
    return f"{text}.{_what_it_would_take(contrast, difference)}"


def _where(part: StudySummary) -> str:
    """What a sentence begins with, like ``MIND: `` or ``Under “by time”, MIND: ``."""
    under = f"Under {formats.quoted(part.place.condition)}" if part.place.condition else ""
    words = ", ".join(word for word in (under, part.place.dataset) if word)
    return f"{words}: " if words else ""


def _headline(summary: StudySummary, contrasts: list[Contrast]) -> tuple[str, ...]:
    on_main = [one for one in contrasts if one.metric == summary.main_metric]
    named = [one for one in on_main if one.kind == "named"]
    if named:
        return tuple(sentence(one) for one in named)
    known = [one for one in on_main if one.kind == "exploratory" and one.difference]
    if known:
        best = max(known, key=lambda one: one.difference.mean if one.difference else 0.0)
        return (
            f"The study file names no contrast between these arms. Exploratory: {sentence(best)}",
        )
    return (_nothing_to_compare(summary),)


def _over_datasets(pair: tuple[str, str], contrasts: list[Contrast]) -> str:
    better, than = pair
    where: dict[Finding, list[str]] = {}
    for one in contrasts:
        where.setdefault(one.finding, []).append(one.place.dataset)
    clauses = [
        f"{_VERBS[finding]} {'it' if index else than} on {formats.listed(datasets)}"
        for index, (finding, datasets) in enumerate(sorted(where.items(), key=_firmest_first))
    ]
    return f"{better} {'; '.join(clauses)}."


def _firmest_first(item: tuple[Finding, list[str]]) -> int:
    return list(_VERBS).index(item[0])


def _joint(contrast: Contrast) -> str:
    is_ahead = contrast.finding in (Finding.BETTER, Finding.BETTER_THESE_SEEDS)
    return " by " if is_ahead else ": "


def _numbers(contrast: Contrast, difference: Difference) -> str:
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


def _what_it_would_take(contrast: Contrast, difference: Difference) -> str:
    if contrast.finding is not Finding.OPEN or difference.excludes_zero:
        return ""
    options = [*_users_needed(difference), *_seeds_needed(difference)]
    if not options:
        return " Neither more users alone nor more seeds alone would show a difference this small."
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
    if not summary.arms:
        return "No arm yet."
    if len(summary.arms) == 1:
        return "The study has one arm: there is nothing to compare."
    return "No verdict yet: no seed has finished in both arms of a comparison."
