"""Which column plays which role: told by its name, then by its values; else a question."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import permutations

import numpy as np
import pandas as pd

from morec.data.clock import TICKS_PER_S, read_clock
from morec.data.detect.guess import Guess, Question
from morec.data.detect.names import best_named, rank_of
from morec.data.detect.table import NUMBER, Table
from morec.data.files.time_formats import likely_formats
from morec.errors import DataError

MAX_RATINGS = 21
"""Different values of a column of ratings, at most."""
MAX_ID_WORDS = 1.5
"""Words per value up to which a column may hold ids."""
MAX_ANSWERS = 6
"""Answers that a question names."""
MISSING = ("", "NULL", "null", "NaN", "nan", "\\N", "None", "NA", "N/A")
"""Values of a time column that stand for no time."""
ALIKE = 0.1
"""Shares of matching ids that differ by less are alike."""
NUM_TRIED = 2_000
"""Different values from which a column is judged."""


@dataclass(frozen=True)
class Times:
    """What a column holds if its values are times."""

    order: pd.Series
    """Sortable numbers, by row; NaN where a time is missing."""
    unit: str
    """In words: ``seconds from 1970``."""
    format: str | None = None
    """Its ``time_format``, if it needs one."""
    other_formats: tuple[str, ...] = ()
    """Formats that fit equally well: 03/04/2020 may be in March or in April."""
    is_clock: bool = True
    """False for plain whole numbers, which may be anything."""


@dataclass
class Interactions:
    """What is known of a table of interactions so far."""

    table: Table
    options: list[Guess | Question] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    @property
    def free(self) -> list[str]:
        """Columns without a role yet."""
        return [name for name in self.table.columns if name not in self.used]

    def take(self, option: Guess | Question, columns: Sequence[str]) -> None:
        """Give columns a role."""
        self.options.append(option)
        self.used.update(columns)


def guess_interactions(table: Table, item_ids: Sequence[pd.Index] = ()) -> list[Guess | Question]:
    """Guess user, item and time of interactions; ``item_ids`` are the columns of the
    items' file that may hold its ids.

    Raises:
        DataError: no column can be the user or the item.
    """
    found = Interactions(table)
    _guess_times(found)
    found.used.update(rating_columns(table))
    _guess_ids(found, item_ids)
    order = ("user_column", "item_column", "time_column", "time_format", "order")
    return sorted(found.options, key=lambda one: order.index(_first_key(one)))


def read_times(values: pd.Series) -> Times | None:
    """Read a column as times; None if it holds none."""
    known = ~values.isin(MISSING)
    distinct = values[known].drop_duplicates()
    if not len(distinct):
        return None
    tried = distinct.head(NUM_TRIED)
    if tried.map(NUMBER.fullmatch).notna().all():
        return _numbers(values)
    dates = pd.to_datetime(tried, errors="coerce", format="ISO8601", utc=True)
    if dates.notna().mean() > 0.95:
        parsed = pd.to_datetime(values, errors="coerce", format="ISO8601", utc=True)
        return Times(_moments(parsed), "ISO dates")
    formats = likely_formats(tried)
    if not formats:
        return None
    parsed = pd.to_datetime(values, errors="coerce", format=formats[0], utc=True)
    return Times(_moments(parsed), f"dates like {tried.iloc[0]}", formats[0], tuple(formats[1:]))


def _moments(parsed: pd.Series) -> pd.Series:
    return parsed.dt.as_unit("us").astype("int64").where(parsed.notna()).astype(float)


def _numbers(values: pd.Series) -> Times | None:
    numbers = pd.to_numeric(values, errors="coerce")
    known = numbers.dropna()
    if (known.abs() >= 2**63).any():
        return None
    ticks = read_clock(known.to_numpy(float).astype(np.int64)).ticks_per_s
    units = {number: unit for unit, number in TICKS_PER_S.items()}
    if ticks is not None:
        return Times(numbers, f"{units[ticks]} from 1970")
    if (known != np.floor(known)).any():
        return None
    return Times(numbers, "whole numbers that are no clock times: an order", is_clock=False)


def _guess_times(found: Interactions) -> None:
    times = {name: one for name in found.free if (one := read_times(found.table.columns[name]))}
    # A word in a longer name is not enough for plain numbers: watch_time may be a duration.
    sure = [name for name in times if times[name].is_clock or rank_of("time", name) == 0]
    named = best_named("time", sure)
    clocks = [name for name, one in times.items() if one.is_clock and _may_be_time(name)]
    likely, how = (named, "its name and ") if named else (clocks, "")
    if not likely:
        _ask_for_order(found)
        return
    likely = _finest(likely, times)
    if len(likely) > 1:
        text = f"Which column is the time? {listed(likely)} fit equally well and differ in order."
        answers = tuple((name,) for name in likely)
        found.take(Question(("time_column",), answers, text), [*likely, *_alike(times)])
        return
    (name,) = likely
    unit = times[name].unit
    found.take(Guess("time_column", name, f"by {how}its values: {unit}"), [name, *_alike(times)])
    _guess_format(found, name, times[name])


def _alike(times: dict[str, Times]) -> list[str]:
    """Columns of clock times: none of them is a user or an item."""
    return [name for name, one in times.items() if one.is_clock and _may_be_time(name)]


def _may_be_time(name: str) -> bool:
    """Whether a column whose name says nothing of time may hold times; ids may look like them."""
    return all(rank_of(role, name) is None for role in ("user", "item", "rating"))


def _guess_format(found: Interactions, name: str, times: Times) -> None:
    if times.format is None:
        return
    formats = (times.format, *times.other_formats)
    example = found.table.columns[name].iloc[0]
    if len(formats) > 1:
        text = f"How are times written? {example!r} can be read in {len(formats)} ways."
        answers = tuple((one,) for one in formats[:MAX_ANSWERS])
        found.take(Question(("time_format",), answers, text), [name])
    else:
        found.take(Guess("time_format", times.format, f"by values like {example!r}"), [name])


def _ask_for_order(found: Interactions) -> None:
    text = (
        "No column holds times. file: a user's rows are in the order of time; none: they are in no "
        "order, so that a random interaction of each user is tested."
    )
    found.take(Question(("order",), (("file",), ("none",)), text), [])


def _finest(names: list[str], times: dict[str, Times]) -> list[str]:
    """Leave one of several columns that give the rows the same order: the finest."""
    by_detail = sorted(names, key=lambda name: -times[name].order.nunique())
    finest = times[by_detail[0]].order
    rows = np.argsort(finest.to_numpy(), kind="stable")
    others = (times[name].order.to_numpy()[rows] for name in by_detail[1:])
    if all((np.diff(other[~np.isnan(other)]) >= 0).all() for other in others):
        return by_detail[:1]
    return names


def rating_columns(table: Table) -> list[str]:
    """Columns of ratings: by name, with few different numbers."""
    return [
        name
        for name, values in table.columns.items()
        if rank_of("rating", name) is not None and looks_like_ratings(values)
    ]


def looks_like_ratings(values: pd.Series) -> bool:
    """Whether values are few different small numbers."""
    distinct = values[values != ""].drop_duplicates()
    if not 1 <= len(distinct) <= MAX_RATINGS or distinct.map(NUMBER.fullmatch).isna().any():
        return False
    return bool(pd.to_numeric(distinct).between(-1, 100).all())


def _guess_ids(found: Interactions, item_ids: Sequence[pd.Index]) -> None:
    named = [name for role in ("user", "item") for name in best_named(role, found.free)]
    free = [n for n in found.free if n in named or _may_be_id(found.table.columns[n])]
    if len(free) < 2:
        columns = ", ".join(found.table.columns)
        raise DataError(
            f"{found.table.path.name}: no two columns can be the user and the item (columns: "
            f"{columns}); give a table with a row per interaction: user_id, item_id, timestamp"
        )
    users, items = (best_named(role, free) for role in ("user", "item"))
    if users and users == items:
        users, items = [], []
    items = [name for name in items if name not in users] or items
    if item_ids and len(items) != 1:
        items = _matching(found.table, items or [n for n in free if n not in users], item_ids)
    pairs = [
        (user, item)
        for user, item in permutations(free, 2)
        if user in (users or free) and item in (items or free)
    ]
    _settle_ids(found, pairs, bool(users), bool(items))


def _settle_ids(
    found: Interactions, pairs: list[tuple[str, str]], is_user_named: bool, is_item_told: bool
) -> None:
    users, items = (list(dict.fromkeys(column)) for column in zip(*pairs, strict=True))
    by_rest = "the only other column of ids"
    if len(users) == 1:
        why = "by its name" if is_user_named else by_rest
        found.take(Guess("user_column", users[0], why), users)
    if len(items) == 1:
        why = "by its name or its ids, which the items have" if is_item_told else by_rest
        found.take(Guess("item_column", items[0], why), items)
    keys = [("user_column", 0, users), ("item_column", 1, items)]
    open_keys = [(key, place) for key, place, columns in keys if len(columns) > 1]
    if not open_keys:
        return
    answers = dict.fromkeys(tuple(pair[place] for _, place in open_keys) for pair in pairs)
    roles = " and which the ".join(key.removesuffix("_column") for key, _ in open_keys)
    columns = list(dict.fromkeys(name for answer in answers for name in answer))
    text = f"Which column is the {roles}? {listed(columns)} fit equally well."
    found.take(
        Question(tuple(key for key, _ in open_keys), tuple(answers)[:MAX_ANSWERS], text), columns
    )


def _may_be_id(values: pd.Series) -> bool:
    """Whether a column may name users or items: filled, of several values, of few words."""
    filled = values[values != ""]
    if 10 * len(filled) < 9 * len(values):
        return False
    tried = filled.drop_duplicates().head(NUM_TRIED)
    is_fraction = tried.str.fullmatch(r"[+-]?\d*\.\d*[1-9]\d*").all()
    return len(tried) > 1 and not is_fraction and tried.str.split().str.len().mean() <= MAX_ID_WORDS


def _matching(table: Table, columns: list[str], item_ids: Sequence[pd.Index]) -> list[str]:
    """The columns whose values the items' file has best; all if it has none of any."""
    shares = {
        name: max(share_within(table.columns[name], ids) for ids in item_ids) for name in columns
    }
    return [name for name, share in shares.items() if share >= max(shares.values()) - ALIKE]


def share_within(values: pd.Series, names: pd.Index) -> float:
    """The share of the different ``values`` that are ``names``."""
    distinct = values[values != ""].drop_duplicates()
    return float(distinct.isin(names).mean()) if len(distinct) else 0.0


def listed(names: Sequence[str]) -> str:
    """Return ``'a', 'b' and 'c'``."""
    *most, last = map(repr, names)
    return f"{', '.join(most)} and {last}" if most else last


def _first_key(option: Guess | Question) -> str:
    return option.key if isinstance(option, Guess) else option.keys[0]
