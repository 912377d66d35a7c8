"""Images of a Parquet file are found by item; files of another layout are refused."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from morec.data.images.parquet import find_rows, holds_images, keys_of_rows, linked_files, read_rows
from morec.errors import DataError
from tests.morec.data.stored_images import encoded, write_parquet


def test_images_come_in_the_order_of_the_file_with_their_indices(tmp_path: Path) -> None:
    values = {name: encoded(shade) for shade, name in enumerate("abcde")}
    path = write_parquet(tmp_path / "images.parquet", values)
    keys = find_rows(path, ["e", "b", "x", "a"])
    assert keys == ("2/0", "0/1", None, "0/0")
    assert list(read_rows(path, keys)) == [
        (2, None),
        (3, values["a"]),
        (1, values["b"]),
        (0, values["e"]),
    ]


def test_numeric_ids_match_names_as_text_and_null_is_no_image(tmp_path: Path) -> None:
    table = pa.table({"item_id": [31, 7], "image": pa.array([None, b"x"], pa.large_binary())})
    path = tmp_path / "images.parquet"
    pq.write_table(table, path)
    assert list(read_rows(path, find_rows(path, ["31", "7"]))) == [(0, None), (1, b"x")]


STRUCT = pa.struct({"bytes": pa.binary(), "path": pa.string()})


def test_images_as_hugging_face_keeps_them_are_bytes_or_a_file_beside(tmp_path: Path) -> None:
    values = [
        {"bytes": b"x", "path": "x.jpg"},
        {"bytes": None, "path": "p/y.jpg"},
        {"bytes": None, "path": None},
        None,
    ]
    path = tmp_path / "images.parquet"
    pq.write_table(pa.table({"item_id": list("abcd"), "image": pa.array(values, STRUCT)}), path)
    expected = [(0, b"x"), (1, tmp_path / "p/y.jpg"), (2, None), (3, None)]
    assert list(read_rows(path, find_rows(path, list("abcd")))) == expected
    assert linked_files(path, "image") == [tmp_path / "x.jpg", tmp_path / "p/y.jpg", None, None]


def test_a_long_row_group_is_read_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("morec.data.images.parquet.BATCH_ROWS", 2)
    values = {name: name.encode() for name in "abcde"}
    path = write_parquet(tmp_path / "images.parquet", values, rows_per_group=5)
    found = dict(read_rows(path, find_rows(path, list("edb"))))
    assert found == {0: b"e", 1: b"d", 2: b"b"}


def test_rows_are_found_in_their_row_groups(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "images.parquet", {name: b"" for name in "abcde"})
    assert keys_of_rows(path, [0, 1, 2, 4]) == ("0/0", "0/1", "1/0", "2/0")


@pytest.mark.parametrize(
    ("kind", "holds"),
    [
        (pa.binary(), True),
        (pa.large_binary(), True),
        (STRUCT, True),
        (pa.string(), False),
        (pa.int64(), False),
    ],
)
def test_whether_a_column_holds_images_or_paths_is_told_by_its_type(
    tmp_path: Path, kind: pa.DataType, holds: bool
) -> None:
    path = tmp_path / "items.parquet"
    pq.write_table(pa.table({"i": pa.array([None], kind)}), path)
    assert holds_images(path, "i") == holds
    assert not holds_images(path, "another")
    assert not holds_images(tmp_path / "items.csv", "i")


def test_a_column_of_lists_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "items.parquet"
    pq.write_table(pa.table({"i": pa.array([[b"x"]])}), path)
    with pytest.raises(DataError, match=r"'i' is list<.*, expected the bytes of image files, or"):
        holds_images(path, "i")


def test_repeated_items_are_refused_by_name(tmp_path: Path) -> None:
    names = ["a", "b", "a", "c", "b"]
    table = pa.table({"item_id": names, "image": pa.array([b""] * 5, pa.binary())})
    path = tmp_path / "images.parquet"
    pq.write_table(table, path)
    with pytest.raises(DataError, match=r"2 rows repeat an item: \['a', 'b'\]"):
        find_rows(path, ["a", "b", "c"])


def test_missing_columns_are_named_with_those_found(tmp_path: Path) -> None:
    path = tmp_path / "images.parquet"
    pq.write_table(pa.table({"item": ["a"], "picture": [b""]}), path)
    with pytest.raises(DataError) as caught:
        find_rows(path, ["a"])
    assert str(caught.value) == (
        f"{path}: no column 'item_id' and no column 'image'; found: item, picture"
    )


def test_an_image_column_without_bytes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "images.parquet"
    pq.write_table(pa.table({"item_id": ["a"], "image": ["a.jpg"]}), path)
    with pytest.raises(DataError, match="column 'image' is string, expected the bytes of image"):
        find_rows(path, ["a"])


def test_one_row_may_be_the_image_of_several_items(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "images.parquet", {name: name.encode() for name in "abc"})
    keys = ["1/0", "0/1", "1/0", None]
    assert list(read_rows(path, keys)) == [(3, None), (1, b"b"), (0, b"c"), (2, b"c")]


@pytest.mark.parametrize("kind", [pa.binary(), pa.struct({"bytes": pa.binary()})])
def test_images_without_paths_link_no_files(tmp_path: Path, kind: pa.DataType) -> None:
    values = [b"x"] if kind == pa.binary() else [{"bytes": b"x"}]
    path = tmp_path / "images.parquet"
    pq.write_table(pa.table({"item_id": ["a"], "image": pa.array(values, kind)}), path)
    assert linked_files(path, "image") == []
    assert list(read_rows(path, ["0/0"])) == [(0, b"x")]


def test_a_struct_without_bytes_is_no_image(tmp_path: Path) -> None:
    path = tmp_path / "items.parquet"
    kind = pa.struct({"path": pa.string()})
    pq.write_table(pa.table({"i": pa.array([{"path": "x"}], kind)}), path)
    with pytest.raises(DataError, match="'i' is struct<path: string>, expected the bytes of"):
        holds_images(path, "i")


def test_a_suffix_in_capitals_is_that_of_a_parquet_file_too(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "ITEMS.PARQUET", {"a": b"x"})
    assert holds_images(path, "image")
