"""Lines of JSON and of Python give the same fields; a wrong line is named by its number."""

import io
import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pyarrow as pa
import pytest

from morec.data.files import json_lines
from morec.data.files.json_lines import (
    field_names,
    first_fields,
    read_json_lines,
    read_json_texts,
)
from morec.errors import DataError
from tests.morec.data.endless import Endless

FIELDS = {"name": str, "time": int}


def rows_of(path: Path) -> list[dict[str, object]]:
    return [row for batch in read_json_lines(path, FIELDS) for row in batch.to_pylist()]


def message_of(path: Path) -> str:
    with pytest.raises(DataError) as error:
        rows_of(path)
    return str(error.value)


@pytest.mark.parametrize("dump", [json.dumps, repr])
def test_lines_of_json_and_of_python_give_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dump: type[str]
) -> None:
    monkeypatch.setattr(json_lines, "CHUNK", 2)
    path = tmp_path / "t.json"
    rows = [{"name": f"it's {n} é", "time": n, "other": {"deep": [n]}} for n in range(5)]
    path.write_text("\n".join(dump(row) for row in [*rows, {"more": 1}]), encoding="utf-8")
    expected = [{"name": row["name"], "time": row["time"]} for row in rows]
    assert rows_of(path) == [*expected, {"name": None, "time": None}]
    assert first_fields(path) == rows[0]


@pytest.mark.parametrize("first", ['{"name": "a", "time": 1}', "{'name': 'a', 'time': 1}"])
@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('{"name": "a", "ti', 'line 2 is no JSON object: \'{"name": "a", "ti\''),
        ("[1]", "line 2 is no JSON object: '[1]'"),
        ('{"name": 7}', "line 2: name is 7, expected str"),
        ('{"time": 1.5}', "line 2: time is 1.5, expected int"),
    ],
)
def test_a_wrong_line_is_named_by_its_number(
    tmp_path: Path, first: str, line: str, why: str
) -> None:
    path = tmp_path / "t.json"
    path.write_text(f"{first}\n{line}\n")
    assert message_of(path) == f"t.json: {why}"


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("t.json", b"", "the file is empty"),
        ("t.json", b"\xff\xfe\n", "cannot be read: 'utf-8' codec"),
        ("t.json.gz", b"not packed", "cannot be read: Not a gzipped file"),
        ("t.json.xz", b"not packed", "cannot be read: Input format not supported"),
    ],
)
def test_broken_files_say_why(tmp_path: Path, name: str, content: bytes, why: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert message_of(tmp_path / name).startswith(f"{name}: {why}")


def test_a_packed_line_without_end_is_refused_before_it_fills_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Endless] = []

    def open_endless(path: Path) -> io.BufferedReader:
        opened.append(Endless())
        return io.BufferedReader(opened[-1])

    monkeypatch.setattr(json_lines, "open_packed", open_endless)
    with pytest.raises(DataError, match=r"^t.json.gz: a line has more than 16,777,216 bytes$"):
        first_fields(tmp_path / "t.json.gz")
    assert sum(each.num_bytes for each in opened) < 2 * json_lines.BLOCK_BYTES


@pytest.mark.parametrize("first", ['{"name": "a"}', "{'name': 'a'}"])
def test_a_line_that_is_longer_than_a_block_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    monkeypatch.setattr(json_lines, "BLOCK_BYTES", 100)
    path = tmp_path / "t.json"
    path.write_text(f"{first}\n" + '{"name": "' + "a" * 200 + '"}\n')
    assert message_of(path) == "t.json: a line has more than 100 bytes"


def test_bytes_that_are_no_text_are_refused_also_behind_the_first_line(tmp_path: Path) -> None:
    """Found by the fuzz tests: pyarrow reads them, and pandas fails on them."""
    path = tmp_path / "t.json"
    path.write_bytes(b'{"name": "a", "time": 1}\n{"name": "\x80b", "time": 2}\n')
    assert message_of(path) == (
        "t.json: cannot be read: 'utf-8' codec can't decode byte 0x80 in position 10: "
        "invalid start byte"
    )


@pytest.mark.parametrize("dump", [json.dumps, repr])
@pytest.mark.parametrize("empty", ["", "\n \n"])
def test_the_number_of_a_wrong_line_counts_empty_ones(
    tmp_path: Path, dump: Callable[[object], str], empty: str
) -> None:
    path = tmp_path / "t.json"
    path.write_text(f"{dump({'name': 'a'})}\n{empty}{'x' * 70}\n")
    line = 2 + empty.count("\n")
    assert message_of(path) == f"t.json: line {line} is no JSON object: {'x' * 60!r}"
    path.write_text(f"{dump({'name': 'a'})}\n{empty}{dump({'name': 7})}\n")
    assert message_of(path) == f"t.json: line {line}: name is 7, expected str"


