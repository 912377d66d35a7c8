"""Reads images in a Parquet file: bytes of image files in the column ``image``, by ``item_id``."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from morec.data.images.open import RawImage
from morec.errors import DataError

ITEM, IMAGE = "item_id", "image"
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


def read_rows(path: Path, keys: Sequence[str | None]) -> Iterator[tuple[int, RawImage | None]]:
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
    parquet = _opened(path)
    for group, wanted in sorted(by_group.items()):
        images = _column(parquet, path, group, IMAGE)
        for row, index in sorted(wanted):
            yield index, images[row].as_py()


def _opened(path: Path) -> Any:
    try:
        parquet = pq.ParquetFile(path)
    except READ_ERRORS as error:
        raise _unreadable(path, error) from error
    schema = parquet.schema_arrow
    lacking = [name for name in (ITEM, IMAGE) if name not in schema.names]
    if lacking:
        raise DataError(
            f"{path}: no column {' and no column '.join(map(repr, lacking))}; "
            f"found: {', '.join(schema.names)}"
        )
    kind = schema.field(IMAGE).type
    if not (pa.types.is_binary(kind) or pa.types.is_large_binary(kind)):
        raise DataError(f"{path}: column {IMAGE!r} is {kind}, expected the bytes of image files")
    return parquet


def _column(parquet: Any, path: Path, group: int, name: str) -> pa.ChunkedArray:
    try:
        return parquet.read_row_group(group, [name])[name]
    except READ_ERRORS as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> DataError:
    return DataError(f"{path}: cannot be read as Parquet: {error}")
