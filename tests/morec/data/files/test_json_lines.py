"""Lines of JSON and of Python give the same fields; a wrong line is named by its number."""

import io
import json
from pathlib import Path

import pytest

from morec.data.files import json_lines
from morec.data.files.json_lines import first_fields, read_json_lines
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
