"""Streams vectors, one a row, and the ids of their rows: Parquet, CSV, TSV, and numpy's arrays.

A file may be larger than memory: only ids are held. Shapes: n rows of a block, H width.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from morec.data.files.arrays import array_blocks, array_ids, open_vectors
from morec.data.files.delimited import READ_ERRORS, read_batches, unreadable
from morec.data.files.headers import format_names, names_of
from morec.data.files.parquet import read_parquet
from morec.data.files.tables import columns_of, missing_columns, read_columns
from morec.data.files.text_format import is_parquet, text_format
from morec.errors import DataError

BLOCK_ROWS = 4096


@dataclass(frozen=True)
class VectorBlock:
    """Some rows of a file."""

    lengths_n: npt.NDArray[np.int64]
    """How many numbers each row has; 0 where a list is missing."""
    values: npt.NDArray[np.float32]
    """(sum of ``lengths_n``,) the rows one after the other; NaN where a number is missing."""


@dataclass(frozen=True)
class VectorFile:
    """Where vectors and their ids lie; see ``VectorsSpec``."""

    path: Path
    ids: str
    """A column of ``path``; of a ``.npy`` another file."""
    column: str | None = None

    @property
    def is_array(self) -> bool:
        """Whether it is one of numpy's arrays."""
        return self.path.suffix.lower() == ".npy"

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file that is read."""
        return (self.path, Path(self.ids)) if self.is_array else (self.path,)

    def read_ids(self) -> pd.Series:
        """Return the id of every row; NA where it is missing.

        Raises:
            DataError: a file cannot be read, or has no such column, or not as many ids as rows.
        """
        if self.is_array:
            return array_ids(Path(self.ids), num_rows=len(open_vectors(self.path)))
        _check(missing_columns(self.path, {"ids": self.ids}))
        return read_columns(self.path, [self.ids])[self.ids]

    def read_blocks(self) -> Iterator[VectorBlock]:
        """Yield the vectors in the order of the rows.

        Raises:
            DataError: a file cannot be read, or holds something else than numbers.
        """
        if self.is_array:
            blocks = array_blocks(self.path, BLOCK_ROWS)
            return (_block(rows_nH) for rows_nH in blocks)
        return self._lists() if self.column is not None else self._numbers()

    def width(self) -> int | None:
        """Return H as the file's head has it; None where the first row has no vector.

        Raises:
            DataError: the file cannot be read.
        """
        if self.is_array:
            return int(open_vectors(self.path).shape[1])
        if self.column is None:
            return len(columns_of(self.path)) - 1
        first = next(self._lists(), None)
        return int(first.lengths_n[0]) or None if first else None

    def _lists(self) -> Iterator[VectorBlock]:
        """The vectors of a column of lists."""
        stored = self._column_of_lists()
        try:
            with pa.parquet.ParquetFile(self.path) as parquet:
                for batch in parquet.iter_batches(BLOCK_ROWS, columns=[stored]):
                    yield _of_lists(batch.column(0))
        except READ_ERRORS as error:
            raise unreadable(self.path, error) from error

    def _column_of_lists(self) -> str:
        """The name of ``column`` as it is stored."""
        assert self.column is not None
        if not is_parquet(self.path):
            raise DataError(
                f"{self.path.name}: column: lists of numbers are read from Parquet only; leave it "
                "out where every column but the ids is one dimension"
            )
        types = _types(self.path)
        if self.column not in types:
            _check(missing_columns(self.path, {"column": self.column}))
        stored, kind = types[self.column]
        if not (_is_list(kind) and _is_number(kind.value_type)):
            raise DataError(
                f"{self.path.name}: column {self.column!r} (column) holds {kind}; expected a list "
                "of numbers a row"
            )
        return stored

    def _numbers(self) -> Iterator[VectorBlock]:
        """The vectors of all columns but the ids, each of which is one dimension."""
        found = columns_of(self.path)
        names = [name for name in found if name != self.ids]
        if not names:
            raise DataError(f"{self.path.name}: has no column but the ids {self.ids!r}")
        if is_parquet(self.path):
            types = _types(self.path)
            if lists := [name for name in names if _is_list(types[name][1])]:
                raise DataError(
                    f"{self.path.name}: {format_names(lists)} holds lists; name it by column:"
                )
        _check(missing_columns(self.path, {f"dimension {at}": n for at, n in enumerate(names)}))
        for batch in self._batches(names):
            columns = [_floats(batch[name], self.path, name) for name in names]
            yield _block(np.stack(columns, axis=1))

    def _batches(self, names: list[str]) -> Iterator[pa.RecordBatch]:
        if is_parquet(self.path):
            return read_parquet(self.path, names)
        return read_batches(self.path, text_format(self.path), columns=names)


def _check(problems: list[str]) -> None:
    if problems:
        raise DataError("\n".join(problems))


def _types(path: Path) -> dict[str, tuple[str, pa.DataType]]:
    """A Parquet file's columns: name -> name as stored, and type."""
    try:
        schema = pa.parquet.read_schema(path)
    except READ_ERRORS as error:
        raise unreadable(path, error) from error
    columns = zip(names_of(schema.names), schema.names, schema.types, strict=True)
    return {name: (stored, kind) for name, stored, kind in columns}


def _is_list(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))


def _of_lists(lists: pa.Array) -> VectorBlock:
    lengths = pc.fill_null(pc.list_value_length(lists), 0)
    values = lists.flatten().to_numpy(zero_copy_only=False)
    return VectorBlock(lengths.to_numpy().astype(np.int64), _float32(values))


def _floats(values: pa.Array, path: Path, name: str) -> npt.NDArray[np.float64]:
    try:
        numbers = pc.cast(values, pa.float64())
    except pa.ArrowException as error:
        raise DataError(f"{path.name}: column {name!r} holds no numbers: {error}") from error
    found: npt.NDArray[np.float64] = numbers.to_numpy(zero_copy_only=False)
    return found


def _block(rows_nH: npt.NDArray[np.generic]) -> VectorBlock:
    lengths_n = np.full(len(rows_nH), rows_nH.shape[1])
    return VectorBlock(lengths_n, _float32(rows_nH).ravel())


def _float32(values: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
    """As float32; numbers that are too large become infinite."""
    with np.errstate(over="ignore"):
        return values.astype(np.float32)
