"""Reads RecBole's atomic files: ``<name>.inter`` (interactions) and ``<name>.item`` (items).

Fields are separated by tabs. A header gives every column a name and a type: ``user_id:token``,
``timestamp:float``, ``title:token_seq``. User, item and time are found by their names, or named by
``user_column``, ``item_column`` and ``time_column``. A column of ratings is read where
``min_rating`` asks for it; other columns are not.

Memory: 125 MB per million interactions, as measured for ``movielens``, which is read likewise.
"""

from collections.abc import Mapping
from pathlib import Path

from morec.config import RecBoleSpec
from morec.data.files.delimited import header_of
from morec.data.files.headers import format_role
from morec.data.files.ratings import RATING_NAMES, rating_columns
from morec.data.files.sources import is_file, locate
from morec.data.files.tables import missing_columns, read_columns, read_rows
from morec.data.files.text_format import TextFormat
from morec.data.interactions import Interactions, all_ratings_count, from_rows
from morec.data.readers.catalogue import Catalogue, catalogue_of, join_catalogue
from morec.data.readers.reader import ItemColumns, Reader, hash_of
from morec.errors import DataError

NAMES: Mapping[str, tuple[str, ...]] = {
    "user": ("user_id", "session_id", "user", "userid", "uid", "visitorid", "reviewer_id"),
    "item": (
        *("item_id", "business_id", "product_id", "movie_id", "artist_id", "track_id", "book_id"),
        *("venue_id", "news_id", "video_id", "item", "itemid", "iid", "asin"),
    ),
    "time": ("timestamp", "time", "date", "datetime", "unix_time"),
}
"""Names of the columns of each role, in lower case."""
AUGMENTED = "item_id_list"
"""A column of RecBole's benchmark files, which hold several prefixes of every session."""


def read_recbole(spec: RecBoleSpec, root: Path) -> Interactions:
    """Read interactions and, where there is a file of them, items.

    Items are in the order of their file or, without one, of their first interaction.

    Raises:
        DataError: a file is missing, empty or broken, a column is missing or ambiguous, a time
            cannot be read, or the two files share no item.
    """
    paths, text = source_files(spec, root), _text_of(spec)
    header = header_of(paths[0], text)
    user, item, time = _columns(spec, paths[0], text, header)
    rating = _rating(spec, paths[0], header)
    wanted = rating if spec.min_rating is not None else None
    rows = read_rows(paths[0], user, item, time, rating=wanted, text=text)
    if len(paths) == 1:
        _check_no_text(spec, paths[0])
        interactions = from_rows(rows, repeats=spec.repeats, min_rating=spec.min_rating)
    else:
        interactions = join_catalogue(
            rows,
            _read_items(spec, paths[1], item),
            files=(paths[0], paths[1]),
            repeats=spec.repeats,
            min_rating=spec.min_rating,
        )
    return all_ratings_count(interactions) if rating and wanted is None else interactions


def source_files(spec: RecBoleSpec, root: Path) -> list[Path]:
    """Return interactions and, if there are any, items; a missing file raises a ``DataError``."""
    folder, name = root / spec.folder, _name(spec)
    has_items = is_file(folder / f"{name}.item")
    return locate([f"{name}.inter", *([f"{name}.item"] if has_items else [])], folder)


def item_columns(spec: RecBoleSpec, root: Path) -> ItemColumns | None:
    """Offer the columns of the items, by their names without types."""
    paths, text = source_files(spec, root), _text_of(spec)
    if len(paths) == 1:
        return None
    item = _columns(spec, paths[0], text, header_of(paths[0], text))[1]
    return ItemColumns(
        file=paths[1].name,
        names=header_of(paths[1], text),
        item=item,
        read=lambda wanted: read_columns(paths[1], [item, *wanted], text=text),
    )


def _name(spec: RecBoleSpec) -> str:
    return spec.name or Path(spec.folder).name


def _text_of(spec: RecBoleSpec) -> TextFormat:
    return TextFormat(spec.separator or "\t", spec.encoding or "utf-8", "separator", "encoding")


def _columns(spec: RecBoleSpec, path: Path, text: TextFormat, header: list[str]) -> list[str]:
    """Return the columns of user, item and time, as named by the study or found in the header."""
    given = {"user": spec.user_column, "item": spec.item_column, "time": spec.time_column}
    problems = []
    if AUGMENTED in header:
        problems.append(
            f"{path.name}: {AUGMENTED!r} is a column of a benchmark file, which holds "
            "every session several times; give the file that it was made of"
        )
    found = {
        role: [name] if name else [each for each in header if each.lower() in NAMES[role]]
        for role, name in given.items()
    }
    problems += [
        f"{path.name}: {format_role(role, names, header)}; name it: `{role}_column:`"
        for role, names in found.items()
        if len(set(names)) != 1
    ]
    if not problems:
        wanted = {f"dataset.{role}_column": names[0] for role, names in found.items()}
        problems = missing_columns(path, wanted, text)
    if problems:
        raise DataError("\n".join(problems))
    return [names[0] for names in found.values()]


def _rating(spec: RecBoleSpec, path: Path, header: list[str]) -> str | None:
    """Return the column of ratings, if there is one."""
    found = rating_columns(header)
    if len(found) != 1 and spec.min_rating is not None:
        raise DataError(
            f"{path.name}: dataset.min_rating needs one column of ratings, found {len(found)}; its "
            f"name in the header is one of {', '.join(RATING_NAMES)}"
        )
    return found[0] if found else None


def _read_items(spec: RecBoleSpec, path: Path, item: str) -> Catalogue:
    texts = {"dataset.text_column": spec.text_column} if spec.text_column else {}
    wanted = {"dataset.item_column": item, **texts}
    problems = missing_columns(path, wanted, _text_of(spec))
    if problems:
        raise DataError("\n".join(problems))
    table = read_columns(path, list(wanted.values()), text=_text_of(spec))
    return catalogue_of(table, item, spec.text_column)


def _check_no_text(spec: RecBoleSpec, interactions: Path) -> None:
    if spec.text_column is not None:
        items = interactions.with_suffix(".item")
        raise DataError(f"dataset.text_column needs the items: {items} is missing")


READER = Reader(RecBoleSpec, read_recbole, hash_of(source_files), _name, columns=item_columns)
