"""Images in folders, LMDBs and Parquet files are found, read and checked alike."""

import os
import re
from pathlib import Path

import lmdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from morec.data.decoded_images import decode_images
from morec.data.images.open import FORMATS, open_image
from morec.data.images.sources import (
    ImageSource,
    find_images,
    for_each_image,
    image_files,
    listed_files,
)
from morec.errors import DataError
from tests.morec.data.hand_made import dataset_of, write_image
from tests.morec.data.stored_images import encoded, write_lmdb, write_parquet

SHADES = {"a": 10, "b": 20, "c": 30, "d": 40, "e": 50}


def shades(source: ImageSource) -> dict[int, int]:
    """The grey of every image that can be read, by place."""
    found: dict[int, int] = {}

    def look(place: int, raw: object) -> None:
        found[place] = int(np.asarray(open_image(raw))[0, 0, 0])

    for_each_image(source, look)
    return found


def store(kind: str, folder: Path) -> Path:
    """The images a to e in one of the three kinds of places."""
    if kind == "files":
        for name, shade in SHADES.items():
            write_image(folder / "images" / f"{name}.png", shade)
        return folder / "images"
    values = {name: encoded(shade) for name, shade in SHADES.items()}
    if kind == "lmdb":
        return write_lmdb(folder / "images", values)
    return write_parquet(folder / "images.parquet", values)


@pytest.mark.parametrize("kind", ["files", "lmdb", "parquet"])
def test_every_kind_of_source_gives_the_images_of_the_given_items(
    tmp_path: Path, kind: str
) -> None:
    source = find_images(store(kind, tmp_path), ["d", "x", "a", "e"])
    assert source.kind == kind
    assert shades(source) == {0: 40, 2: 10, 3: 50}
    assert shades(source.select([3, 0])) == {0: 50, 1: 40}


@pytest.mark.parametrize("kind", ["files", "lmdb", "parquet"])
def test_every_kind_decodes_to_the_same_pixels(tmp_path: Path, kind: str) -> None:
    dataset = dataset_of([[1, 2, 3]], num_items=3)
    object.__setattr__(dataset, "images", find_images(store(kind, tmp_path), ["c", "b", "a"]))
    assert decode_images(dataset, 8)[:, 0, 0, 0].tolist() == [30, 20, 10]


def test_folders_below_the_folder_are_searched(tmp_path: Path) -> None:
    # H&M: images/010/0108775015.jpg
    write_image(tmp_path / "010" / "0108775015.jpg")
    write_image(tmp_path / "011" / "0110065001.JPEG")
    (tmp_path / "0123.txt").touch()
    source = find_images(tmp_path, ["0110065001", "0108775015", "0123"])
    assert source.keys == ("011/0110065001.JPEG", "010/0108775015.jpg", None)


def test_two_images_of_one_item_are_refused_by_name(tmp_path: Path) -> None:
    for name in ("x/a.jpg", "y/a.png", "b.jpg"):
        write_image(tmp_path / name)
    with pytest.raises(DataError) as caught:
        find_images(tmp_path, ["a", "b"])
    assert str(caught.value) == (
        f"dataset.images: 1 items have more than one image in {tmp_path}: 'a' (x/a.jpg, y/a.png)"
    )


def test_the_papers_item_names_are_numbers_in_its_lmdb(tmp_path: Path) -> None:
    path = write_lmdb(tmp_path / "images", {"27": encoded(1), "v3": encoded(2), "8": encoded(3)})
    assert find_images(path, ["v27", "v3", "v8x", "v"]).keys == ("27", "v3", None, None)


def test_an_lmdb_may_be_a_single_file(tmp_path: Path) -> None:
    path = write_lmdb(tmp_path / "images.lmdb", {"a": encoded(7)}, is_folder=False)
    assert shades(find_images(path, ["a"])) == {0: 7}


def test_a_missing_path_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    with pytest.raises(DataError, match=r"imagse does not exist. Did you mean 'images'\?"):
        find_images(tmp_path / "imagse", [])


def test_a_file_of_another_kind_names_the_kinds(tmp_path: Path) -> None:
    (tmp_path / "images.zip").touch()
    with pytest.raises(DataError) as caught:
        find_images(tmp_path / "images.zip", [])
    assert str(caught.value) == (
        f"dataset.images: {tmp_path / 'images.zip'} is not a folder of images, an LMDB (a folder "
        "with data.mdb, or .lmdb, .mdb), or a Parquet file (.parquet)"
    )


def test_a_file_that_is_neither_lmdb_nor_parquet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "images.lmdb").write_text("x" * 9000)
    with pytest.raises(DataError, match=r"images.lmdb: cannot be read as LMDB: "):
        find_images(tmp_path / "images.lmdb", ["a"])
    (tmp_path / "images.parquet").write_text("x" * 9000)
    with pytest.raises(DataError, match=r"images.parquet: cannot be read as Parquet: "):
        find_images(tmp_path / "images.parquet", ["a"])


