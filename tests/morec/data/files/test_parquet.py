"""Columns of Parquet of every type: read as text or numbers, or refused with their type."""

import decimal
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from morec.data.files.parquet import parquet_header, read_parquet, type_problems
from morec.data.files.tables import as_names, missing_columns, read_columns, read_rows
from morec.errors import DataError

D = decimal.Decimal


def write(folder: Path, **columns: pa.Array) -> Path:
    path = folder / "t.parquet"
    pa.parquet.write_table(pa.table(columns), path)
    return path


def message_of(path: Path, column: str = "id") -> str:
    with pytest.raises(DataError) as error:
        read_columns(path, [column])
    return str(error.value)


@pytest.mark.parametrize(
    "kind",
    [
        pa.list_(pa.int64()),
        pa.large_list(pa.string()),
        pa.list_(pa.int64(), 2),
        pa.struct([("bytes", pa.binary()), ("path", pa.string())]),
        pa.map_(pa.string(), pa.int64()),
        pa.bool_(),
        pa.list_(pa.list_(pa.bool_())),
    ],
)
def test_a_column_of_other_types_is_refused(tmp_path: Path, kind: pa.DataType) -> None:
    path = write(tmp_path, id=pa.array([None, None], kind))
    stored = pa.parquet.read_schema(path).field("id").type
    assert missing_columns(path, {"dataset.item_column": "id"}) == [
        f"t.parquet: column 'id' (dataset.item_column) holds {stored}; "
        "expected one text, number or date a row"
    ]


@pytest.mark.parametrize(
    ("values", "names"),
    [
        (pa.array(["007", None, "NA"]), ["007", None, "NA"]),
        (pa.array(["007", None], pa.large_string()), ["007", None]),
        (pa.array(["a", None, "a"]).dictionary_encode(), ["a", None, "a"]),
        (pa.array([7, None, 7]).dictionary_encode(), ["7", None, "7"]),
        (pa.array([b"a", None]), ["a", None]),
        (pa.array([b"ab", None], pa.binary(2)), ["ab", None]),
        (pa.array([7, None], pa.int8()), ["7", None]),
        (pa.array([7, None], pa.uint32()), ["7", None]),
        (pa.array([2**64 - 1, None], pa.uint64()), ["18446744073709551615", None]),
        (pa.array([D("7"), None], pa.decimal128(20, 0)), ["7", None]),
        (pa.array([D("9" * 38), None], pa.decimal128(38, 0)), ["9" * 38, None]),
        (pa.array([D("7.00"), None], pa.decimal128(9, 2)), ["7", None]),
    ],
)
def test_ids_of_every_type_are_names(
    tmp_path: Path, values: pa.Array, names: list[str | None]
) -> None:
    path = write(tmp_path, id=values)
    assert missing_columns(path, {"dataset.item_column": "id"}) == []
    found = as_names(read_columns(path, ["id"])["id"])
    assert [None if name != name else name for name in found.tolist()] == names


SECOND = datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC)


@pytest.mark.parametrize(
    ("values", "times"),
    [
        (pa.array([9, 7], pa.int16()), [9, 7]),
        (pa.array([D("9"), D("7")], pa.decimal128(20, 0)), [9, 7]),
        (pa.array([D("7.5"), D("7")], pa.decimal128(20, 1)), [1, 0]),
        (pa.array([9, 7]).dictionary_encode(), [9, 7]),
        (pa.array(["9", "7"]).dictionary_encode(), [9, 7]),
        (pa.array([9.5, 7.0]), [1, 0]),
        (pa.array([b"9", b"7"]), [9, 7]),
        (pa.array([SECOND, SECOND], pa.timestamp("s", "UTC")), [10**15, 10**15]),
    ],
)
def test_times_of_every_type_are_whole_numbers(
    tmp_path: Path, values: pa.Array, times: list[int]
) -> None:
    path = write(tmp_path, u=pa.array(["a", "a"]), i=pa.array(["b", "c"]), t=values)
    assert read_rows(path, "u", "i", "t")["timestamp"].tolist() == times


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    assert message_of(write(tmp_path, id=pa.array([b"\xff"]))) == (
        "t.parquet: column 'id' holds bytes (binary) that are no UTF-8 text"
    )


