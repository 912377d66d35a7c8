"""Reads pairs or sequences with titles, as Bili, NineRec, MicroLens and PixelRec offer them.

Columns are found by their names in a header or, without a header, by their number:

- interactions with a header: a user column and an item column, and a time column if there is one;
  with ``min_rating``, also a rating column;
- interactions without: ``user, items`` if the second field of a row has blanks (a sequence,
  oldest first); otherwise ``user, item`` or ``user, item, time``;
- titles with a header: an item column and a title column;
- titles without: ``item, title`` or ``item, Chinese title, English title``; the English title is
  read.

A first row that names one of these columns is a header. One whose names are all unknown is an
error where it shows: by its place above times or numbers, or by names like ``movieId``. Without
times, the file's order is the order of time. Of a user's repeated interactions with one item the
first stays, as in the paper's Bili. Files with other columns are read by ``kind: files``.

Memory: 125 MB per million interactions, as measured for ``sequences`` and ``movielens``, which are
read likewise.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from morec.config import PairsSpec
from morec.data.files.delimited import first_rows, read_batches
from morec.data.files.gather import gather
from morec.data.files.headers import format_role, names_of
from morec.data.files.ratings import RATING_NAMES, rating_columns
from morec.data.files.sources import locate
from morec.data.files.tables import as_rows
from morec.data.files.text_format import TextFormat, is_parquet, other_separator, text_format
from morec.data.interactions import Interactions, all_ratings_count, from_rows
from morec.data.readers.catalogue import Catalogue, catalogue_of, join_catalogue
from morec.data.readers.reader import ItemColumns, Reader, file_name, hash_of
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
"""Rows that are read to tell sequences from pairs, and headers from rows."""
LIKE_A_NAME = re.compile(r"(?:.*(?:_id|[a-z]Id|[a-z]ID)|id|ID)s?")
"""``movieId``, ``article_id``: a column's name rather than a user's or an item's."""


def read_pairs(spec: PairsSpec, root: Path) -> Interactions:
    """Read interactions and, where given, titles.

    Items are in the order of the titles or, without titles, of their first interaction.

    Raises:
        DataError: a file is missing, empty or broken, its columns are ambiguous or unknown, a time
            cannot be read, or the two files share no item.
    """
    paths = source_files(spec, root)
    texts = [_text_of(spec, path) for path in paths]
    layout = _interactions_layout(paths[0], texts[0], spec)
    rows = _read_interactions(paths[0], texts[0], layout)
    if len(paths) == 1:
        interactions = from_rows(rows, min_rating=spec.min_rating)
    else:
        titles, files = _read_titles(paths[1], texts[1]), (paths[0], paths[1])
        interactions = join_catalogue(rows, titles, files=files, min_rating=spec.min_rating)
    if spec.min_rating is None and rating_columns(layout.columns):
        return all_ratings_count(interactions)
    return interactions


def source_files(spec: PairsSpec, root: Path) -> list[Path]:
    """Return interactions and, where given, titles; a missing file raises a ``DataError``."""
    return locate([spec.interactions, *([spec.titles] if spec.titles else [])], root)


@dataclass(frozen=True)
class _Layout:
    names: tuple[str, ...]
    """Names of all columns of a file without a header; empty with a header."""
    columns: Sequence[str]
    """Names of all columns."""
    by_role: Mapping[str, str]
    """Name of the column that is read for each role."""
    peeked: list[list[str]]
    """The first rows, without the header."""


def _text_of(spec: PairsSpec, path: Path) -> TextFormat:
    if is_parquet(path):
        raise DataError(f"{path.name}: kind: pairs reads text files; Parquet: kind: files")
    return text_format(path, spec.separator, spec.encoding)


def _interactions_layout(path: Path, text: TextFormat, spec: PairsSpec) -> _Layout:
    without_header = {2: ("user", "item"), 3: ("user", "item", "time")}
    if spec.min_rating is None:
        return _layout(path, text, ("user", "item"), without_header, maybe=("time",))
    layout = _layout(path, text, ("user", "item"), without_header, maybe=("time", "rating"))
    if "rating" not in layout.by_role:
        raise DataError(
            f"{path.name}: dataset.min_rating needs a column of ratings; its name in the header "
            f"is one of {', '.join(RATING_NAMES)}. For other names: kind: files"
        )
    return layout


def _read_interactions(path: Path, text: TextFormat, layout: _Layout) -> pd.DataFrame:
    user, item = layout.by_role["user"], layout.by_role["item"]
    time, rating = layout.by_role.get("time"), layout.by_role.get("rating")
    if time is None and rating is None and _has_lists(layout, item):
        return read_lists(path, text, user, item, layout.names)
    return as_rows(_read(path, text, layout), path, user, item, time, rating)


