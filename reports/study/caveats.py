"""The caveats: what a reader must know before believing the verdict."""

from collections.abc import Iterable, Iterator, Mapping

from morec.config import ItemSpec, TextSpec, Ties
from morec.metrics import parse_metric
from reports import formats
from reports.study.contrasts import Contrast
from reports.study.controls import control_sentences
from reports.study.forced_misses import forced_misses
from reports.study.places import Place
from reports.study.progress import broken_trials
from reports.study.reference_caveats import about_references
from reports.study.statistics import MIN_SEEDS
from reports.study.summary import StudySummary
from reports.study.training_length import about_length
from tune_space.ledger.manifest import count_of
from tune_space.study.rankings import format_wide_cutoffs
from tune_space.study.spec import place_of

LUCKY = 0.5
"""Share of the highest possible hit rate from which on, by chance alone, a cut-off tells little."""
MANY_REPEATS = 0.1
"""Share of the rows from which on repeated pairs of user and item are a caveat."""

MAX_TIED = 0.05
"""Share of tied test targets above which it stands beside the verdict."""
_ORDERS: Mapping[Ties, str] = {
    "hash": "A hash of user and item orders them, so that no model can learn the order",
    "file": "The file's order decides which of them is the target",
    "item": "The order of items decides which is the target, and models of IDs can learn it",
}


def caveats(summary: StudySummary, contrasts: tuple[Contrast, ...]) -> tuple[str, ...]:
    """One sentence per caveat: seeds, users, length of training, controls, ties, ranking, weak
    arms, data, failures.

    Those of the first condition, of which the headline speaks.
    """
    return _of_condition(summary.by_condition[0], contrasts)


def further_caveats(summary: StudySummary, contrasts: tuple[Contrast, ...]) -> tuple[str, ...]:
    """The caveats that hold under other conditions and not under the first, with their labels."""
    first, *others = summary.by_condition
    known = _of_condition(first, contrasts)
    found: dict[str, list[str]] = {}
    for one in others:
        # The table of conditions has an interval in every row.
        said = (*known, *_about_users(one, _on_main(one, contrasts)))
        for line in _of_condition(one, contrasts):
            if line not in said:
                found.setdefault(line, []).append(formats.quoted(one.place.condition))
    return tuple(f"Under {formats.listed(labels)}: {line}" for line, labels in found.items())


def _of_condition(summary: StudySummary, contrasts: tuple[Contrast, ...]) -> tuple[str, ...]:
    on_main = _on_main(summary, contrasts)
    return (
        *_about_seeds(summary),
        *_about_users(summary, on_main),
        *about_length(summary),
        *control_sentences(summary),
        *_about_ties(summary),
        *_about_forced_misses(summary),
        *_about_cutoffs(summary),
        *_about_repeats(summary),
        *about_references(summary, on_main),
        *_about_data(summary),
        *_about_titles(summary),
        *_about_features(summary),
        *_about_encoders(summary),
        *broken_trials(summary, "search"),
    )


def _on_main(summary: StudySummary, contrasts: Iterable[Contrast]) -> list[Contrast]:
    """The contrasts under the summary's condition, on its main metric."""
    wanted = summary.place.condition, summary.main_metric
    return [one for one in contrasts if (one.place.condition, one.metric) == wanted]


def _about_seeds(summary: StudySummary) -> Iterator[str]:
    wanted = len(summary.manifest.study.seeds)
    if wanted < MIN_SEEDS:
        yield (
            f"Seed variation is not measured: {formats.plural(wanted, 'seed')} per arm. "
            f"With fewer than {MIN_SEEDS} seeds, the verdict holds for these training runs only."
        )


def _about_users(summary: StudySummary, contrasts: list[Contrast]) -> Iterator[str]:
    known = [
        (part.dataset, f"±{100 * width:.1f} points", formats.plural(part.num_users, "test user"))
        for part in summary.parts
        if part.num_users is not None
        and (width := _usual_half_width(contrasts, part.place)) is not None
    ]
    interval, unseen = (
        f"95% interval on {summary.main_metric} is about",
        "smaller differences cannot be detected.",
    )
    if known and not summary.is_several:
        ((_, wide, users),) = known
        yield f"With {users}, a {interval} {wide}: {unseen}"
    elif known:
        listed = ", ".join(f"{wide} on {key} ({users})" for key, wide, users in known)
        yield f"A {interval} {listed}: {unseen}"