@pytest.mark.parametrize("dump", [json.dumps, repr])
def test_fields_have_their_types_whatever_the_lines_hold(
    tmp_path: Path, dump: Callable[[object], str]
) -> None:
    rows = [{"s": None, "n": 1, "x": 2}, {"x": 0.5}, {"n": None, "x": -1}]
    (tmp_path / "t.json").write_text("".join(f"{dump(row)}\n" for row in rows))
    (batch,) = read_json_lines(tmp_path / "t.json", {"s": str, "n": int, "x": float})
    assert batch.schema == pa.schema([("s", pa.string()), ("n", pa.int64()), ("x", pa.float64())])
    assert batch.to_pydict() == {"s": [None] * 3, "n": [1, None, None], "x": [2.0, 0.5, -1.0]}


@pytest.mark.parametrize("value", ["True", "0.5", "'1'"])
def test_what_is_no_whole_number_is_refused_in_lines_of_python(value: str, tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(f"{{'time': {value}}}\n")
    assert message_of(tmp_path / "t.json") == f"t.json: line 1: time is {value}, expected int"
    if value != "0.5":
        with pytest.raises(DataError, match=r"line 1: time is .*, expected float"):
            list(read_json_lines(tmp_path / "t.json", {"time": float}))


def test_a_line_may_fill_a_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lines, "BLOCK_BYTES", 100)
    path = tmp_path / "t.json"
    path.write_text("{'name': '" + "a" * 87 + "'}\n")
    assert path.stat().st_size == 100
    assert rows_of(path) == [{"name": "a" * 87, "time": None}]
    path.write_text("{'name': '" + "a" * 88 + "'}\n")
    assert message_of(path) == "t.json: a line has more than 100 bytes"


def test_names_of_fields_are_those_of_the_first_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_lines, "CHUNK", 2)
    (tmp_path / "t.json").write_text('{"b": 1, "a": 2}\n\n{"c": 3, "b": 4}\n{"d": 5}\n')
    assert field_names(tmp_path / "t.json") == ["b", "a", "c"]


def test_values_of_every_kind_are_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lines, "CHUNK", 2)
    rows = [{"t": ["a", ["b", None, 0]], "n": 1.5}, {"t": "x"}, {"t": [], "n": None, "o": 1}]
    path = tmp_path / "t.json"
    path.write_text("\n".join(map(json.dumps, rows)))
    batches = list(read_json_texts(path, ["n", "t"]))
    assert [len(batch) for batch in batches] == [2, 1]
    assert all(
        batch.schema == pa.schema([("n", pa.string()), ("t", pa.string())]) for batch in batches
    )
    assert [row for batch in batches for row in batch.to_pylist()] == [
        {"n": "1.5", "t": "a, b, 0"},
        {"n": None, "t": "x"},
        {"n": None, "t": ""},
    ]


@pytest.mark.parametrize("value", [{"a": 1}, ["b", {"a": 1}]])
def test_an_object_is_no_text(value: object, tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_text('{"t": "x"}\n\n' + json.dumps({"t": value}))
    with pytest.raises(DataError) as error:
        list(read_json_texts(path, ["t"]))
    assert str(error.value) == ("t.json: line 3: t is an object; expected text, a number or a list")


@pytest.mark.parametrize("quote", ['"', "'"], ids=["json", "python"])
@pytest.mark.parametrize("code", ["d800", "dc00", "dfff"])
def test_half_of_a_character_is_refused_by_its_line(code: str, quote: str, tmp_path: Path) -> None:
    lines = ['{"a": "x"}', '{"a": "\\ud83d\\ude00"}', f'{{"a": "y\\u{code}"}}']
    path = tmp_path / "h.json"
    path.write_text("\n".join(lines).replace('"', quote))
    refusal = re.escape(f"h.json: line 3: a has half of a character: 'y\\u{code}'")
    for read in (partial(read_json_lines, path, {"a": str}), partial(read_json_texts, path, ["a"])):
        with pytest.raises(DataError, match=refusal):
            list(read())


@pytest.mark.parametrize("quote", ['"', "'"], ids=["json", "python"])
def test_a_character_in_two_halves_is_one(quote: str, tmp_path: Path) -> None:
    (tmp_path / "h.json").write_text('{"a": "\\ud83d\\ude00!"}\n'.replace('"', quote))
    for read in (read_json_lines, read_json_texts):
        (batch,) = read(tmp_path / "h.json", {"a": str})
        assert batch.to_pydict() == {"a": ["\U0001f600!"]}


def test_half_of_a_character_is_refused_within_a_list_too(tmp_path: Path) -> None:
    (tmp_path / "h.json").write_text('{"a": ["x", ["\\ud800"]]}\n')
    with pytest.raises(DataError, match="line 1: a has half of a character"):
        list(read_json_texts(tmp_path / "h.json", ["a"]))
