"""Reads images in a Parquet file: bytes of image files, plain or as Hugging Face's data sets do.

These keep ``{bytes, path}``: the bytes, or else the path of a file, relative to the Parquet file.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from morec.data.images.open import RawImage
from morec.errors import DataError

ITEM, IMAGE = "item_id", "image"
"""Columns of a file of images; a file of items has columns of any name."""
BYTES, PATH = "bytes", "path"
BATCH_ROWS = 64
"""Images that are in memory at once, however long a row group is."""
READ_ERRORS = (OSError, pa.ArrowException)
"""Errors that pyarrow raises for broken files, on opening or later."""


def find_rows(path: Path, item_names: Sequence[str]) -> tuple[str | None, ...]:
    """Return per item ``<row group>/<row>`` of its image, or None. Reads no image.

    Raises:
        DataError: ``path`` is no such Parquet file, or has an item more than once.
    """
    rows: dict[str, str] = {}
    repeated: list[str] = []
    wanted = set(item_names)
    parquet = _opened(path)
    for group in range(parquet.num_row_groups):
        names = _column(parquet, path, group, ITEM).cast(pa.string()).to_pylist()
        for row, name in enumerate(names):
            if name in wanted:
                repeated += [name] if name in rows else []
                rows[name] = f"{group}/{row}"
    if repeated:
        raise DataError(f"{path}: {len(repeated):,} rows repeat an item: {repeated[:3]}")
    return tuple(rows.get(name) for name in item_names)


def holds_images(path: Path, column: str) -> bool:
    """Whether a column of a file of items holds images themselves, and not their paths.

    Raises:
        DataError: a Parquet file cannot be read, or holds something else in this column.
    """
    if path.suffix.lower() != ".parquet":
        return False
    schema = _file(path).schema_arrow
    kind = schema.field(column).type if column in schema.names else pa.string()
    if pa.types.is_nested(kind) and not _is_image(kind):
        raise _no_images(path, column, kind)
    return _is_image(kind)


def keys_of_rows(path: Path, rows: Iterable[int]) -> tuple[str, ...]:
    """Return the keys ``<row group>/<row>`` of rows, counted from the beginning of the file."""
    metadata = _file(path).metadata
    sizes = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
    starts = [0, *accumulate(sizes)]
    groups = [(bisect_right(starts, row) - 1, row) for row in rows]
    return tuple(f"{group}/{row - starts[group]}" for group, row in groups)


def linked_files(path: Path, column: str) -> list[Path | None]:
    """Return, row by row, the files that are named beside or instead of bytes."""
    parquet = _file(path)
    kind = parquet.schema_arrow.field(column).type
    if not pa.types.is_struct(kind) or PATH not in kind.names:
        return []
    structs = (
        _column(parquet, path, group, column, part=PATH) for group in range(parquet.num_row_groups)
    )
    names = [name[PATH] if name else None for values in structs for name in values.to_pylist()]
    return [path.parent / name if name else None for name in names]


def read_rows(
    path: Path, keys: Sequence[str | None], column: str = IMAGE
) -> Iterator[tuple[int, RawImage | None]]:
    """Yield the index and the image of every key, in the order of the file; None without a key.

    Raises:
        DataError: ``path`` is no such Parquet file.
    """
    by_group: dict[int, list[tuple[int, int]]] = {}
    for index, key in enumerate(keys):
        if key is None:
            yield index, None
        else:
            group, row = (int(number) for number in key.split("/"))
            by_group.setdefault(group, []).append((row, index))
    parquet = _file(path)
    for group, wanted in sorted(by_group.items()):
        indices: dict[int, list[int]] = {}
        for row, index in wanted:
            indices.setdefault(row, []).append(index)
        for row, image in enumerate(_values(parquet, path, group, column)):
            for index in indices.get(row, ()):
                yield index, _raw(image.as_py(), path.parent)


def _values(parquet: Any, path: Path, group: int, column: str) -> Iterator[Any]:
    """One row group's values, of which ``BATCH_ROWS`` are in memory at once."""
    try:
        for batch in parquet.iter_batches(BATCH_ROWS, row_groups=[group], columns=[column]):
            yield from batch[column]
    except READ_ERRORS as error:
        raise _unreadable(path, error) from error


def _raw(value: Any, folder: Path) -> RawImage | None:
    if not isinstance(value, dict):
        return None if value is None else bytes(value)
    content, name = value.get(BYTES), value.get(PATH)
    if content is not None:
        return bytes(content)
    return folder / name if name else None


def _is_image(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        return BYTES in kind.names and _is_image(kind.field(BYTES).type)
    is_one_of = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view)
    return any(is_kind(kind) for is_kind in is_one_of)


def _no_images(path: Path, column: str, kind: pa.DataType) -> DataError:
    return DataError(
        f"{path}: column {column!r} is {kind}, expected the bytes of image files, "
        f"or struct<{BYTES}: binary, {PATH}: string>"
    )


def _file(path: Path) -> Any:
    try:
        return pq.ParquetFile(path)
    except READ_ERRORS as error:
        raise _unreadable(path, error) from error


def _opened(path: Path) -> Any:
    """A file of images by item."""
    parquet = _file(path)
    schema = parquet.schema_arrow
    lacking = [name for name in (ITEM, IMAGE) if name not in schema.names]
    if lacking:
        raise DataError(
            f"{path}: no column {' and no column '.join(map(repr, lacking))}; "
            f"found: {', '.join(schema.names)}"
        )
    kind = schema.field(IMAGE).type
    if not _is_image(kind):
        raise _no_images(path, IMAGE, kind)
    return parquet


def _column(
    parquet: Any, path: Path, group: int, name: str, *, part: str | None = None
) -> pa.ChunkedArray:
    try:
        return parquet.read_row_group(group, [f"{name}.{part}" if part else name])[name]
    except READ_ERRORS as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> DataError:
    return DataError(f"{path}: cannot be read as Parquet: {error}")