def _about_ties(summary: StudySummary) -> Iterator[str]:
    for entry in summary.manifest.datasets:
        if entry.tied_share > MAX_TIED:
            on = f" on {entry.dataset}" if entry.dataset else ""
            yield (
                f"{formats.percent(entry.tied_share, 1)}% of the test targets{on} have the time of "
                f"the interaction before them. {_ORDERS[entry.ties]} (dataset.ties: {entry.ties}); "
                "another order may move the verdict. The slice of untied targets shows the others."
            )


def _about_forced_misses(summary: StudySummary) -> Iterator[str]:
    yield from (found.sentence for part in summary.parts if (found := forced_misses(part)))


def _about_cutoffs(summary: StudySummary) -> Iterator[str]:
    """Cut-offs that hit nearly everything: above the catalogue, or by chance already."""
    num_items = {place_of(one): one.num_items for one in summary.manifest.datasets}
    yield from format_wide_cutoffs((arm.entry for arm in summary.arms), num_items)
    for part in summary.parts:
        on = part.place.dataset
        chance, where = part.reference("chance"), f" on {on}" if on else ""
        missed = forced_misses(part)
        most = 1 - missed.num_targets / missed.num_users if missed else 1.0
        for name, value in chance.test.items() if chance else ():
            metric, k = parse_metric(name)
            is_below = k < min((one.num_items for one in part.manifest.datasets), default=0)
            if metric == "HR" and value >= LUCKY * most and is_below:
                yield (
                    f"A random order of the candidates already has {name} "
                    f"{formats.percent(value, 1)}% of at most {formats.percent(most, 1)}%{where}: "
                    f"{k} is close to their number, so differences between arms are small there. "
                    "Set a lower evaluation.ks."
                )


def _about_repeats(summary: StudySummary) -> Iterator[str]:
    for one in summary.manifest.datasets:
        if one.repeat_share >= MANY_REPEATS:
            where = f" of {one.dataset}" if one.dataset else ""
            is_kept = one.counts.get("repeated_interactions_kept", 0) > 0
            rule = "they are kept" if is_kept else "only the first of each stays"
            yield (
                f"{formats.share(one.repeat_share)} of the rows{where} repeat an earlier pair of "
                f"user and item ({one.num_repeats:,} rows): {rule}."
            )


def _usual_half_width(contrasts: Iterable[Contrast], place: Place) -> float | None:
    widths = [
        (one.difference.high - one.difference.low) / 2
        for one in contrasts
        if one.difference and one.place == place and one.kind != "reference"
    ]
    return sorted(widths)[len(widths) // 2] if widths else None


def _about_data(summary: StudySummary) -> Iterator[str]:
    for entry in summary.manifest.datasets:
        on = f"{entry.dataset}: " if entry.dataset else ""
        yield from (f"{on}{note}" for note in entry.notes)
        if num := entry.counts.get("ties_of_times_that_look_rounded"):
            yield (
                f"{on}The times look rounded: {num:,} interactions have the time of the same "
                "user's interaction before them."
            )


def _reads_titles(item: ItemSpec) -> bool:
    encoders = item.encoders.values()
    return any(isinstance(spec, TextSpec) and spec.template is None for spec in encoders)


def _about_titles(summary: StudySummary) -> Iterator[str]:
    reading = {arm.entry.dataset for arm in summary.arms if _reads_titles(arm.entry.config.item)}
    for entry in summary.manifest.datasets:
        counts = entry.counts
        num_same = counts.get("empty_titles", 0) + counts.get("repeated_titles", 0)
        are_read = entry.dataset in reading and "empty_titles" in counts
        if are_read and entry.num_items - num_same <= 1:
            on = f" of {entry.dataset}" if entry.dataset else ""
            yield f"All titles{on} are equal or empty: encoders of text cannot tell items apart."


def _about_features(summary: StudySummary) -> Iterator[str]:
    """Whitened or reduced features of fewer train items than dimensions."""
    names = {arm.name for arm in summary.arms}
    for made in summary.manifest.preparations:
        users = [name for name in made.used_by if name in names]
        if users and (lost := made.counts.get("directions_without_spread")):
            items, left = (
                count_of(made.counts, name) for name in ("train_items_fitted", "directions")
            )
            yield (
                f"{', '.join(users)}: the features ({made.name}) of the {items:,} train items "
                f"differ in {left:,} of {left + lost:,} directions; whiten and pca leave out the "
                "others."
            )


def _about_encoders(summary: StudySummary) -> Iterator[str]:
    """Encoders that are read otherwise than their authors meant."""
    names = {arm.name for arm in summary.arms}
    made = (one for one in summary.manifest.preparations if names.intersection(one.used_by))
    yield from dict.fromkeys(caveat for one in made for caveat in one.caveats)
