"""A data set in words: its size, the rules that applied, and the facts of its profile."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

from morec.config import LEAVE_ONE_OUT
from morec.data.profile import DataProfile, ImageProfile, Quantiles, TimeProfile, TitleProfile
from tune_space.ledger.manifest import DatasetEntry, count_of

QUANTILES = ("min", "5%", "25%", "median", "75%", "95%", "max")
"""Headings of the numbers in ``Quantiles``, in their order."""
DAY_S = 86_400


def by_condition(
    entries: Iterable[DatasetEntry],
) -> list[tuple[DatasetEntry, tuple[str, ...]]]:
    """Each data set once, with the conditions that it is the same under."""
    found: list[tuple[DatasetEntry, tuple[str, ...]]] = []
    for entry in entries:
        plain = entry.model_copy(update={"condition": ""})
        index = next((i for i, (known, _) in enumerate(found) if known == plain), len(found))
        others = found[index][1] if index < len(found) else ()
        found[index : index + 1] = [(plain, (*others, *filter(None, [entry.condition])))]
    return found


def format_dataset(entry: DatasetEntry, conditions: Sequence[str] = ()) -> str:
    """A dataset's size, how often each rule applied while it was read, and what must be known.

    ``conditions`` are those that it is the same under.
    """
    name = f"{entry.dataset} ({entry.name})" if entry.dataset else entry.name
    name += f" under {', '.join(conditions)}" if conditions else ""
    kind = " (made-up data)" if entry.is_synthetic else ""
    applied = ", ".join(f"{rule} {count:,}" for rule, count in entry.counts.items() if count)
    repeats = f"; {entry.repeat_share:.1%} of the rows are repeats" if entry.num_repeats else ""
    return (
        f"data: {name}{kind}: {entry.num_users:,} users, {entry.num_items:,} items, "
        f"{entry.num_interactions:,} interactions in their windows ({applied}{repeats})"
        + _ties(entry)
        + _split(entry)
        + "".join(f". {note.rstrip('.')}" for note in entry.notes)
    )


def format_profile(entry: DatasetEntry, conditions: Sequence[str] = ()) -> list[str]:
    """The line of ``format_dataset``, then the profile where there is one, indented."""
    if entry.profile is None:
        return [format_dataset(entry, conditions)]
    cells = [["", *QUANTILES]]
    for name, quantiles in quantiles_of(entry.profile).items():
        cells.append([name, *(f"{value:,}" for value in numbers(quantiles))])
    facts = [f"{name}: {text}" for name, text in facts_of(entry)]
    return [
        format_dataset(entry, conditions),
        *(f"  {line}" for line in (*facts, *_aligned(cells))),
    ]


def quantiles_of(profile: DataProfile) -> dict[str, Quantiles]:
    """Every distribution of the profile by its name."""
    found = {"interactions per user": profile.per_user, "interactions per item": profile.per_item}
    if profile.titles:
        found["words per title"] = profile.titles.words
    if profile.images:
        found["image width"] = profile.images.widths
        found["image height"] = profile.images.heights
    return found


def numbers(quantiles: Quantiles) -> tuple[int, ...]:
    """The numbers under the headings ``QUANTILES``."""
    return tuple(getattr(quantiles, name) for name in Quantiles.model_fields)


def facts_of(entry: DatasetEntry) -> list[tuple[str, str]]:
    """What the profile says besides distributions: name and text; empty without a profile."""
    profile = entry.profile
    return [] if profile is None else list(_facts(entry, profile))


def format_share(share: float) -> str:
    """A share in percent with one digit; ``0%`` is exactly zero."""
    if share == 0:
        return "0%"
    return "under 0.1%" if share < 0.001 else f"{share:.1%}"


def _facts(entry: DatasetEntry, profile: DataProfile) -> Iterator[tuple[str, str]]:
    yield (
        "read",
        f"{profile.num_interactions:,} interactions of {profile.num_users:,} users with "
        f"{profile.num_items:,} items, density {100 * profile.density:.3g}%",
    )
    top = format_share(profile.top_tenth)
    yield "popularity", f"the most popular tenth of the items has {top} of the interactions"
    yield "times", _times(profile.times)
    if text := format_split(entry):
        yield "split", text
    ties = format_share(profile.ties)
    yield "equal times", f"{ties} of the interactions are at the time of the user's one before"
    yield "repeats", f"{format_share(profile.repeats)} of the interactions repeat an earlier one"
    yield "unknown items", f"{format_share(profile.unknown_items)} of the rows read"
    if profile.titles:
        yield "titles", _titles(profile.titles, entry.num_items)
    if profile.images:
        yield "images", _images(profile.images)
    yield "test targets", _targets(profile.test_targets, entry)


def format_split(entry: DatasetEntry) -> str:
    """The cuts of a split by time, and how many targets are left; empty under leave-one-out."""
    if entry.cuts_s is None or entry.split == LEAVE_ONE_OUT:
        return ""
    valid_from, test_from = _dates(*entry.cuts_s)
    trained = count_of(entry.counts, "users_with_train_interactions")
    new = format_share(entry.profile.test_targets["new"]) if entry.profile else "n/a"
    return (
        f"by time, target {entry.split.by_time.target}: {trained:,} users to train on before "
        f"{valid_from}, {_users(entry, 'valid')} from then on, {_users(entry, 'test')} from "
        f"{test_from} on (UTC); {new} of the test targets are items that were never trained on"
    )


def _users(entry: DatasetEntry, split: Literal["valid", "test"]) -> str:
    """How many users a split has, how many of them are new, and how many it leaves out."""
    targets, new, left_out = (
        count_of(entry.counts, f"{split}_{name}")
        for name in ("targets", "users_without_a_past", "users_without_a_history")
    )
    return (
        f"{targets:,} {split} targets ({new:,} of users without a past; {left_out:,} users without "
        "a history left out)"
    )


def _split(entry: DatasetEntry) -> str:
    text = format_split(entry)
    return f"; split {text}" if text else ""


def _dates(first_s: int, last_s: int) -> tuple[str, str]:
    """Two times as dates; with the time of day where they are less than two days apart."""
    written = "%Y-%m-%d %H:%M" if last_s - first_s < 2 * DAY_S else "%Y-%m-%d"
    first, last = (datetime.fromtimestamp(s, UTC) for s in (first_s, last_s))
    return f"{first:{written}}", f"{last:{written}}"


def _ties(entry: DatasetEntry) -> str:
    if not entry.tied_share:
        return ""
    return (
        f"; {format_share(entry.tied_share)} of the test targets have the time of the interaction "
        f"before them, ties: {entry.ties}"
    )


def _times(times: TimeProfile | None) -> str:
    if times is None:
        return "no clock times, only an order"
    first, last = _dates(times.first_s, times.last_s)
    return f"{first} to {last} (UTC)"


def _titles(titles: TitleProfile, num_items: int) -> str:
    scripts = _shares(titles.scripts) or "no letters"
    return (
        f"{titles.num_filled:,} of {num_items:,} filled, {titles.num_distinct:,} different; "
        f"letters: {scripts}"
    )


def _images(images: ImageProfile) -> str:
    modes = ", ".join(f"{mode} {count:,}" for mode, count in images.modes.items())
    is_sample = images.num_sampled < images.num_images
    sample = f" (of a sample of {images.num_sampled:,})" if is_sample else ""
    return f"{images.num_images:,} readable; modes: {modes}{sample}"


def _targets(shares: Mapping[str, float], entry: DatasetEntry) -> str:
    tied = {"at the time of the one before": entry.tied_share} if entry.tied_share else {}
    return _shares({**shares, **tied})


def _shares(shares: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {format_share(share)}" for name, share in shares.items())


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Names to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    ]
