"""Images in the items' own Parquet file are read as those in files are."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from morec.config import FilesSpec
from morec.data.dataset import load_dataset, open_dataset, save_dataset
from morec.data.decoded_images import decode_images
from morec.data.readers.files import READER, source_hash
from morec.errors import DataError
from tests.morec.data.hand_made import write_image
from tests.morec.data.reader_cases import offered
from tests.morec.data.stored_images import encoded

STRUCT = pa.struct({"bytes": pa.binary(), "path": pa.string()})
ITEMS = ["d", "b", "a", "b", "c", "e"]
"""The second row of b is dropped."""


def images_of(kind: str, root: Path) -> pa.Array:
    """Row r is a picture of shade 10 r."""
    content = [encoded(10 * row) for row in range(len(ITEMS))]
    if kind == "bytes":
        return pa.array(content, pa.binary())
    if kind == "struct":
        return pa.array([{"bytes": one, "path": "x.png"} for one in content], STRUCT)
    for row, one in enumerate(content):
        (root / f"{row}.png").write_bytes(one)
    names = [f"{row}.png" for row in range(len(ITEMS))]
    if kind == "linked":
        return pa.array([{"bytes": None, "path": name} for name in names], STRUCT)
    return pa.array(names)


def written(root: Path, images: pa.Array, **changes: Any) -> FilesSpec:
    rows = [(user, item, time) for user in "uvw" for time, item in enumerate("abcde")]
    table = pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"])
    table.to_csv(root / "log.csv", index=False)
    items = pa.table({"item_id": ITEMS, "title": [f"t{item}" for item in ITEMS], "img": images})
    pq.write_table(items, root / "items.parquet", row_group_size=2)
    fields = {"interactions": "log.csv", "items": "items.parquet", "text_column": "title"}
    return FilesSpec.model_validate({"kind": "files", "image_column": "img", **fields, **changes})


@pytest.mark.parametrize("kind", ["bytes", "struct", "linked", "paths"])
def test_every_item_has_its_own_image(tmp_path: Path, kind: str) -> None:
    dataset = load_dataset(written(tmp_path, images_of(kind, tmp_path)), tmp_path)
    assert dataset.item_names == ("d", "b", "a", "c", "e")
    assert dataset.titles == ("td", "tb", "ta", "tc", "te")
    shades = [0, 10, 20, 40, 50]
    assert decode_images(dataset, 16)[:, 0, 0, 0].tolist() == shades
    save_dataset(dataset, tmp_path / "saved")
    opened = open_dataset(tmp_path / "saved")
    assert opened.images == dataset.images
    assert np.array_equal(decode_images(opened, 16)[:, 0, 0, 0], shades)


def test_a_broken_or_missing_image_is_dropped_or_named(tmp_path: Path) -> None:
    content = images_of("bytes", tmp_path).to_pylist()
    broken = pa.array([content[0], content[1][:45], None, *content[3:]], pa.binary())
    spec = written(tmp_path, broken, min_seq_len=3)
    with pytest.raises(DataError, match=r"1 have no image: 'a'.*1 have a broken image: 'b' \("):
        load_dataset(spec, tmp_path)
    dropped = load_dataset(spec.model_copy(update={"missing_images": "drop"}), tmp_path)
    assert dropped.item_names == ("d", "c", "e")
    assert dropped.counts["items_without_image"] == dropped.counts["items_with_broken_image"] == 1


def test_the_source_hash_covers_bytes_and_linked_files(tmp_path: Path) -> None:
    spec = written(tmp_path, images_of("linked", tmp_path))
    before = source_hash(spec, tmp_path)
    assert source_hash(spec, tmp_path) == before
    write_image(tmp_path / "0.png", 200)
    with (tmp_path / "0.png").open("ab") as stream:
        stream.write(b"more")
    assert source_hash(spec, tmp_path) != before
    plain = written(tmp_path, images_of("bytes", tmp_path))
    assert source_hash(plain, tmp_path) != before


def test_a_list_of_images_is_refused_by_column(tmp_path: Path) -> None:
    lists = pa.array([[b"x"]] * len(ITEMS))
    with pytest.raises(DataError, match=r"items.parquet: column 'img' is list<"):
        load_dataset(written(tmp_path, lists), tmp_path)


def hash_of(paths: list[Path], *images: Path) -> str:
    """A source hash by its definition."""
    digest = hashlib.sha256(b"".join(hashlib.sha256(one.read_bytes()).digest() for one in paths))
    for image in images:
        digest.update(f"{image.name} {image.stat().st_size}\n".encode())
    return digest.hexdigest()


def test_the_source_hash_is_of_both_files_and_of_the_images_that_are_files(tmp_path: Path) -> None:
    spec = written(tmp_path, images_of("paths", tmp_path))
    files = [tmp_path / "log.csv", tmp_path / "items.parquet"]
    # The second row of b is dropped, with its image.
    images = [tmp_path / f"{row}.png" for row in (0, 1, 2, 4, 5)]
    assert source_hash(spec, tmp_path) == READER.source_hash(spec, tmp_path)
    assert source_hash(spec, tmp_path) == hash_of(files, *images)
    spec = spec.model_copy(update={"image_column": None})
    assert source_hash(spec, tmp_path) == hash_of(files)
    write_image(tmp_path / "covers" / "a.png")
    covers = spec.model_copy(update={"images": "covers"})
    assert source_hash(covers, tmp_path) == hash_of(files, tmp_path / "covers" / "a.png")


@pytest.mark.parametrize("kind", ["bytes", "paths"])
def test_an_image_column_that_is_not_there_is_named(tmp_path: Path, kind: str) -> None:
    spec = written(tmp_path, images_of(kind, tmp_path), image_column="image")
    with pytest.raises(DataError) as error:
        source_hash(spec, tmp_path)
    assert str(error.value) == (
        "items.parquet: no column 'image' (dataset.image_column). Did you mean 'img'? "
        "Columns found: item_id, title, img"
    )


def test_columns_of_a_parquet_file_are_offered_and_lists_are_joined(tmp_path: Path) -> None:
    spec = written(
        tmp_path, pa.array([["x", "y"], [], None, ["z"], ["z"], ["z"]]), image_column=None
    )
    file, names, rows = offered(READER, spec, tmp_path, ["title", "img"])
    assert (file, names) == ("items.parquet", ["item_id", "title", "img"])
    assert rows[0] == ["d", "td", "x, y"]
    assert rows[-1] == ["e", "te", "z"]
