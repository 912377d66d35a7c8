"""Reads MIND as Microsoft offers it (Wu et al. 2020): clicks on news, and the titles of news.

``behaviors.tsv``: impression, user, time, history, impressions ``N123-1`` (clicked) or ``N123-0``.
``news.tsv``: news, category, subcategory, title and more. Neither has a header.

An interaction is a click, as in the paper. A history lists the user's clicks before the file
begins, oldest first, without times. All impressions of a user in one file have the same history;
the history in a later file repeats the clicks of an earlier file. So a user's interactions are the
history of the earliest impression, once, and then the clicked impressions in time order. Clicks of
the history get the time of that earliest impression. Of a user's repeated clicks on one news the
first stays. The impressions of a test file have no labels and add no clicks.

Memory (peak, measured on 0.1 and 0.4 million impressions, a third of them of new users with
histories of 34): 1.8 GB per million impressions, most of it for 11 million clicks of histories.
So the train folder of MIND-large (2.2 million impressions, 711 thousand users) takes about 4 GB.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from morec.config import MindSpec
from morec.data.files.delimited import first_rows, read_batches
from morec.data.files.gather import explode, gather
from morec.data.files.sources import locate
from morec.data.files.text_format import TextFormat
from morec.data.interactions import Interactions
from morec.data.readers.catalogue import Catalogue, catalogue_of, join_catalogue
from morec.data.readers.reader import ItemColumns, Reader, folder_name, hash_of
from morec.errors import DataError

BEHAVIORS, NEWS = "behaviors.tsv", "news.tsv"
BEHAVIOR_COLUMNS = ("impression", "user", "time", "history", "impressions")
NEWS_COLUMNS = ("news", "category", "subcategory", "title")
"""The first columns of ``news.tsv``; more may follow."""
ABSTRACT = "abstract"
"""The column after them."""
TIME_FORMAT = "%m/%d/%Y %I:%M:%S %p"
"""``11/15/2019 8:55:22 AM``."""
LABELLED = r"^[^\s-]+(-[01])?(\s+[^\s-]+(-[01])?)*$"
TEXT = TextFormat("\t")
HISTORIES = 10_000
"""Histories that are split into clicks at a time; bounds memory."""


def read_mind(spec: MindSpec, root: Path) -> Interactions:
    """Read the clicks of all folders.

    Counts are ``history_clicks``, ``impression_clicks``, ``impressions_not_clicked`` and
    ``impressions_without_label``.

    Raises:
        DataError: a file is missing, empty or broken, or an impression or a time has another form.
    """
    folders = _folders(root / spec.folder)
    behaviors = [folder / BEHAVIORS for folder in folders]
    counts: Counter[str] = Counter()
    # Histories first: their clicks have the same time as the impression that they precede.
    rows = gather(chain(_history_clicks(behaviors, counts), _clicks(behaviors, counts)))
    news = folders[0] / NEWS
    interactions = join_catalogue(rows, _read_news(folders), files=(behaviors[0], news))
    return replace(interactions, counts={**counts, **interactions.counts})


def source_files(spec: MindSpec, root: Path) -> list[Path]:
    """Return the files of all folders; a missing one raises a ``DataError``."""
    folders = _folders(root / spec.folder)
    return [folder / name for folder in folders for name in (BEHAVIORS, NEWS)]


def _folders(folder: Path) -> list[Path]:
    """Return the folders that hold the files: the folder itself, and those right below it."""
    found = sorted(path.parent for path in folder.glob(f"*/{BEHAVIORS}"))
    folders = [folder, *found] if (folder / BEHAVIORS).is_file() or not found else found
    locate([str(each / name) for each in folders for name in (BEHAVIORS, NEWS)], Path())
    return folders


def item_columns(spec: MindSpec, root: Path) -> ItemColumns:
    """Offer ``category``, ``subcategory``, ``title`` and, where all folders have it, the
    ``abstract``."""
    folders = _folders(root / spec.folder)
    all_names = [_news_names(folder / NEWS) for folder in folders]
    return ItemColumns(
        file=NEWS,
        names=[
            name for name in (*NEWS_COLUMNS, ABSTRACT) if all(name in names for names in all_names)
        ],
        item="news",
        read=lambda wanted: _news_table(folders, ["news", *wanted]),
    )


def _read_news(folders: list[Path]) -> Catalogue:
    return catalogue_of(_news_table(folders, ["news", "title"]), "news", "title")


def _news_table(folders: list[Path], columns: list[str]) -> pd.DataFrame:
    paths = [folder / NEWS for folder in folders]
    return gather(
        chain.from_iterable(
            read_batches(path, TEXT, names=_news_names(path), columns=columns) for path in paths
        )
    )


def _news_names(path: Path) -> list[str]:
    num_more = len(first_rows(path, TEXT, 1)[0]) - len(NEWS_COLUMNS)
    if num_more < 0:
        raise DataError(
            f"{path}: {len(NEWS_COLUMNS) + num_more} columns separated by tabs in the first row; "
            f"expected {', '.join(NEWS_COLUMNS)} and more"
        )
    more = [ABSTRACT, *(f"more {number}" for number in range(num_more))]
    return [*NEWS_COLUMNS, *more[:num_more]]


def _clicks(behaviors: list[Path], counts: Counter[str]) -> Iterator[pa.RecordBatch]:
    """Yield user, time and item of clicked impressions; count the others."""
    for batch in _read_behaviors(behaviors, "impressions"):
        shown = explode(batch, "item")
        is_clicked = pc.ends_with(shown["item"], "-1")
        num_clicked = pc.sum(is_clicked).as_py() or 0
        num_labelled = pc.sum(pc.match_substring(shown["item"], "-")).as_py() or 0
        counts["impression_clicks"] += num_clicked
        counts["impressions_not_clicked"] += num_labelled - num_clicked
        counts["impressions_without_label"] += len(shown) - num_labelled
        clicked = shown.filter(is_clicked)
        yield clicked.set_column(
            clicked.schema.names.index("item"),
            "item",
            pc.utf8_slice_codeunits(clicked["item"], 0, -2),
        )


def _history_clicks(behaviors: list[Path], counts: Counter[str]) -> Iterator[pa.RecordBatch]:
    """Yield every user's clicks in the history of the earliest impression, oldest first."""
    histories = gather(_read_behaviors(behaviors, "history"))
    first = histories.sort_values("timestamp", kind="stable").drop_duplicates("user")
    table = pa.Table.from_pandas(first[first["item"].notna()], preserve_index=False)
    for batch in table.to_batches(max_chunksize=HISTORIES):
        texts = {name: batch[name].cast(pa.string()) for name in ("user", "item")}
        columns = {**texts, "timestamp": batch["timestamp"]}
        clicks = explode(pa.RecordBatch.from_pydict(columns), "item")
        counts["history_clicks"] += len(clicks)
        yield clicks


