"""Images of a Parquet file are found by item; files of another layout are refused."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from morec.data.images.parquet import find_rows, read_rows
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


def test_repeated_items_are_refused_by_name(tmp_path: Path) -> None:
    table = pa.table({"item_id": ["a", "b", "a"], "image": pa.array([b""] * 3, pa.binary())})
    path = tmp_path / "images.parquet"
    pq.write_table(table, path)
    with pytest.raises(DataError, match=r"1 rows repeat an item: \['a'\]"):
        find_rows(path, ["a", "b"])


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
