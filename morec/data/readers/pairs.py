"""Reads pairs or sequences with titles, as Bili, NineRec, MicroLens and PixelRec offer them.

Columns are found by their names in a header or, without a header, by their number:

- interactions with a header: a user column and an item column, and a time column if there is one;
  with ``min_rating``, also a rating column;
- interactions without: ``user, items`` if the second field of a row has blanks (a sequence,
  oldest first); otherwise ``user, item`` or ``user, item, time``;
- titles with a header: an item column and a title column;
- titles without: ``item, title`` or ``item, Chinese title, English title``; the English title is
  read.

A first row that names an item column is a header. Without times, the file's order is the order of
time. Of a user's repeated interactions with one item the first stays, as in the paper's Bili.
Files with other columns are read by ``kind: files``.

Memory: 125 MB per million interactions, as measured for ``sequences`` and ``movielens``, which are
read likewise.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from morec.config import PairsSpec
from morec.data.files.delimited import first_rows, read_batches
from morec.data.files.gather import gather
from morec.data.files.ratings import RATING_NAMES
from morec.data.files.sources import locate
from morec.data.files.tables import as_rows, is_quoted, separator_of
from morec.data.interactions import Interactions, all_ratings_count, from_rows
from morec.data.readers.catalogue import Catalogue, catalogue_of, join_catalogue
from morec.data.readers.reader import Reader, file_name, hash_of
from morec.data.readers.sequences import read_lists
from morec.errors import DataError

NAMES: Mapping[str, tuple[str, ...]] = {
    "user": ("user", "user_id", "userid", "uid", "user_name"),
    "item": (
        *("item", "item_id", "itemid", "iid", "item_name"),
        *("items", "item_ids", "sequence", "item_sequence"),
        *("video", "video_id", "videoid", "news_id", "asin", "parent_asin"),
    ),
    "time": ("timestamp", "time", "ts", "date", "datetime"),
    "rating": RATING_NAMES,
    "title": ("title", "title_en", "en_title", "english_title", "item_title", "video_title"),
}
"""Names of the columns of each role in headers, in lower case."""
NUM_PEEKED = 1000
"""Rows that are read to tell sequences from pairs."""


def read_pairs(spec: PairsSpec, root: Path) -> Interactions:
    """Read interactions and, where given, titles.

    Items are in the order of the titles or, without titles, of their first interaction.

    Raises:
        DataError: a file is missing, empty or broken, its columns are ambiguous or unknown, a time
            cannot be read, or the two files share no item.
    """
    paths = source_files(spec, root)
    layout = _interactions_layout(paths[0], spec)
    rows = _read_interactions(paths[0], layout)
    if len(paths) == 1:
        interactions = from_rows(rows, min_rating=spec.min_rating)
    else:
        titles, files = _read_titles(paths[1]), (paths[0], paths[1])
        interactions = join_catalogue(rows, titles, files=files, min_rating=spec.min_rating)
    has_ratings = not {name.lower() for name in layout.header}.isdisjoint(RATING_NAMES)
    says_all = has_ratings and spec.min_rating is None
    return all_ratings_count(interactions) if says_all else interactions


def source_files(spec: PairsSpec, root: Path) -> list[Path]:
    """Return interactions and, where given, titles; a missing file raises a ``DataError``."""
    return locate([spec.interactions, *([spec.titles] if spec.titles else [])], root)


@dataclass(frozen=True)
class _Layout:
    names: tuple[str, ...]
    """Names of all columns of a file without a header; empty with a header."""
    by_role: Mapping[str, str]
    """Name of the column that is read for each role."""
    peeked: list[list[str]]
    """The first rows, without the header."""
    header: tuple[str, ...] = ()
    """Names in the file's header; empty without one."""


def _interactions_layout(path: Path, spec: PairsSpec) -> _Layout:
    without_header = {2: ("user", "item"), 3: ("user", "item", "time")}
    if spec.min_rating is None:
        return _layout(path, ("user", "item"), without_header, maybe=("time",))
    layout = _layout(path, ("user", "item"), without_header, maybe=("time", "rating"))
    if "rating" not in layout.by_role:
        raise DataError(
            f"{path.name}: dataset.min_rating needs a column of ratings; its name in the header "
            f"is one of {', '.join(RATING_NAMES)}. For other names: kind: files"
        )
    return layout


def _read_interactions(path: Path, layout: _Layout) -> pd.DataFrame:
    user, item = layout.by_role["user"], layout.by_role["item"]
    time, rating = layout.by_role.get("time"), layout.by_role.get("rating")
    if time is None and rating is None and _has_lists(layout, item):
        return read_lists(path, user, item, layout.names)
    return as_rows(_read(path, layout), path, user, item, time, rating)


def _read_titles(path: Path) -> Catalogue:
    without_header = {2: ("item", "title"), 3: ("item", "Chinese title", "title")}
    layout = _layout(path, ("item", "title"), without_header)
    return catalogue_of(_read(path, layout), layout.by_role["item"], layout.by_role["title"])


def _read(path: Path, layout: _Layout) -> pd.DataFrame:
    columns, times = list(layout.by_role.values()), [layout.by_role.get("time", "")]
    separator = separator_of(path)
    batches = read_batches(
        path, separator, names=layout.names, columns=columns, is_quoted=is_quoted(separator)
    )
    table = gather(batches, numbers=times)
    # Errors count the lines of the file, of which the first may be a header.
    return table if layout.names else table.set_axis(table.index + 1)


def _layout(
    path: Path,
    roles: tuple[str, ...],
    without_header: Mapping[int, tuple[str, ...]],
    maybe: tuple[str, ...] = (),
) -> _Layout:
    separator = separator_of(path)
    rows = first_rows(path, separator, NUM_PEEKED, is_quoted=is_quoted(separator))
    wanted = (*roles, *maybe)
    by_role = {role: [name for name in rows[0] if name.lower() in NAMES[role]] for role in wanted}
    if by_role["item"]:
        return _Layout((), _named(path, rows[0], by_role, roles), rows[1:], tuple(rows[0]))
    names = without_header.get(len(rows[0]))
    if names is None:
        raise DataError(_unknown(path, rows[0], without_header))
    return _Layout(names, {role: role for role in wanted if role in names}, rows)


def _named(
    path: Path, header: list[str], found: Mapping[str, list[str]], roles: tuple[str, ...]
) -> dict[str, str]:
    """Return the column of every role; a role outside ``roles`` may have none."""
    problems = [
        f"{path.name}: {len(names) or 'no'} {role} columns"
        f"{' (' + ', '.join(names) + ')' if names else ''} in the header {', '.join(header)}; "
        f"expected one of {', '.join(NAMES[role])}. For other names: kind: files"
        for role, names in found.items()
        if len(names) > 1 or (not names and role in roles)
    ]
    if problems:
        raise DataError("\n".join(problems))
    return {role: names[0] for role, names in found.items() if names}


def _has_lists(layout: _Layout, item: str) -> bool:
    place = (layout.names or layout.header).index(item)
    return any(len(row[place].split()) > 1 for row in layout.peeked if len(row) > place)


def _unknown(path: Path, row: list[str], without_header: Mapping[int, tuple[str, ...]]) -> str:
    allowed = " or ".join(", ".join(names) for names in without_header.values())
    return (
        f"{path.name}: the first row has {len(row)} columns and no name of an item column: "
        f"{row[:5]}. Without a header the columns are {allowed}; with one, an item column is "
        f"named {', '.join(NAMES['item'])}. For other names: kind: files"
    )


READER = Reader(PairsSpec, read_pairs, hash_of(source_files), file_name("interactions"))
