"""Caveats about references: arms that are not above them, and references that are left out."""

from collections.abc import Iterable, Iterator, Sequence

from reports.study.contrasts import Contrast, Finding
from reports.study.summary import StudySummary

_ABOVE = (Finding.BETTER, Finding.BETTER_THESE_SEEDS)


def about_references(summary: StudySummary, contrasts: Sequence[Contrast]) -> Iterator[str]:
    """A sentence per reference with arms that are not above it, then pairs of such arms."""
    compared = [one for one in contrasts if one.kind == "reference" and one.difference]
    for reference in dict.fromkeys(one.than for one in compared):
        against = [one for one in compared if one.than == reference]
        if sentence := _about_one(f"the reference {reference}", summary.main_metric, against):
            yield sentence
    for part in summary.parts:
        here = [one for one in contrasts if one.place == part.place]
        yield from _weak_pairs(part.place.dataset, here)
        yield from _left_out(part)


def _about_one(reference: str, metric: str, against: Sequence[Contrast]) -> str:
    """Which arms are worse than a reference, and which are only not shown to be better."""
    rest = [one for one in against if one.finding is Finding.OPEN]
    worse = [one for one in against if one.finding is Finding.WORSE]
    these_seeds = [one for one in against if one.finding is Finding.WORSE_THESE_SEEDS]
    said = [
        f"{what}: {_arms(found)}."
        for what, found in (
            (f"Worse than {reference} ({metric})", worse),
            (f"Worse than {reference} with these seeds ({metric})", these_seeds),
            (f"Not shown to be better than {reference} ({metric})", rest),
        )
        if found
    ]
    return " ".join(said)


def _arms(contrasts: Iterable[Contrast]) -> str:
    """The arms, data set by data set: ``ID, TS on MIND; ID on HM``."""
    by_dataset: dict[str, list[str]] = {}
    for one in contrasts:
        by_dataset.setdefault(one.place.dataset, []).append(one.better)
    found = by_dataset.items()
    return "; ".join(", ".join(arms) + (f" on {on}" if on else "") for on, arms in found)


def _weak_pairs(dataset: str, contrasts: Sequence[Contrast]) -> Iterator[str]:
    """Comparisons of two arms of which neither is above some reference.

    Those that the study names; where it names none, those with the baseline.
    """
    weak: dict[str, set[str]] = {}
    for one in contrasts:
        if one.kind == "reference" and one.difference and one.finding not in _ABOVE:
            weak.setdefault(one.than, set()).add(one.better)
    between = [one for one in contrasts if one.kind != "reference" and one.difference]
    named = [one for one in between if one.kind == "named"]
    found: dict[tuple[str, ...], list[str]] = {}
    for one in named or between:
        above = tuple(name for name, arms in weak.items() if {one.better, one.than} <= arms)
        if above:
            found.setdefault(above, []).append(f"{one.better} against {one.than}")
    on = f" on {dataset}" if dataset else ""
    for above, pairs in found.items():
        yield (
            f"Neither side of {'; '.join(pairs)}{on} is shown to be better than "
            f"{', '.join(above)}: a comparison of two weak sides is not an answer."
        )


def _left_out(part: StudySummary) -> Iterator[str]:
    for one in part.manifest.references:
        if one.left_out:
            on = f" on {part.place.dataset}" if part.place.dataset else ""
            yield f"The reference {one.name} is left out{on}: {one.left_out}."