def item_columns(spec: PairsSpec, root: Path) -> ItemColumns | None:
    """Offer the columns of the file of titles."""
    if spec.titles is None:
        return None
    path = source_files(spec, root)[1]
    text = _text_of(spec, path)
    layout = _titles_layout(path, text)
    item = layout.by_role["item"]
    return ItemColumns(
        file=path.name,
        names=layout.columns,
        item=item,
        read=lambda wanted: _read(path, text, layout, [item, *wanted]),
    )


def _read_titles(path: Path, text: TextFormat) -> Catalogue:
    layout = _titles_layout(path, text)
    table = _read(path, text, layout)
    return catalogue_of(table, layout.by_role["item"], layout.by_role["title"])


def _titles_layout(path: Path, text: TextFormat) -> _Layout:
    without_header = {2: ("item", "title"), 3: ("item", "Chinese title", "title")}
    return _layout(path, text, ("item", "title"), without_header)


def _read(
    path: Path, text: TextFormat, layout: _Layout, columns: Sequence[str] = ()
) -> pd.DataFrame:
    """Read ``columns``, or else those of the roles."""
    columns, times = columns or list(layout.by_role.values()), [layout.by_role.get("time", "")]
    table = gather(read_batches(path, text, names=layout.names, columns=columns), numbers=times)
    # Errors count the lines of the file, of which the first may be a header.
    return table if layout.names else table.set_axis(table.index + 1)


def _layout(
    path: Path,
    text: TextFormat,
    roles: tuple[str, ...],
    without_header: Mapping[int, tuple[str, ...]],
    maybe: tuple[str, ...] = (),
) -> _Layout:
    rows = first_rows(path, text, NUM_PEEKED)
    wanted = (*roles, *maybe)
    header = names_of(rows[0])
    by_role = {role: [name for name in header if name.lower() in NAMES[role]] for role in wanted}
    if any(by_role.values()):
        return _Layout((), header, _named(path, header, by_role, roles), rows[1:])
    names = without_header.get(len(header))
    if len(header) == 1 and (likely := other_separator(text, header[0])):
        raise DataError(f"{path.name}: the first row has one column; {likely}")
    if names is None or _is_header(header, rows[1:], names):
        raise DataError(_unknown(path, header, without_header))
    return _Layout(names, names, {role: role for role in wanted if role in names}, rows)


def _is_header(first: list[str], others: list[list[str]], names: tuple[str, ...]) -> bool:
    """Whether the first row has names, none of them known, by what stands below it.

    It has if a user or an item looks like a name, or is a word above whole numbers only, or if a
    time is a word.
    """
    roles = dict(zip(names, first, strict=True))
    if roles.get("time", "")[:1].isalpha():
        return True
    whole = [dict(zip(names, row, strict=False)) for row in others]
    return any(
        LIKE_A_NAME.fullmatch(roles.get(role, ""))
        or (
            roles.get(role, "")[:1].isalpha()
            and bool(whole)
            and all(row.get(role, "").isdigit() for row in whole)
        )
        for role in ("user", "item")
    )


def _named(
    path: Path, header: list[str], found: Mapping[str, list[str]], roles: tuple[str, ...]
) -> dict[str, str]:
    """Return the column of every role; a role outside ``roles`` may have none."""
    problems = [
        f"{path.name}: {format_role(role, names, header)}; "
        f"expected one of {', '.join(NAMES[role])}. For other names: kind: files"
        for role, names in found.items()
        if len(names) > 1 or (not names and role in roles)
    ]
    if problems:
        raise DataError("\n".join(problems))
    return {role: names[0] for role, names in found.items() if names}


def _has_lists(layout: _Layout, item: str) -> bool:
    place = list(layout.columns).index(item)
    return any(len(row[place].split()) > 1 for row in layout.peeked if len(row) > place)


def _unknown(path: Path, row: list[str], without_header: Mapping[int, tuple[str, ...]]) -> str:
    allowed = " or ".join(", ".join(names) for names in without_header.values())
    is_data = any(field[:1].isdigit() for field in row)
    what = "no name of an item column" if is_data else "names of columns, none of them known"
    return (
        f"{path.name}: the first row has {len(row)} columns and {what}: {row[:5]}. Without a "
        f"header the columns are {allowed}; with one, an item column is named "
        f"{', '.join(NAMES['item'])}. For other names: kind: files"
    )


READER = Reader(
    PairsSpec,
    read_pairs,
    hash_of(source_files),
    file_name("interactions"),
    columns=item_columns,
)
