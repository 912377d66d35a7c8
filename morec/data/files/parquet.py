"""Streams columns of Parquet files: whole numbers as int64, and what is written as text as text."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

from morec.data.files.delimited import READ_ERRORS, unreadable
from morec.data.files.headers import names_of
from morec.errors import DataError


def parquet_header(path: Path) -> list[str]:
    """Return the names of the columns.

    Raises:
        DataError: the file is no Parquet file, or broken.
    """
    return names_of(_schema(path).names)


def type_problems(path: Path, wanted: Mapping[str, str]) -> list[str]:
    """Return one message per column of ``wanted`` (option -> column) with no text or numbers.

    Raises:
        DataError: the file is no Parquet file, or broken.
    """
    schema = _schema(path)
    kinds = dict(zip(names_of(schema.names), schema.types, strict=True))
    return [
        f"column {name!r} ({option}) holds {kinds[name]}; expected one text, number or date a row"
        for option, name in wanted.items()
        if name in kinds and _is_other(kinds[name])
    ]


def read_parquet(
    path: Path, columns: list[str], *, joins_lists: bool = False
) -> Iterator[pa.RecordBatch]:
    """Yield ``columns``; ``joins_lists`` turns lists of text or numbers into text, with ``", "``.

    Raises:
        DataError: the file is broken, has no rows, or holds bytes that are no text.
    """
    schema = _schema(path)
    stored = dict(zip(names_of(schema.names), schema.names, strict=True))
    try:
        with pa.parquet.ParquetFile(path) as parquet:
            if not parquet.metadata.num_rows:
                raise DataError(f"{path.name}: has columns but no rows")
            for batch in parquet.iter_batches(columns=[stored[name] for name in columns]):
                values = {name: batch[stored[name]] for name in columns}
                if joins_lists:
                    values = {name: _joined(values[name], path, name) for name in columns}
                plain = {name: _plain(values[name], path, name) for name in columns}
                yield pa.RecordBatch.from_pydict(plain)
    except READ_ERRORS as error:
        raise unreadable(path, error) from error


def _schema(path: Path) -> pa.Schema:
    try:
        return pa.parquet.read_schema(path)
    except READ_ERRORS as error:
        raise unreadable(path, error) from error


def _is_other(kind: pa.DataType) -> bool:
    return bool(pa.types.is_nested(kind) or pa.types.is_boolean(kind))


def _plain(values: pa.Array, path: Path, name: str) -> pa.Array:
    """Return whole numbers as int64, other decimals and bytes as text; the rest as it is."""
    kind = values.type
    if pa.types.is_dictionary(kind) and not _is_text(kind.value_type):
        return _plain(values.dictionary_decode(), path, name)
    if pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        try:
            return values.cast(pa.int64())
        except pa.ArrowInvalid:
            return values.cast(pa.string())
    try:
        # Files may say of any bytes that they are text.
        values.validate(full=True)
        return values.cast(pa.string()) if _is_bytes(kind) else values
    except pa.ArrowInvalid:
        raise DataError(
            f"{path.name}: column {name!r} holds bytes ({kind}) that are no UTF-8 text"
        ) from None


def _joined(values: pa.Array, path: Path, name: str) -> pa.Array:
    """Lists as text; the rest as it is."""
    kind = values.type
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    if _is_other(kind.value_type if is_list else kind):
        raise DataError(
            f"{path.name}: column {name!r} holds {kind}; expected text, numbers, dates, or lists"
        )
    if not is_list:
        return values
    lists = (
        one if one is None else [str(v) for v in one if v not in (None, "")]
        for one in values.to_pylist()
    )
    return pa.array([None if one is None else ", ".join(one) for one in lists], pa.string())


def _is_text(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _is_bytes(kind: pa.DataType) -> bool:
    types = pa.types
    is_one_of = (types.is_binary, types.is_large_binary, types.is_fixed_size_binary)
    return any(is_kind(kind) for is_kind in is_one_of) or bool(types.is_binary_view(kind))
