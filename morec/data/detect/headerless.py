"""Files without a header, and lists of items: the layouts that ``pairs`` and ``sequences`` read."""

from collections.abc import Iterator, Sequence

import pandas as pd

from morec.data.detect.columns import looks_like_ratings, read_times, share_within
from morec.data.detect.guess import Detected, Guess, Question
from morec.data.detect.names import best_named
from morec.data.detect.table import Table
from morec.data.readers.pairs import NAMES
from morec.errors import DataError


def detect_headerless(tables: Sequence[Table], written: Sequence[str]) -> Detected | None:
    """Return how such files are read; None if all have headers and a row per interaction.

    Raises:
        DataError: no reader knows the columns; says which header to write.
    """
    interactions, items = tables[0], (tables[1] if len(tables) > 1 else None)
    if interactions.has_header:
        if _list_column(interactions):
            return _pairs(tables, written, "a user and a list of items per row")
        if items is not None and not items.has_header:
            _check_known(interactions, items)
            return _pairs(tables, written, f"{items.path.name} has no header")
        return None
    if _has_lists(interactions) and (items is None or _is_plain_tsv(items)):
        return _sequences(tables, written)
    _check_columns(interactions)
    if items is not None:
        _check_ids(interactions, items)
    return _pairs(tables, written, _columns_in_words(interactions))


def _sequences(tables: Sequence[Table], written: Sequence[str]) -> Detected:
    options: list[Guess | Question] = [Guess("users", written[0], "")]
    options += [Guess("items", path, "") for path in written[1:]]
    options += _encoding(tables)
    has_text = len(tables) > 1 and len(tables[1].columns) > 1
    why = "no header; a user and a list of items per line, oldest first"
    return Detected("sequences", "", tuple(options), why, has_text, False)


def _pairs(tables: Sequence[Table], written: Sequence[str], why: str) -> Detected:
    options: list[Guess | Question] = [Guess("interactions", written[0], "")]
    options += [Guess("titles", path, "") for path in written[1:]]
    options += [*_separator(tables), *_encoding(tables)]
    return Detected("pairs", "", tuple(options), why, len(tables) > 1, False)


def _separator(tables: Sequence[Table]) -> Iterator[Guess]:
    said = {table.separator for table in tables}
    if len(said) > 1:
        names = " and ".join(table.path.name for table in tables)
        raise DataError(f"{names}: have no common separator; save both as .csv or both as .tsv")
    (separator,) = said
    if separator is not None:
        yield Guess("separator", separator, "by the first lines")


def _encoding(tables: Sequence[Table]) -> list[Guess | Question]:
    """The option of the first file that needs one; UTF-8 is read by no other."""
    return next((found for table in tables if (found := table.encoding_option())), [])


def _list_column(table: Table) -> bool:
    """Whether the column of items has several per row, and no column has times."""
    items = best_named("item", list(table.columns)) or [
        name for name in table.columns if name.lower() in NAMES["item"]
    ]
    return len(table.columns) == 2 and any(_are_lists(table.columns[name]) for name in items)


def _has_lists(table: Table) -> bool:
    """Whether lines are a user and items: behind a tab, or a line with any number of blanks."""
    if table.text is not None and table.text.separator == " ":
        return table.is_ragged or len(table.columns) not in (3,)
    return len(table.columns) == 2 and _are_lists(table.columns["2"])


def _are_lists(values: pd.Series) -> bool:
    """Whether most values have blanks and are made of words that occur again and again."""
    words = values.head(1000).str.split()
    if words.str.len().mean() <= 1.5:
        return False
    flat = words.explode()
    return bool(flat.nunique() <= 0.8 * len(flat))


def _is_plain_tsv(table: Table) -> bool:
    is_tsv = table.text is not None and table.text.separator == "\t"
    return is_tsv and not table.has_header and len(table.columns) <= 3


def _check_columns(table: Table) -> None:
    """Check that the columns without names are user, item and maybe time."""
    name, columns = table.path.name, list(table.columns.values())
    advice = "write a first line that names the columns, such as user_id,item_id,timestamp"
    if len(columns) not in (2, 3):
        raise DataError(
            f"{name}: has no header, and {len(columns)} columns whose meaning is open; {advice}"
        )
    if len(columns) == 3 and (looks_like_ratings(columns[2]) or read_times(columns[2]) is None):
        example = columns[2].iloc[0]
        raise DataError(
            f"{name}: has no header, and its third column ({example!r}) holds no times; {advice}"
        )


def _check_ids(interactions: Table, items: Table) -> None:
    """Check that the second column has items, unless the titles have a header of their own."""
    ids = items.columns.get("1")
    if ids is None:
        return
    first, second = (share_within(interactions.columns[n], pd.Index(ids)) for n in ("1", "2"))
    if first > second and not _has_lists(interactions):
        raise DataError(
            f"{interactions.path.name}: has no header, and its first column has the ids of "
            f"{items.path.name}; the first is to be the user: write a first line with names"
        )


def _check_known(interactions: Table, items: Table) -> None:
    """Check that ``pairs`` knows the columns, since ``files`` needs a header in both files."""
    for role in ("user", "item"):
        if sum(name.lower() in NAMES[role] for name in interactions.columns) != 1:
            raise DataError(
                f"{items.path.name}: has no header; write a first line that names its columns, "
                "such as item_id,title"
            )


def _columns_in_words(table: Table) -> str:
    roles = ("user", "item or items", "time")[: len(table.columns)]
    return f"no header; the columns are, by their place, {', '.join(roles)}"
