"""Lists for many users: made part by part beside the output, and joined once all are there.

An interrupted run continues with the first part that is missing. A part holds whole users, so that
lists do not depend on where a run was interrupted.
"""

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
from filelock import FileLock, Timeout
from rich.progress import Progress

from morec.data.files.delimited import READ_ERRORS
from morec.errors import DataError, FolderInUseError, SpecError, first_line
from morec.results import replace_atomically, write_atomically
from tune_space.commands.progress_bar import progress_bar
from tune_space.inputs.histories import (
    HistoryFile,
    num_rows,
    part_path,
    read_part,
    split_by_user,
)

if TYPE_CHECKING:
    from morec import Recommender

USERS = 1_024
"""Users that the model is asked about at a time."""
COLUMNS = pa.schema(
    {"user_id": pa.string(), "rank": pa.int32(), "item_id": pa.string(), "score": pa.float32()}
)
"""A row per user and rank, the best item first; scores compare within a user only."""
MADE_OF = "made_of.json"
HISTORIES = "histories"
"""The folder of the histories' parts."""
COUNTS = b"counts"
"""In the metadata of a part and of the output: what its rows were, by rule."""


@dataclass(frozen=True)
class Lists:
    """What is to be made."""

    model: "Recommender"
    histories: HistoryFile
    k: int
    exclude_seen: bool


def recommend(lists: Lists, out: Path, made_of: Mapping[str, Any]) -> Counter[str]:
    """Write the lists into ``out``; return how many users and rows each rule of reading concerned.

    ``made_of`` says what the lists follow from. Parts that an interrupted run of the same left are
    taken over.

    Raises:
        SpecError: parts beside ``out`` were made of something else.
        DataError: the histories, or parts of an interrupted run, cannot be read.
        FolderInUseError: another process makes this output.
    """
    parts = out.with_name(f"{out.name}.parts")
    with _held(parts), progress_bar() as bar:
        _check_same(parts, made_of)
        num_parts = _split(lists.histories, parts, bar)
        sources = [part_path(parts / HISTORIES, part) for part in range(num_parts)]
        targets = [source.with_suffix(".parquet") for source in sources]
        sizes = list(map(_size, sources))
        task = bar.add_task("recommending", total=sum(sizes))
        for source, target, size in zip(sources, targets, sizes, strict=True):
            if target.exists():
                bar.advance(task, size)
            else:
                _write_part(lists, source, target, lambda rows: bar.advance(task, rows))
        counts = _join(targets, out, made_of)
        shutil.rmtree(parts)
    return counts


@contextmanager
def _held(parts: Path) -> Iterator[None]:
    parts.mkdir(exist_ok=True)
    lock = FileLock(parts / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise FolderInUseError(f"{parts}: another process makes this output") from error
    try:
        yield
    finally:
        lock.release()


def _check_same(parts: Path, made_of: Mapping[str, Any]) -> None:
    path = parts / MADE_OF
    if not path.exists():
        write_atomically(path, json.dumps(made_of))
        return
    before = _read_made_of(path)
    names = [name for name in {**before, **made_of} if before.get(name) != made_of.get(name)]
    if names:
        other = ", ".join(f"{name} {before.get(name)}, not {made_of.get(name)}" for name in names)
        raise SpecError(
            f"{parts}: an interrupted run began this output with {other}. Delete the folder to "
            "begin anew, or give another --out"
        )


def _read_made_of(path: Path) -> Mapping[str, Any]:
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(before, dict):
            return before
    except (OSError, ValueError, RecursionError):
        pass
    raise _broken(path, "it does not say what the parts were made of")


def _broken(path: Path, why: str) -> DataError:
    return DataError(f"{path}: a part of an interrupted run cannot be read: {why}. Delete it")


def _split(histories: HistoryFile, parts: Path, bar: Progress) -> int:
    """Split the histories by user, unless an interrupted run has; return the number of parts."""
    folder = parts / HISTORIES
    if not folder.exists():
        unfinished = parts / f".{HISTORIES}"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        task = bar.add_task("reading histories", total=None)
        for rows in split_by_user(histories, unfinished, histories.num_parts()):
            bar.advance(task, rows)
        bar.remove_task(task)
        unfinished.rename(folder)
    return len(list(folder.glob("*.arrow")))


def _write_part(lists: Lists, source: Path, target: Path, advance: Callable[[int], None]) -> None:
    found = read_part(source, lists.histories, lists.model.item_ids, lists.model.config.dataset)
    tables = []
    for rows in _users_at_a_time(found.rows):
        made = lists.model.recommend(rows, k=lists.k, exclude_seen=lists.exclude_seen)
        tables.append(pa.Table.from_pandas(made[COLUMNS.names], COLUMNS, preserve_index=False))
        advance(len(rows))
    table = pa.concat_tables(tables) if tables else COLUMNS.empty_table()
    described = table.replace_schema_metadata({COUNTS: json.dumps(found.counts)})
    replace_atomically(target, lambda stream: pa.parquet.write_table(described, stream))


def _users_at_a_time(rows: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Rows of ``USERS`` users after another; a user's rows stand together."""
    users = rows["user_id"].to_numpy()
    starts = np.flatnonzero(np.append(True, users[1:] != users[:-1])) if len(users) else users
    bounds = [*starts[::USERS].tolist(), len(users)]
    for start, end in pairwise(bounds):
        yield rows.iloc[start:end]


def _join(sources: Sequence[Path], out: Path, made_of: Mapping[str, Any]) -> Counter[str]:
    """Write the parts' rows into one file, a part at a time."""
    counts: Counter[str] = Counter()
    for source in sources:
        counts.update(_counts_of(source))
    described = COLUMNS.with_metadata({COUNTS: json.dumps(counts), b"made_of": json.dumps(made_of)})

    def write(stream: Any) -> None:
        with pa.parquet.ParquetWriter(stream, described) as writer:
            for source in sources:
                writer.write_table(_lists_of(source))

    replace_atomically(out, write)
    return counts


def _size(source: Path) -> int:
    try:
        return num_rows(source)
    except READ_ERRORS as error:
        raise _broken(source, first_line(error)) from error


def _counts_of(source: Path) -> dict[str, int]:
    try:
        stored = json.loads((pa.parquet.read_metadata(source).metadata or {}).get(COUNTS, b""))
        return {str(name): int(number) for name, number in dict(stored).items()}
    except (*READ_ERRORS, ValueError, TypeError, RecursionError) as error:
        raise _broken(source, first_line(error)) from error


def _lists_of(source: Path) -> pa.Table:
    try:
        return pa.parquet.read_table(source).replace_schema_metadata().cast(COLUMNS)
    except (*READ_ERRORS, ValueError) as error:
        raise _broken(source, first_line(error)) from error
