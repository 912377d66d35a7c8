"""Which reader reads the files or the folder that somebody names, and with which options."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from morec.config import RecBoleSpec
from morec.data.detect.columns import guess_interactions, rating_columns
from morec.data.detect.guess import Detected, Guess, Question
from morec.data.detect.headerless import detect_headerless
from morec.data.detect.items import guess_items, link_columns
from morec.data.detect.names import best_named
from morec.data.detect.table import Table, check_readable, read_table
from morec.data.files.json_lines import first_fields
from morec.data.files.packed import first_bytes
from morec.data.files.sources import locate
from morec.data.readers.amazon import META, REVIEWS
from morec.errors import DataError

GENERIC = ("interactions", "ratings", "reviews", "events", "data", "train", "users", "pairs")
"""Names of files that say nothing; the folder's name is taken instead."""


@dataclass(frozen=True)
class Folder:
    """A folder that a reader knows by the names of its files."""

    kind: str
    files: tuple[tuple[str, ...], ...]
    """Patterns of files that are all there, in one of several ways."""
    options: Callable[[str], dict[str, str]] = lambda folder: {"folder": folder}
    """Options of the dataset in the folder."""


FOLDERS = (
    Folder("mind", (("behaviors.tsv", "news.tsv"), ("*/behaviors.tsv", "*/news.tsv"))),
    Folder("hm", (("transactions_train.csv", "articles.csv"),)),
    Folder("movielens", (("ratings.csv", "movies.csv"), ("ratings.dat", "movies.dat"))),
    Folder(
        "sequences",
        (("users.tsv", "items.tsv"),),
        lambda folder: {"users": f"{folder}/users.tsv", "items": f"{folder}/items.tsv"},
    ),
)  # fmt: skip
"""What a folder is taken for, the first that fits."""


def detect(paths: Sequence[Path], images: Path | None, root: Path) -> Detected:
    """Find out how a data set is laid out.

    ``paths``: nothing (the packaged MovieLens), a folder, or interactions and maybe items.
    ``root`` is where paths in the study file start from.

    Raises:
        DataError: something is missing, empty, no data set, or of two data sets.
    """
    if images is not None and not images.exists():
        raise DataError(f"{images}: no such folder or file of images")
    if not paths:
        found = Detected("movielens", "movielens", (), "no file was given", True, False)
    elif paths[0].is_dir():
        found = _folder(paths, root)
    else:
        found = _files(paths, root)
    found = found if images is None else _with_images(found, images, root)
    return _dropping(found) if found.has_images else found


def path_in_study(path: Path, root: Path) -> str:
    """Return a path as a study file in ``root`` has it: relative if it lies below ``root``."""
    full = Path(os.path.abspath(path))
    below = full.is_relative_to(root.absolute())
    return (full.relative_to(root.absolute()) if below else full).as_posix()


def name_of(path: Path) -> str:
    """Name a data set by its file, or by its folder where the file's name says nothing."""
    full = Path(os.path.abspath(path))
    name = full.name.split(".")[0]
    return full.parent.name if name.lower() in GENERIC and full.parent.name else name


def _folder(paths: Sequence[Path], root: Path) -> Detected:
    path = paths[0]
    if len(paths) > 1:
        raise DataError(f"{path}: is a folder; give it alone, or the two files in it")
    if len(inter := sorted(path.glob("*.inter"))) == 1:
        return _recbole(inter[0], root)
    for folder in FOLDERS:
        for patterns in folder.files:
            if all(any(path.glob(pattern)) for pattern in patterns):
                options = folder.options(path_in_study(path, root))
                guesses = tuple(Guess(key, value, "") for key, value in options.items())
                why = f"the folder has {' and '.join(patterns)}"
                name = Path(os.path.abspath(path)).name
                return Detected(folder.kind, name, guesses, why, True, False)
    found = sorted(each.name for each in path.iterdir())[:10]
    raise DataError(
        f"{path}: a folder of no known layout; found {', '.join(found) or 'nothing'}. "
        "Give the file of interactions, and that of items"
    )


def _files(given: Sequence[Path], root: Path) -> Detected:
    folders = [path for path in given if path.is_dir()]
    if folders:
        raise DataError(f"{folders[0]}: is a folder; give a file of items")
    paths = locate([str(path) for path in given], Path())
    for path in paths:
        check_readable(path)
    written = [path_in_study(path, root) for path in paths]
    if first_bytes(paths[0]).lstrip()[:1] == b"{":
        return _json_lines(paths, written)
    tables = [read_table(path) for path in paths]
    if headerless := detect_headerless(tables, written):
        return replace(headerless, name=name_of(paths[0]))
    return _tables(tables, written)


def _recbole(inter: Path, root: Path) -> Detected:
    """RecBole's atomic files; as ordinary files where their reader lacks an option they need."""
    items = inter.with_suffix(".item")
    found = _files([inter, *([items] if items.is_file() else [])], root)
    options = [one for one in found.options if not _is_of_recbole(one)]
    if any(key not in RecBoleSpec.model_fields for one in options for key in _keys(one)):
        return found
    folder = Path(os.path.abspath(inter.parent))
    where = [Guess("folder", path_in_study(folder, root), "")]
    where += [Guess("name", inter.stem, "the files' name")] if inter.stem != folder.name else []
    why = f"the folder has {inter.name}"
    return replace(found, kind="recbole", name=folder.name, options=(*where, *options), why=why)


