"""Data: what each data set is like, what the rules of reading and windowing did, three figures."""

from collections import Counter
from collections.abc import Iterable, Iterator

from reports.page.section import Context, Drawing, Section, drawing
from reports.plots.data import activity, over_time, popularity
from reports.study.report import Report
from tune_space.inputs.data_profile import QUANTILES, facts_of, numbers, quantiles_of
from tune_space.ledger.manifest import DatasetEntry

_BINS = {1: "second", 60: "minute", 3_600: "hour", 86_400: "day"}
"""Seconds of a unit of time -> its name."""


def _context(report: Report) -> Context | None:
    entries = report.summary.manifest.datasets
    if not entries:
        return None
    found = by_label(entries)
    return {
        "headings": QUANTILES,
        "tabs": {
            name: _shown(entry, name if len(found) > 1 else "") for name, entry in found.items()
        },
    }


def by_label(entries: Iterable[DatasetEntry]) -> dict[str, DatasetEntry]:
    """What the data sets are like, by name. Conditions under which one is the same share an entry.

    A data set that conditions change is named with them. One that arms read in several ways has
    numbers.
    """
    groups = _alike(entries)
    number = Counter(group[0].dataset for group in groups)
    seen: Counter[str] = Counter()
    found = {}
    for first, *others in groups:
        conditions = [one.condition for one in (first, *others) if one.condition]
        words = conditions if number[first.dataset] > 1 else ()
        name = ", ".join((first.dataset or first.name, *words))
        seen[name] += 1
        found[f"{name} ({seen[name]})" if seen[name] > 1 else name] = first
    return found


def _alike(entries: Iterable[DatasetEntry]) -> list[list[DatasetEntry]]:
    """Entries of several conditions that say the same, together."""
    groups: dict[tuple[str, int], list[DatasetEntry]] = {}
    seen: Counter[tuple[str, str]] = Counter()
    for entry in entries:
        says = entry.model_copy(update={"condition": ""}).model_dump_json()
        groups.setdefault((says, seen[says, entry.condition]), []).append(entry)
        seen[says, entry.condition] += 1
    return list(groups.values())


def bin_width(bin_s: int) -> str:
    """A width of bins in words: ``hour``, ``10 minutes``, ``91 days``."""
    unit, name = max(one for one in _BINS.items() if bin_s % one[0] == 0)
    number = bin_s // unit
    return name if number == 1 else f"{number} {name}s"


def _shown(entry: DatasetEntry, key: str) -> Context:
    profile = entry.profile
    spread = quantiles_of(profile) if profile else {}
    return {
        "entry": entry,
        "facts": facts_of(entry),
        "quantiles": {name: numbers(one) for name, one in spread.items()},
        "applied": {_words(rule): number for rule, number in entry.counts.items() if number},
        "without_effect": [_words(rule) for rule, number in entry.counts.items() if not number],
        "drawings": list(_drawings(entry, key)),
    }


def _words(rule: str) -> str:
    return rule.replace("_", " ")


def _drawings(entry: DatasetEntry, key: str) -> Iterator[Drawing | None]:
    profile = entry.profile
    if profile is None:
        return
    if profile.times:
        caption = f"interactions per {bin_width(profile.times.bin_s)}."
        yield drawing("data time", caption, over_time(profile.times), key)
    caption = "activity: users with at most so many interactions."
    yield drawing("data activity", caption, activity(profile.activity), key)
    caption = "popularity: items from the most interactions to the fewest, both axes logarithmic."
    yield drawing("data popularity", caption, popularity(profile.popularity), key)


SECTION = Section("data", "Data", _context, ("data.csv",))
