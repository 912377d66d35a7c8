"""Histories of any number of users, read with bounded memory: first split by user into parts.

A part has all rows of its users, in the file's order, so that a file in any order is read alike.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from morec.config import DatasetSpec
from morec.data.detect.columns import listed
from morec.data.detect.names import best_named
from morec.data.detect.table import read_table
from morec.data.files.delimited import read_batches
from morec.data.files.gather import gather
from morec.data.files.packed import PACKED
from morec.data.files.parquet import read_parquet
from morec.data.files.tables import as_names, as_rows
from morec.data.files.text_format import TextFormat
from morec.data.files.times import TimeColumn
from morec.data.ids import ids_of, plain_all
from morec.data.interactions import from_rows
from morec.data.ties import sequence_order
from morec.errors import DataError

PART_ROWS = 500_000
"""Rows of a part, about; a part is read whole."""
MAX_PARTS = 256
"""Parts are written at the same time, and a process may have about 1,000 open files."""
ROW_BYTES, PACKED_ROW_BYTES = 24, 6
"""Usual bytes of a row of a text file; only the number of parts depends on them."""
ROW = " row"
"""The column with a row's place in the file; columns of files have no blanks at their ends."""


@dataclass(frozen=True)
class HistoryFile:
    """A table of users' items, and which of its columns says what."""

    path: Path
    text: TextFormat | None
    """How it is written; None for Parquet."""
    user: str
    item: str
    time: TimeColumn | None
    """None: a user's rows are in the order of time."""

    @property
    def columns(self) -> list[str]:
        """The columns that are read."""
        return [self.user, self.item, *([self.time.name] if self.time else [])]

    def num_parts(self) -> int:
        """Into how many parts it is split, by its size."""
        if self.text is None:
            num_rows = pa.parquet.read_metadata(self.path).num_rows
        else:
            is_packed = self.path.suffix.lower() in PACKED
            num_rows = self.path.stat().st_size // (PACKED_ROW_BYTES if is_packed else ROW_BYTES)
        return int(min(MAX_PARTS, 1 + num_rows // PART_ROWS))


@dataclass(frozen=True)
class Histories:
    """The histories of some users, in the order of time."""

    rows: pd.DataFrame
    """``user_id`` and ``item_id``; a user's rows are together, the latest last."""
    counts: dict[str, int]
    """``users``, ``users_without_known_items``, and how many rows each rule of reading dropped."""


def find_histories(path: Path, spec: DatasetSpec) -> HistoryFile:
    """Find the columns of user, item and time: as ``spec`` names them, else as ``--new`` does.

    Raises:
        DataError: there is no such file, it cannot be read, or user or item cannot be told.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    table = read_table(path)
    names = list(table.columns)
    if not table.has_header:
        raise DataError(f"{path}: has no header; its first line must name user_id and item_id")
    user, item, time = (_column(role, spec, names) for role in ("user", "item", "time"))
    problems = [
        _unnamed(role, names, path) for role, name in (("user", user), ("item", item)) if not name
    ]
    if problems or user is None or item is None:
        raise DataError("\n".join(problems))
    is_as_in_study = time is not None and time == getattr(spec, "time_column", None)
    time_format = getattr(spec, "time_format", None) if is_as_in_study else None
    column = TimeColumn(time, time_format) if time else None
    return HistoryFile(path, table.text, user, item, column)


def _column(role: str, spec: DatasetSpec, names: list[str]) -> str | None:
    """The column of a role; None if the names do not tell one."""
    own = getattr(spec, f"{role}_column", None)
    if own in names:
        return str(own)
    found = best_named(role, names)
    return found[0] if len(found) == 1 else None


def _unnamed(role: str, names: list[str], path: Path) -> str:
    likely = best_named(role, names)
    why = f"{listed(likely)} fit equally well" if likely else f"found are {', '.join(names)}"
    return f"{path}: which column is the {role}? {why}. Name it {role}_id"


def part_path(folder: Path, part: int) -> Path:
    """The file of a part's rows."""
    return folder / f"{part:04d}.arrow"


def split_by_user(histories: HistoryFile, folder: Path, num_parts: int) -> Iterator[int]:
    """Write every row into the file of its user's part; yields the numbers of rows as they come.

    ``folder`` is there and empty; ``part_path`` names the files.

    Raises:
        DataError: the file is broken, or has no rows.
    """
    first = 0
    with ExitStack() as stack:
        writers: list[Any] = []
        for batch in _batches(histories):
            rows = _numbered(batch, first, histories)
            if not writers:
                paths = (part_path(folder, part) for part in range(num_parts))
                writers = [stack.enter_context(pa.ipc.new_file(p, rows.schema)) for p in paths]
            _deal(rows, histories.user, writers)
            first += len(batch)
            yield len(batch)


def _batches(histories: HistoryFile) -> Iterator[pa.RecordBatch]:
    wanted = histories.columns
    if histories.text is None:
        return read_parquet(histories.path, wanted)
    return read_batches(histories.path, histories.text, columns=wanted)


def _numbered(batch: pa.RecordBatch, first: int, histories: HistoryFile) -> pa.RecordBatch:
    """The batch with ids as text and each row's place in the file, from ``first`` on."""
    ids = (histories.user, histories.item)
    columns = {n: _as_text(batch[n]) if n in ids else batch[n] for n in batch.schema.names}
    return pa.RecordBatch.from_pydict({**columns, ROW: np.arange(first, first + len(batch))})


def _as_text(ids: pa.Array) -> pa.Array:
    """Ids as the readers of data sets spell them."""
    if pa.types.is_floating(ids.type) or pa.types.is_temporal(ids.type):
        return pa.array(as_names(ids.to_pandas()), pa.string(), from_pandas=True)
    return ids.cast(pa.string())


def _deal(rows: pa.RecordBatch, user: str, writers: Sequence[Any]) -> None:
    """Give every row to the writer of its user's part."""
    parts_n = _part_of(rows[user], len(writers))
    order = np.argsort(parts_n, kind="stable")
    ends = np.searchsorted(parts_n[order], np.arange(len(writers) + 1))
    dealt = rows.take(pa.array(order))
    for writer, start, end in zip(writers, ends[:-1].tolist(), ends[1:].tolist(), strict=True):
        if end > start:
            writer.write_batch(dealt.slice(start, end - start))


def _part_of(users: pa.Array, num_parts: int) -> npt.NDArray[np.int64]:
    """The part of each row's user, by a hash of the name; spellings of one id are one user."""
    codes = users.fill_null("").dictionary_encode()
    names = plain_all(pd.Index(codes.dictionary.to_pandas(), dtype="str"))
    hashes = pd.util.hash_array(names.to_numpy(dtype=object), categorize=False)
    part_of_name = (hashes % num_parts).astype(np.int64)
    parts_n: npt.NDArray[np.int64] = part_of_name[codes.indices.to_numpy()]
    return parts_n


def num_rows(path: Path) -> int:
    """Rows of a part."""
    with pa.ipc.open_file(path) as part:
        return sum(part.get_batch(index).num_rows for index in range(part.num_record_batches))


def read_part(
    path: Path, histories: HistoryFile, item_ids: Sequence[str], spec: DatasetSpec
) -> Histories:
    """Read the histories of a part's users, by the rules by which ``spec`` reads interactions.

    Items that are none of ``item_ids`` are left out, and so are users without any other.

    Raises:
        DataError: a time cannot be read; names its line.
    """
    with pa.ipc.open_file(path) as part:
        batches = [part.get_batch(index) for index in range(part.num_record_batches)]
    if not batches:
        return Histories(pd.DataFrame({"user_id": [], "item_id": []}), {})
    numbers = [histories.time.name] if histories.time and not histories.time.format else []
    table = gather(batches, numbers)
    # Errors count the lines of the file, of which the first is the header.
    table = table.set_axis(table[ROW] + (1 if histories.text is None else 2))
    time = histories.time
    rows = as_rows(table, histories.path, histories.user, histories.item, time)
    found = from_rows(rows, item_ids, repeats=getattr(spec, "repeats", "first"))
    order = sequence_order(found, spec.ties)
    users, items = (np.array(names, dtype=object) for names in (found.user_names, item_ids))
    num_users = len(ids_of(rows["user"].dropna(), "user").names)
    counts = {
        "users": num_users,
        "users_without_known_items": num_users - len(users),
        **{name: number for name, number in found.counts.items() if number},
    }
    ordered = {
        "user_id": users[found.user_ids[order]],
        "item_id": items[found.item_ids[order]],
    }
    return Histories(pd.DataFrame(ordered), counts)
