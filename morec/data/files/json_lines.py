"""Streams chosen fields of JSON lines or lines of Python literals, packed or not."""

import ast
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.json

from morec.data.files.delimited import READ_ERRORS, unreadable
from morec.data.files.packed import open_packed
from morec.data.files.text_stream import BLOCK_BYTES
from morec.errors import DataError

CHUNK = 10_000
"""Python lines in memory at a time."""
NUM_SHOWN = 60
"""Characters of a wrong line in an error."""
_HALF = re.compile("[\ud800-\udfff]")
"""One of the two codes that a rare character is written with."""
_Parser = Callable[[str], Any]


def first_fields(path: Path) -> dict[str, Any]:
    """Return the first line as a dictionary.

    Raises:
        DataError: the file is empty or broken, or the line is neither JSON nor Python.
    """
    _, row = next(_rows(path, _parser(path)))
    return row


def read_json_lines(path: Path, fields: Mapping[str, type]) -> Iterator[pa.RecordBatch]:
    """Yield ``fields``, of type ``str``, ``int`` or ``float``; a field that a line lacks is null.

    Raises:
        DataError: the file is broken, or a line is no object with fields of these types; names the
            line.
    """
    types = {str: pa.string(), int: pa.int64(), float: pa.float64()}
    schema = pa.schema([(name, types[kind]) for name, kind in fields.items()])
    if _parser(path) is ast.literal_eval:
        rows = _checked(path, ast.literal_eval, fields)
        while chunk := list(islice(rows, CHUNK)):
            yield pa.RecordBatch.from_pylist(chunk, schema)
        return
    parse = pa.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
    read = pa.json.ReadOptions(use_threads=False, block_size=BLOCK_BYTES)
    try:
        with open_packed(path) as stream, pa.json.open_json(stream, read, parse) as batches:
            for batch in batches:
                # pyarrow reads bytes as text that are none; pandas fails on them later.
                batch.validate(full=True)
                yield batch
    except READ_ERRORS as error:
        # pyarrow counts rows within a block; a second pass finds the number of the line.
        for _ in _checked(path, json.loads, fields):
            pass
        raise unreadable(path, error) from error


def field_names(path: Path) -> list[str]:
    """Return the fields of the first ``CHUNK`` lines.

    Raises:
        DataError: the file is empty or broken, or a line is neither JSON nor Python.
    """
    rows = islice(_rows(path, _parser(path)), CHUNK)
    return list(dict.fromkeys(name for _, row in rows for name in row))


def read_json_texts(path: Path, fields: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield ``fields`` as text: lists, also of lists, joined by ``", "``; a missing one is null.

    Raises:
        DataError: the file is broken, or a field holds an object; names the line.
    """
    schema = pa.schema([(name, pa.string()) for name in fields])
    rows = _rows(path, _parser(path))
    while chunk := list(islice(rows, CHUNK)):
        texts = [
            {name: _text_of(row.get(name), path, f"line {number}: {name}") for name in fields}
            for number, row in chunk
        ]
        yield pa.RecordBatch.from_pylist(texts, schema)


def _text_of(value: Any, path: Path, where: str) -> str | None:
    if isinstance(value, list):
        return ", ".join(filter(None, (_text_of(one, path, where) for one in value)))
    if isinstance(value, dict):
        raise DataError(f"{path.name}: {where} is an object; expected text, a number or a list")
    return None if value is None else _whole(str(value), path, where)


def _whole(text: str, path: Path, where: str) -> str:
    """The same text, each rare character as one; Python's lines may have it in two halves.

    No table and no file takes half of a character.
    """
    if not _HALF.search(text):
        return text
    try:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeDecodeError as error:
        raise DataError(f"{path.name}: {where} has half of a character: {text!r}") from error


def _parser(path: Path) -> _Parser:
    """Choose the parser by the first line; Amazon's meta data of 2014 are Python literals."""
    with open_packed(path) as stream:
        try:
            return ast.literal_eval if stream.read(2) == b"{'" else json.loads
        except READ_ERRORS as error:
            raise unreadable(path, error) from error


def _checked(path: Path, parser: _Parser, fields: Mapping[str, type]) -> Iterator[dict[str, Any]]:
    for number, row in _rows(path, parser):
        yield {
            name: _typed(row.get(name), kind, path, f"line {number}: {name}")
            for name, kind in fields.items()
        }


def _typed(value: Any, kind: type, path: Path, where: str) -> Any:
    if value is None or (kind is float and type(value) is int):
        return value
    if type(value) is not kind:
        raise DataError(f"{path.name}: {where} is {value!r}, expected {kind.__name__}")
    return _whole(value, path, where) if isinstance(value, str) else value


def _rows(path: Path, parser: _Parser) -> Iterator[tuple[int, dict[str, Any]]]:
    """Rows with the numbers of their lines."""
    number = 0
    for number, line in _lines(path):
        try:
            row = parser(line)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            row = None  # Python raises the last two errors for brackets nested too deep.
        if not isinstance(row, dict):
            raise DataError(
                f"{path.name}: line {number} is no JSON object: {line[:NUM_SHOWN].rstrip()!r}"
            )
        yield number, row
    if not number:
        raise DataError(f"{path.name}: the file is empty")


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Lines that are not empty, and their numbers."""
    try:
        with open_packed(path) as stream:
            # In pieces: a small packed file may hold one line that fills the memory.
            lines = iter(partial(stream.readline, BLOCK_BYTES + 1), b"")
            for number, line in enumerate(lines, start=1):
                if len(line) > BLOCK_BYTES:
                    raise DataError(f"{path.name}: a line has more than {BLOCK_BYTES:,} bytes")
                if line.strip():
                    yield number, line.decode("utf-8")
    except READ_ERRORS as error:
        raise unreadable(path, error) from error