def _read_behaviors(behaviors: list[Path], column: str) -> Iterator[pa.RecordBatch]:
    """Yield ``user``, ``timestamp`` and ``column`` (called ``item``), file by file."""
    for path in behaviors:
        num_before = 0
        names = ["user", "time", column]
        for batch in read_batches(path, TEXT, names=BEHAVIOR_COLUMNS, columns=names):
            seconds = pc.strptime(
                batch["time"], format=TIME_FORMAT, unit="s", error_is_null=True
            ).cast(pa.int64())
            _check(batch["time"], pc.is_valid(seconds), path, num_before, "time")
            if column == "impressions":
                is_known = pc.match_substring_regex(batch[column], LABELLED)
                _check(batch[column], is_known, path, num_before, column)
            num_before += len(batch)
            columns = {"user": batch["user"], "timestamp": seconds, "item": batch[column]}
            yield pa.RecordBatch.from_pydict(columns)


def _check(values: pa.Array, is_right: pa.Array, path: Path, num_before: int, column: str) -> None:
    wrong = pc.index(pc.fill_null(is_right, False), False).as_py()
    if wrong >= 0:
        allowed = {"time": "11/15/2019 8:55:22 AM", "impressions": "N123-1 N456-0 or N123 N456"}
        raise DataError(
            f"{path}: row {num_before + wrong + 1}: {column} {str(values[wrong].as_py())[:60]!r} "
            f"is not like {allowed[column]}"
        )


READER = Reader(MindSpec, read_mind, hash_of(source_files), folder_name, columns=item_columns)