@pytest.mark.parametrize("encode", [False, True])
def test_what_a_file_calls_text_and_is_none_is_refused(tmp_path: Path, encode: bool) -> None:
    wrong = pa.Array.from_buffers(pa.string(), 1, pa.array([b"\xff"]).buffers())
    if encode:
        wrong = pa.DictionaryArray.from_arrays(pa.array([0], pa.int32()), wrong)
    kind = "dictionary<values=string, indices=int32, ordered=0>" if encode else "string"
    assert message_of(write(tmp_path, id=wrong)) == (
        f"t.parquet: column 'id' holds bytes ({kind}) that are no UTF-8 text"
    )


def test_batches_of_which_only_some_are_whole_keep_every_id(tmp_path: Path) -> None:
    numbers: list[Any] = [D("1")] * 70_000 + [D("9" * 30)]
    path = write(tmp_path, id=pa.array(numbers, pa.decimal128(38, 0)))
    assert set(as_names(read_columns(path, ["id"])["id"])) == {"1", "9" * 30}


def test_blanks_around_names_of_columns_are_no_part_of_them(tmp_path: Path) -> None:
    path = write(tmp_path, **{" id\u200b": pa.array(["a"]), "other": pa.array([1])})
    assert missing_columns(path, {"dataset.item_column": "id"}) == []
    assert read_columns(path, ["id"])["id"].tolist() == ["a"]


def test_two_columns_of_one_name_are_named_with_their_places(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pa.parquet.write_table(pa.Table.from_arrays([pa.array([1])] * 3, ["id", "x", "id"]), path)
    assert missing_columns(path, {"dataset.item_column": "id"}) == [
        "t.parquet: 2 columns are named 'id' (dataset.item_column): columns 1 and 3"
    ]


def test_a_file_that_is_none_says_so(tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_text("id,x\n1,2\n")
    with pytest.raises(DataError, match=r"^t.parquet: cannot be read: "):
        missing_columns(tmp_path / "t.parquet", {"dataset.item_column": "id"})


def joined(folder: Path, values: pa.Array) -> pa.Array:
    (batch,) = read_parquet(write(folder, x=pa.array([0] * len(values)), t=values), ["t"],
                            joins_lists=True)  # fmt: skip
    assert batch.schema.names == ["t"]
    return batch["t"]


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (pa.array([["a", None, "b", ""], [], None]), ["a, b", "", None]),
        (pa.array([["a"], ["b", "c"]], pa.large_list(pa.large_string())), ["a", "b, c"]),
        (pa.array([[1, 0, None, 2], [3]]), ["1, 0, 2", "3"]),
        (pa.array([None, None], pa.list_(pa.string())), [None, None]),
        (pa.array(["a, b", None]), ["a, b", None]),
        (pa.array([7, 8]), [7, 8]),
    ],
)
def test_lists_are_joined_where_it_is_asked_for(
    tmp_path: Path, values: pa.Array, texts: list[Any]
) -> None:
    found = joined(tmp_path, values)
    assert found.to_pylist() == texts
    if pa.types.is_nested(values.type):
        assert found.type == pa.string()
        (batch,) = read_parquet(tmp_path / "t.parquet", ["t"])
        assert batch["t"].to_pylist() == values.to_pylist()


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (pa.array([True]), "bool"),
        (pa.array([[True]]), "list<element: bool>"),
        (pa.array([[[1]]]), "list<element: list<element: int64>>"),
        (pa.array([{"a": 1}]), "struct<a: int64>"),
        (pa.array([["a", "b"]], pa.list_(pa.string(), 2)), "fixed_size_list<element: string>[2]"),
    ],
)
def test_lists_of_other_values_are_not_joined(tmp_path: Path, values: pa.Array, kind: str) -> None:
    with pytest.raises(DataError) as error:
        joined(tmp_path, values)
    assert str(error.value) == (
        f"t.parquet: column 't' holds {kind}; expected text, numbers, dates, or lists"
    )


def test_a_file_without_rows_says_so(tmp_path: Path) -> None:
    path = write(tmp_path, id=pa.array([], pa.string()))
    assert message_of(path) == "t.parquet: has columns but no rows"


def test_only_columns_that_are_there_have_a_wrong_type(tmp_path: Path) -> None:
    path = write(tmp_path, **{" a ": pa.array([True]), "b": pa.array([1])})
    assert parquet_header(path) == ["a", "b"]
    assert type_problems(path, {"o": "a", "p": "b", "q": "c"}) == [
        "column 'a' (o) holds bool; expected one text, number or date a row"
    ]
