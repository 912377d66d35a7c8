"""Which columns of an items' file hold ids, titles and paths of images."""

import html
import re
from collections.abc import Iterator

import pandas as pd

from morec.data.detect.columns import MAX_ID_WORDS, NUM_TRIED, listed, share_within
from morec.data.detect.guess import Guess, Question
from morec.data.detect.names import best_named, rank_of
from morec.data.detect.table import NUMBER, Table
from morec.errors import DataError

NUM_SHOWN = 3
"""Ids in an error."""
IMAGE = re.compile(r".*\.(jpe?g|png|webp)", re.IGNORECASE)
ENTITY = re.compile(r"&(?:#\d+|#x[0-9a-fA-F]+|[a-zA-Z]+);")
MUCH_BETTER = 0.2
"""Share of ids by which another column must match better than the one of the same name."""


def guess_items(items: Table, ids: pd.Series, item_column: str) -> Iterator[Guess | Question]:
    """Guess the columns of items; ``ids`` are the interactions' items.

    Raises:
        DataError: no column has any of the ids.
    """
    item = list(_guess_item(items, ids, item_column))
    columns = {answer for one in item for answer in _columns(one)} or {item_column}
    yield from item
    yield from _guess_text(items, columns)
    yield from _guess_image(items)


def _guess_item(items: Table, ids: pd.Series, item_column: str) -> Iterator[Guess | Question]:
    shares = {
        name: share_within(ids, pd.Index(values.unique())) for name, values in items.columns.items()
    }
    best = max(shares.values())
    if best == 0:
        raise DataError(_no_id_shared(items, ids, item_column))
    if shares.get(item_column, 0) > 0 and best - shares[item_column] < MUCH_BETTER:
        return
    likely = [name for name, share in shares.items() if share > 0 and share >= best - 0.1]
    named = best_named("item", likely)
    likely = named or likely
    if len(likely) > 1:
        text = f"Which column of {items.path.name} has the ids in {item_column!r}? They fit alike."
        yield Question(("items_item_column",), tuple((name,) for name in likely), text)
    else:
        why = f"{shares[likely[0]]:.0%} of the ids in {item_column!r} are in this column"
        yield Guess("items_item_column", likely[0], why)


def _no_id_shared(items: Table, ids: pd.Series, item_column: str) -> str:
    name = next(iter(best_named("item", list(items.columns))), next(iter(items.columns)))
    seen = ids[ids != ""].drop_duplicates().head(NUM_SHOWN).tolist()
    there = items.columns[name].drop_duplicates().head(NUM_SHOWN).tolist()
    return (
        f"{items.path.name} has none of the items of the interactions: column {item_column!r} has "
        f"{seen}, the items' column {name!r} has {there}; give the file of the same items, with "
        "ids written alike"
    )


def _columns(option: Guess | Question) -> list[str]:
    """Columns that may have the ids."""
    return [option.value] if isinstance(option, Guess) else [one for (one,) in option.answers]


def _guess_text(items: Table, id_columns: set[str]) -> Iterator[Guess | Question]:
    others = {name: values for name, values in items.columns.items() if name not in id_columns}
    texts = [name for name, values in others.items() if _is_text(values)]
    named = best_named("text", texts)
    by_words = [name for name in texts if _words(items.columns[name]) > MAX_ID_WORDS]
    likely = named or [name for name in by_words if rank_of("image", name) is None]
    if len(likely) > 1:
        text = f"Which column holds the titles? {listed(likely)} fit equally well."
        yield Question(("text_column",), tuple((name,) for name in likely), text)
    elif likely:
        values = items.columns[likely[0]]
        words = f"{_words(values):.1f} words per value"
        yield Guess("text_column", likely[0], f"by its {'name' if named else 'values'}: {words}")
        yield from _guess_html(values)


def _guess_html(titles: pd.Series) -> Iterator[Guess]:
    found = titles[titles.map(lambda title: html.unescape(title) != title)]
    found = found[found.str.contains(ENTITY)]
    if len(found):
        why = f"{len(found):,} titles have entities of HTML, such as {found.iloc[0][:60]!r}"
        yield Guess("html", "unescape", why)


def _guess_image(items: Table) -> Iterator[Guess | Question]:
    paths = [name for name, values in items.columns.items() if _are_paths(values)]
    likely = best_named("image", paths) or paths
    if len(likely) > 1:
        text = f"Which column has the images? {listed(likely)} fit equally well."
        yield Question(("image_column",), tuple((name,) for name in likely), text)
    elif likely:
        example = next(value for value in items.columns[likely[0]] if value)
        yield Guess("image_column", likely[0], f"names of image files, such as {example!r}")


def link_columns(items: Table) -> list[str]:
    """Columns of links to images, which are not fetched."""
    return [name for name, values in items.columns.items() if _are_links(values)]


def _are_links(values: pd.Series) -> bool:
    filled = values[values != ""].head(NUM_TRIED)
    return bool(len(filled) and (filled.str.match(r"https?://") & filled.map(_is_image)).all())


def _are_paths(values: pd.Series) -> bool:
    filled = values[values != ""].head(NUM_TRIED)
    if not len(filled):
        return False
    is_path = filled.map(_is_image) & ~filled.str.match(r"https?://")
    return bool(is_path.mean() > 0.5)


def _is_image(value: str) -> bool:
    return IMAGE.fullmatch(value) is not None


def _is_text(values: pd.Series) -> bool:
    """Whether values are neither numbers nor links nor files."""
    tried = values[values != ""].drop_duplicates().head(NUM_TRIED)
    if not len(tried) or tried.map(NUMBER.fullmatch).notna().mean() > 0.5:
        return False
    return not tried.str.match(r"https?://").any() and not tried.map(_is_image).mean() > 0.5


def _words(values: pd.Series) -> float:
    filled = values[values != ""].head(NUM_TRIED)
    return float(filled.str.split().str.len().mean())