def test_a_truncated_lmdb_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = write_lmdb(tmp_path / "images", {f"v{n}": encoded(n) * 40 for n in range(200)})
    data = path / "data.mdb"
    whole = data.stat().st_size
    os.truncate(data, whole // 2)
    with pytest.raises(DataError, match=rf"has {whole // 2:,} bytes of [\d,]+; it was cut off"):
        find_images(path, ["v1"])


def test_image_files_are_the_files_that_hold_images(tmp_path: Path) -> None:
    folder = store("files", tmp_path / "1")
    assert [path.name for path in image_files(folder)] == [f"{name}.png" for name in "abcde"]
    path = store("lmdb", tmp_path / "2")
    assert image_files(path) == [path / "data.mdb"]
    path = store("parquet", tmp_path / "3")
    assert image_files(path) == [path]


def test_missing_and_broken_images_are_listed_by_index(tmp_path: Path) -> None:
    for name in "ad":
        write_image(tmp_path / f"{name}.jpg")
    (tmp_path / "b.jpg").write_text("no picture")
    source = ImageSource("files", tmp_path, ("b.jpg", "a.jpg", None, "gone.jpg", "d.jpg"))
    unreadable = for_each_image(source, lambda _, raw: open_image(raw).close())
    assert unreadable.missing == (2, 3)
    path = tmp_path / "b.jpg"
    assert unreadable.broken == {
        0: f"{path}: cannot identify image file; allowed: {', '.join(FORMATS)}"
    }


def test_reading_does_not_change_an_lmdb(tmp_path: Path) -> None:
    path = write_lmdb(tmp_path / "images", {"a": encoded(7)})
    before = sorted(file.name for file in path.iterdir())
    for _ in range(2):
        assert shades(find_images(path, ["a"])) == {0: 7}
    assert sorted(file.name for file in path.iterdir()) == before
    with lmdb.open(str(path)) as environment:
        assert environment.stat()["entries"] == 1


def test_a_broken_value_names_its_key(tmp_path: Path) -> None:
    path = write_lmdb(tmp_path / "images", {"a": b"nothing"})
    unreadable = for_each_image(find_images(path, ["a"]), lambda _, raw: open_image(raw).close())
    assert re.match(f"{path}: a: cannot identify image file", unreadable.broken[0])


def test_more_images_than_are_read_ahead_all_arrive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("morec.data.images.sources.CHUNK", 2)
    assert shades(find_images(store("parquet", tmp_path), list(SHADES))) == dict(
        enumerate(SHADES.values())
    )


def test_any_mode_of_image_can_be_opened(tmp_path: Path) -> None:
    Image.new("P", (4, 4)).save(tmp_path / "a.png")
    assert open_image((tmp_path / "a.png").read_bytes()).size == (4, 4)


def test_an_image_that_cannot_be_read_is_found_where_there_is_no_other(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png")
    for name in ("a.heic", "b.HEIC", "c.txt"):
        (tmp_path / name).touch()
    assert find_images(tmp_path, list("abc")).keys == ("a.png", "b.HEIC", None)
    assert [path.name for path in image_files(tmp_path)] == ["a.png"]


def test_the_place_of_an_image_is_named(tmp_path: Path) -> None:
    files = ImageSource("files", tmp_path, ("x/a.png", None))
    assert [files.location(item) for item in (0, 1)] == [
        str(tmp_path / "x/a.png"),
        str(tmp_path / "no image"),
    ]
    packed = ImageSource("parquet", tmp_path / "i.parquet", ("0/3", None), "picture")
    assert packed.location(0) == f"{tmp_path / 'i.parquet'}: 0/3"
    assert packed.location(1) == f"{tmp_path / 'i.parquet'}: no image"
    assert packed.select([1]) == ImageSource("parquet", tmp_path / "i.parquet", (None,), "picture")


def test_of_many_items_with_several_images_three_are_named(tmp_path: Path) -> None:
    for name in "abcd":
        write_image(tmp_path / f"{name}.png")
        write_image(tmp_path / f"{name}.jpg")
    with pytest.raises(DataError) as caught:
        find_images(tmp_path, list("dcba"))
    assert str(caught.value) == (
        f"dataset.images: 4 items have more than one image in {tmp_path}: "
        "'d' (d.jpg, d.png); 'c' (c.jpg, c.png); 'b' (b.jpg, b.png)"
    )


def test_files_that_a_table_lists_are_those_of_its_keys_or_paths(tmp_path: Path) -> None:
    source = ImageSource("files", tmp_path, ("a.png", None))
    assert listed_files(source) == [tmp_path / "a.png", None]
    kind = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    images = pa.array([{"bytes": None, "path": "a.png"}], kind)
    pq.write_table(pa.table({"picture": images}), tmp_path / "i.parquet")
    packed = ImageSource("parquet", tmp_path / "i.parquet", ("0/0",), "picture")
    assert listed_files(packed) == [tmp_path / "a.png"]
    write_image(tmp_path / "a.png", 9)
    assert shades(packed) == {0: 9}


def test_problems_come_in_the_order_of_the_items(tmp_path: Path) -> None:
    values = {name: b"nothing" for name in "abcd"}
    path = write_parquet(tmp_path / "i.parquet", values)
    source = find_images(path, ["d", "x", "b", "y", "a"])
    unreadable = for_each_image(source, lambda _, raw: open_image(raw).close())
    assert unreadable.missing == (1, 3)
    assert list(unreadable.broken) == [0, 2, 4]