def _is_of_recbole(option: Guess | Question) -> bool:
    """Whether RecBole's reader knows it: which files there are, and tabs between fields."""
    if not isinstance(option, Guess):
        return False
    is_tab = (option.key, option.value) == ("separator", "\t")
    return option.key in ("interactions", "items") or is_tab


def _json_lines(paths: list[Path], written: list[str]) -> Detected:
    fields = first_fields(paths[0])
    if not any(fields.keys() >= set(layout) for layout in REVIEWS):
        raise DataError(
            f"{paths[0].name}: JSON lines with {', '.join(fields)}, which are no reviews of "
            "Amazon; save them as CSV or Parquet with a column each for user, item and time"
        )
    if len(paths) < 2 or not any(first_fields(paths[1]).keys() >= set(one) for one in META):
        raise DataError(
            f"{paths[0].name}: reviews of Amazon need the products' JSON lines as second file "
            f"(fields {' or '.join(name for names in META for name in names)}, and title)"
        )
    options = (Guess("reviews", written[0], ""), Guess("meta", written[1], ""))
    why = f"JSON lines with {', '.join(next(one for one in REVIEWS if fields.keys() >= set(one)))}"
    return Detected("amazon", name_of(paths[0]), options, why, True, False)


def _tables(tables: list[Table], written: list[str]) -> Detected:
    """Tables with headers: ``kind: files``."""
    interactions, items = tables[0], (tables[1] if len(tables) > 1 else None)
    options: list[Guess | Question] = [Guess("interactions", written[0], "")]
    options += _text_format(interactions, "")
    _check_order(tables)
    options += guess_interactions(interactions, [] if items is None else _id_columns(items))
    if items is not None:
        options += [Guess("items", written[1], ""), *_items_format(items, interactions)]
        column = answers_of(options, "item_column")[0]
        options += guess_items(items, interactions.columns[column], column)
    keys = {key for one in options for key in _keys(one)}
    return Detected(
        "files",
        name_of(interactions.path),
        tuple(options),
        _written_as(interactions),
        "text_column" in keys,
        "image_column" in keys,
        tuple(_remarks(interactions, items)),
    )


def _check_order(tables: list[Table]) -> None:
    """Check that interactions come first."""
    if len(tables) > 1 and not _has_both(tables[0]) and _has_both(tables[1]):
        first, second = (table.path.name for table in tables)
        raise DataError(f"{first}: has no users, {second} has; give the interactions first")


def _has_both(table: Table) -> bool:
    return all(best_named(role, list(table.columns)) for role in ("user", "item"))


def answers_of(options: Sequence[Guess | Question], key: str) -> list[str]:
    """Return the possible values of an option: one if it was guessed, several if it is open."""
    for one in options:
        if isinstance(one, Guess) and one.key == key:
            return [one.value]
        if isinstance(one, Question) and key in one.keys:
            return [answer[one.keys.index(key)] for answer in one.answers]
    return []


def _keys(option: Guess | Question) -> tuple[str, ...]:
    return (option.key,) if isinstance(option, Guess) else option.keys


def _text_format(table: Table, prefix: str) -> list[Guess | Question]:
    why = "by the first lines, since the file's name does not say it"
    separator = table.separator
    found = [] if separator is None else [Guess(f"{prefix}separator", separator, why)]
    return [*found, *table.encoding_option(prefix)]


def _items_format(items: Table, interactions: Table) -> list[Guess | Question]:
    """What differs from the interactions; a file's options hold for the items, too."""
    if items.text is None or interactions.text is None:
        return _text_format(items, "items_")
    options: list[Guess | Question] = []
    said = interactions.separator or items.separator
    if said and items.text.separator != interactions.text.separator:
        why = "by the first lines; the interactions have another separator"
        options.append(Guess("items_separator", items.text.separator, why))
    if items.text.encoding == interactions.text.encoding:
        return options
    utf8 = Guess("items_encoding", "utf-8", "the interactions have another encoding")
    return [*options, *(items.encoding_option("items_") or [utf8])]


def _id_columns(items: Table) -> list[pd.Index]:
    """Columns whose values nearly all differ."""
    return [
        pd.Index(distinct)
        for values in items.columns.values()
        if 10 * len(distinct := values.unique()) >= 9 * len(values)
    ]


def _written_as(table: Table) -> str:
    if table.text is None:
        return "a Parquet file"
    separator = {"\t": "tabs", " ": "blanks"}.get(table.text.separator, repr(table.text.separator))
    return f"a header, and fields separated by {separator}"


def _remarks(interactions: Table, items: Table | None) -> Iterator[str]:
    for name in rating_columns(interactions):
        yield (
            f"All ratings count. To leave out low ones: rating_column: {name}, min_rating: 4 "
            "(or another bound)."
        )
    for name in [] if items is None else link_columns(items):
        yield (
            f"Column {name!r} of the items has links. They are not fetched: download them as "
            "<item>.jpg and give the folder with --images."
        )


def _with_images(found: Detected, images: Path, root: Path) -> Detected:
    if found.kind == "mind":
        raise DataError(f"{images}: a MIND data set has no images; leave --images out")
    options = tuple(one for one in found.options if "image_column" not in _keys(one))
    given = Guess("images", path_in_study(images, root), "given; images are named after the items")
    return replace(found, options=(*options, given), has_images=True)


def _dropping(found: Detected) -> Detected:
    """Items without an image would stop every run."""
    why = "items whose image is missing or broken are left out and counted; error: they are named"
    return replace(found, options=(*found.options, Guess("missing_images", "drop", why)))
